"""What an endpoint can answer, sorted: a reply with its state, or a fault with what to do about it."""

import re
from dataclasses import dataclass, field, replace
from typing import Any

from pipelines.completion import State, Usage
from pipelines.engine.endings import Ending, ending_of
from specs.untrusted import load_json, storable

_KEY_LIKE = re.compile(r"\b(sk|key|gsk|hf|xai|pk)[-_][A-Za-z0-9_*\-]{8,}|(?<=Bearer )\S+")
_DETAIL_CHARS, _NAME_CHARS = 300, 60
_ALL_REASONING = (
    "no text: all of max_tokens went into reasoning; raise it (the role's, and for chats chats.max_tokens) "
    "or lower reasoning_effort"
)
_SCRUBBED_CHARS = 20_000  # enough that no part of a key is cut off unseen in what is kept
_UNKNOWN_ENDING = "it does not say that it is whole: it ended with {!r}, which is not known to be a good ending"
_HIDDEN = (
    "no text: the server's reasoning parser took all of it for reasoning; serve the model without it (vLLM: no "
    "--reasoning-parser; others: extra_body: {chat_template_kwargs: {enable_thinking: false}})"
)
_MOST_TOKENS = 10**9  # of one request: beyond it a count is none


@dataclass(frozen=True, slots=True)
class Fault:
    """A request that brought no usable reply."""

    # timeout | connection | throttled | server | bad_reply | denied | rejected | permanent | expired | batch_failed |
    # no_batches. `denied` (401, 404) is about the endpoint, `rejected` (400, 403) about what was asked; whether either
    # is about one request alone is known by what the endpoint answers to others. `permanent` is about all.
    kind: str
    detail: str
    retry_after_s: float | None = None
    overload: bool = False  # fewer requests in flight might help
    unreachable: bool = False  # nothing about this request: no connection
    unheard: bool = False  # not a byte of an answer came: nothing was made that could be billed
    advice: str = ""  # where asking again does not help
    status: int | None = None  # of HTTP, where asking again does not help
    usage: Usage | None = None  # of what was made of a reply before it broke

    @property
    def own(self) -> bool:
        """Whether the request itself may be why there was no reply: it was sent, and then nothing usable came."""
        return self.kind in {"timeout", "connection", "server", "bad_reply", "denied"} and not self.unreachable

    @property
    def crowded(self) -> bool:
        """Whether too many at once may be why: the endpoint cut it off unheard, or said that it has too much to do."""
        return self.overload and self.kind in {"connection", "server"}

    @property
    def billable(self) -> bool:
        """Whether a reply may have been made, and be billed, that did not reach us or cannot be read: there was no word
        of an error."""
        made = self.own and self.kind not in {"server", "denied"}
        of_another_form = self.kind == "rejected" and self.status is not None and self.status < 400
        return (made and not self.unheard) or of_another_form


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply that was paid for."""

    state: State
    text: str = ""
    reasoning: str = ""
    finish_reason: str = ""
    usage: Usage = field(default_factory=Usage)
    error: str = ""
    model: str = ""  # the name under which the endpoint says that it answered
    likeliest: tuple[dict[str, float], ...] = ()  # token -> log-probability: see `Completion`


def scrub(text: str, key: str = "") -> str:
    """`text` on one line, cut short, without `key` and without anything that looks like one."""
    text = text[:_SCRUBBED_CHARS]
    if key:
        text = text.replace(key, "[key]")
    return " ".join(_KEY_LIKE.sub("[key]", text).split())[:_DETAIL_CHARS]


# --- replies ---------------------------------------------------------------------------------------------------------


def parsed(body: str, key: str = "") -> Any:
    """The JSON that came with HTTP status 200; a Fault where it is none. Nothing in it is trusted."""
    try:
        return load_json(body)
    except ValueError:
        found = "an HTML page" if body.lstrip()[:1] == "<" else "no JSON"
        return Fault("bad_reply", f"status 200, but {found}: {scrub(body, key)}")


def ended(finish: str, text: str, reasoning: str, usage: Usage, refusal: str = "", empty: str = "") -> Reply | Fault:
    """A reply with the state that its ending says; a fault of the endpoint where the ending says that it broke.

    `refusal`: what it says of refusing; `empty`: why it has no text.
    """
    ending = ending_of(finish)
    reply = Reply(State.OK, text, reasoning, finish, usage)
    if refusal or ending is Ending.REFUSED:
        return replace(reply, state=State.REFUSED, text=text or refusal, error=refusal[:_DETAIL_CHARS])
    if ending is Ending.BROKEN:
        return Fault("server", f"the reply ended with {finish!r}", usage=usage)
    if ending is Ending.CUT:
        return replace(reply, state=State.TRUNCATED, error="" if text.strip() else _ALL_REASONING)
    if ending is Ending.UNKNOWN:
        return replace(reply, state=State.TRUNCATED, error=_UNKNOWN_ENDING.format(finish[:_NAME_CHARS]))
    if not text.strip() or ending is Ending.TOOLS:
        why = empty or ("tool calls instead of text" if ending is Ending.TOOLS else "an empty reply")
        why = _HIDDEN if not empty and ending is Ending.GOOD and reasoning.strip() else why
        return replace(reply, state=State.UNPARSED, error=why)
    return reply


def cut_at(reply: Reply, limit: int) -> Reply:
    """`reply` as cut off where it has as many tokens as were asked for at most, whatever its ending says."""
    if reply.state is not State.OK or reply.usage.completion is None or reply.usage.completion < limit:
        return reply
    return replace(reply, state=State.TRUNCATED, error=f"it has all of the {limit} tokens that it may have")


def clean(value: object) -> str:
    """A string that can be stored as UTF-8; the empty one for anything that is no string."""
    return storable(value) if isinstance(value, str) else ""


def count(source: object, name: str) -> int | None:
    """A number of tokens that `source` reports under `name`; None for anything that is no count."""
    value = source.get(name) if isinstance(source, dict) else None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _MOST_TOKENS else None
