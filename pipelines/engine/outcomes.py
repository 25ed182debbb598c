"""What an endpoint can answer, sorted: a reply with its state, or a fault with what to do about it."""

import json
import re
import time
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from pipelines.completion import State, Usage

if TYPE_CHECKING:
    from pipelines.engine.endpoints import EndpointSettings

_KEY_LIKE = re.compile(r"\b(sk|key|gsk|hf|xai|pk)[-_][A-Za-z0-9_*\-]{8,}|(?<=Bearer )\S+")
_DETAIL_CHARS = 300
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


def scrub(text: str, key: str = "") -> str:
    """`text` on one line, cut short, without `key` and without anything that looks like one."""
    text = text[:_SCRUBBED_CHARS]
    if key:
        text = text.replace(key, "[key]")
    return " ".join(_KEY_LIKE.sub("[key]", text).split())[:_DETAIL_CHARS]


# --- errors ----------------------------------------------------------------------------------------------------------


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
    return "The request is not accepted: check the role's parameters (json_mode, max_tokens_field, extra_body)."


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


def parsed(body: str, key: str = "") -> Any:
    """The JSON that came with HTTP status 200; a Fault where it is none. Nothing in it is trusted."""
    try:
        return json.loads(body)
    except ValueError:
        found = "an HTML page" if body.lstrip()[:1] == "<" else "no JSON"
        return Fault("bad_reply", f"status 200, but {found}: {scrub(body, key)}")


def ended(finish: str, text: str, reasoning: str, usage: Usage, refusal: str = "", empty: str = "") -> Reply:
    """A reply with the state that its ending says. `refusal`: what it says of refusing; `empty`: why it has no text."""
    if refusal or finish == "content_filter":
        return Reply(State.REFUSED, text or refusal, reasoning, finish, usage, refusal[:_DETAIL_CHARS])
    if finish == "length":
        return Reply(State.TRUNCATED, text, reasoning, finish, usage, "" if text.strip() else _ALL_REASONING)
    if not text.strip():
        return Reply(State.UNPARSED, text, reasoning, finish, usage, empty or "an empty reply")
    return Reply(State.OK, text, reasoning, finish, usage)


def clean(value: object) -> str:
    """A string that can be stored as UTF-8; the empty one for anything that is no string."""
    if not isinstance(value, str):
        return ""
    return value.encode("utf-8", "replace").decode("utf-8")


def count(source: object, name: str) -> int | None:
    """A number of tokens that `source` reports under `name`; None for anything that is no count."""
    value = source.get(name) if isinstance(source, dict) else None
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
