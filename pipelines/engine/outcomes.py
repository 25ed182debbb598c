"""What an endpoint can answer, sorted: a reply with its state, or a fault with what to do about it."""

import json
import re
import time
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from pipelines.completion import State, Usage

if TYPE_CHECKING:
    from pipelines.engine.endpoints import EndpointSettings

_KEY_LIKE = re.compile(r"\b(sk|key|gsk|hf|xai|pk)[-_][A-Za-z0-9_*\-]{8,}|(?<=Bearer )\S+")
_DETAIL_CHARS = 300
_PLACES = 16  # of a reply whose likeliest tokens are kept: what may stand before a letter
_ALL_REASONING = (
    "no text: all of max_tokens went into reasoning; raise it (the role's, and for chats chats.max_tokens) "
    "or lower reasoning_effort"
)
_SCRUBBED_CHARS = 20_000  # enough that no part of a key is cut off unseen in what is kept
_TRANSIENT_STATUS = frozenset({408, 409, 425, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529})
_OVERLOAD_STATUS = frozenset({408, 503, 504, 529})
_REJECTED_STATUS = frozenset({400, 413, 422})  # about what was asked, perhaps by this one request alone
_FILTER_CODES = frozenset(
    {"content_filter", "content_policy_violation", "ResponsibleAIPolicyViolation", "invalid_prompt"}
)


@dataclass(frozen=True, slots=True)
class Fault:
    """A request that brought no usable reply."""

    # timeout | connection | throttled | server | bad_reply | rejected | permanent | expired | batch_failed | no_batches
    kind: str
    detail: str
    retry_after_s: float | None = None
    overload: bool = False  # fewer requests in flight might help
    unreachable: bool = False  # nothing about this request: no connection
    advice: str = ""  # where asking again does not help
    status: int | None = None  # of HTTP, where asking again does not help

    @property
    def own(self) -> bool:
        """Whether the request itself may be why there was no reply: it was sent, and then nothing usable came."""
        return self.kind in {"timeout", "connection", "server", "bad_reply"} and not self.unreachable

    @property
    def billable(self) -> bool:
        """Whether a reply may have been made, and be billed, that did not reach us: there was no word of an error."""
        return self.own and self.kind != "server"


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply that was paid for."""

    state: State
    text: str = ""
    reasoning: str = ""
    finish_reason: str = ""
    usage: Usage = field(default_factory=Usage)
    error: str = ""
    likeliest: tuple[dict[str, float], ...] = ()


def scrub(text: str, key: str = "") -> str:
    """`text` on one line, cut short, without `key` and without anything that looks like one."""
    text = text[:_SCRUBBED_CHARS]
    if key:
        text = text.replace(key, "[key]")
    return " ".join(_KEY_LIKE.sub("[key]", text).split())[:_DETAIL_CHARS]


# --- errors ----------------------------------------------------------------------------------------------------------


def fault_of(error: Exception, endpoint: "EndpointSettings", key: str) -> Fault | Reply:
    """Sort an exception of the openai package, or a TimeoutError."""
    import openai

    cause = error.__cause__ or error
    unreachable = type(cause).__name__ in {"ConnectError", "ConnectTimeout"}
    if isinstance(error, TimeoutError | openai.APITimeoutError) and not unreachable:
        return Fault("timeout", f"no complete reply within {endpoint.timeout_s:g} s", overload=True)
    if isinstance(error, openai.APIStatusError):
        body = error.body if isinstance(error.body, dict) else {}
        return status_fault(error.status_code, body, error.message, error.response.headers, endpoint, key)
    detail = scrub(f"{type(cause).__name__}: {cause}", key)
    if isinstance(error, openai.APIConnectionError):
        detail = f"{detail} ({endpoint.address or 'the default address'})"
        return Fault("connection", detail, unreachable=unreachable)
    return Fault("bad_reply", detail)


def status_fault(
    status: int, error: dict[str, Any], message: str, headers: Any, endpoint: "EndpointSettings", key: str
) -> Fault | Reply:
    """Sort an HTTP status other than 200, with the `error` object of its body."""
    code = str(error.get("code") or "")
    detail = scrub(f"HTTP {status} {error.get('message') or message}", key)
    if code in _FILTER_CODES:
        return Reply(State.REFUSED, finish_reason="content_filter", error=detail)
    if status == 429 and code not in {"insufficient_quota", "billing_hard_limit_reached"}:
        return Fault("throttled", detail, retry_after(headers), overload=True)
    if status in _TRANSIENT_STATUS or (status >= 500 and status != 501):
        return Fault("server", detail, retry_after(headers), overload=status in _OVERLOAD_STATUS)
    kind = "rejected" if status in _REJECTED_STATUS else "permanent"
    return Fault(kind, detail, advice=advice_on(status, detail, endpoint, bool(key)), status=status)


def advice_on(status: int, detail: str, endpoint: "EndpointSettings", has_key: bool) -> str:
    """What to do about a permanent fault."""
    if status in {401, 403} and not has_key:
        return f"The environment variable {endpoint.api_key_env} is not set: put the key there."
    if status in {401, 403}:
        return f"Check the key in the environment variable {endpoint.api_key_env} and what it may use."
    if status in {402, 429}:
        return "The account has no credit left: add some, then run again."
    if status == 404:
        return f"Check `model` ({endpoint.model}) and `base_url` ({endpoint.address or 'default'}) of the endpoint."
    if "context" in detail.lower() or "too long" in detail.lower() or status == 413:
        return (
            "The prompt and max_tokens do not fit the model: lower max_tokens, shorten the spec, or use another model."
        )
    return (
        "The request is not accepted: check the role's parameters (json_mode, max_tokens_field, extra_body), and "
        "eval.scorer=reply where it is about log-probabilities."
    )


def retry_after(headers: Any) -> float | None:
    """Seconds to wait as the headers say, in milliseconds, seconds or as an HTTP date; None if they do not."""
    milliseconds, value = headers.get("retry-after-ms"), headers.get("retry-after")
    try:
        if milliseconds is not None:
            return max(0.0, float(milliseconds) / 1000)
        return None if value is None else max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (TypeError, ValueError, OverflowError):
        return None


# --- replies ---------------------------------------------------------------------------------------------------------


def read_reply(body: str, key: str = "") -> Reply | Fault:
    """Sort the body of a chat completion with HTTP status 200; nothing in it is trusted."""
    try:
        data = json.loads(body)
    except ValueError:
        found = "an HTML page" if body.lstrip()[:1] == "<" else "no JSON"
        return Fault("bad_reply", f"status 200, but {found}: {scrub(body, key)}")
    return sort_reply(data, key)


def sort_reply(data: Any, key: str = "") -> Reply | Fault:
    """Sort a chat completion that has been parsed."""
    try:
        choice = data["choices"][0]
        message = choice["message"]
        text = message.get("content")
    except (LookupError, TypeError, AttributeError):
        return Fault("bad_reply", f"status 200, but no choice with a message: {scrub(str(data), key)}")
    reply = _sorted_reply(choice, message, _clean(text), _usage(data.get("usage")))
    found = likeliest_tokens(choice.get("logprobs"))
    return replace(reply, likeliest=found) if found else reply


def likeliest_tokens(logprobs: object) -> tuple[dict[str, float], ...]:
    """The likeliest tokens at each of the first places of a reply, with their log-probabilities; nothing of any other
    form."""
    content = logprobs.get("content") if isinstance(logprobs, dict) else None
    places = []
    for entry in content[:_PLACES] if isinstance(content, list) else ():
        listed = entry.get("top_logprobs") if isinstance(entry, dict) else None
        tokens: dict[str, float] = {}
        for one in [*(listed if isinstance(listed, list) else []), entry]:
            token, value = (one.get("token"), one.get("logprob")) if isinstance(one, dict) else (None, None)
            if isinstance(token, str) and isinstance(value, float | int) and not isinstance(value, bool) and value <= 0:
                tokens.setdefault(_clean(token), float(value))
        places.append(tokens)
    return tuple(places)


def _sorted_reply(choice: dict[str, Any], message: dict[str, Any], text: str, usage: Usage) -> Reply:
    finish = _clean(choice.get("finish_reason"))
    reasoning = _clean(message.get("reasoning_content") or message.get("reasoning"))
    refusal = _clean(message.get("refusal"))
    if refusal or finish == "content_filter":
        return Reply(State.REFUSED, text or refusal, reasoning, finish, usage, refusal[:_DETAIL_CHARS])
    if finish == "length":
        return Reply(State.TRUNCATED, text, reasoning, finish, usage, "" if text.strip() else _ALL_REASONING)
    if not text.strip():
        why = "tool calls instead of text" if message.get("tool_calls") else "an empty reply"
        return Reply(State.UNPARSED, text, reasoning, finish, usage, why)
    return Reply(State.OK, text, reasoning, finish, usage)


def _clean(value: object) -> str:
    """A string that can be stored as UTF-8; the empty one for anything that is no string."""
    if not isinstance(value, str):
        return ""
    return value.encode("utf-8", "replace").decode("utf-8")


def _usage(usage: object) -> Usage:
    if not isinstance(usage, dict):
        return Usage()
    prompt_details = usage.get("prompt_tokens_details")
    completion_details = usage.get("completion_tokens_details")
    return Usage(
        _count(usage, "prompt_tokens"),
        _count(prompt_details, "cached_tokens"),
        _count(usage, "completion_tokens"),
        _count(completion_details, "reasoning_tokens"),
    )


def _count(source: object, name: str) -> int | None:
    value = source.get(name) if isinstance(source, dict) else None
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
