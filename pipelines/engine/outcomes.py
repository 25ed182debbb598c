"""What comes of a request: a reply with its state, or a fault with what to do about it; and reading what they are made
of. Which state a reply has is decided in `endings.py`, what an error means in `errors.py`.
"""

import re
from dataclasses import dataclass, field
from typing import Any

from pipelines.completion import State, Usage
from specs.untrusted import load_json, storable

_KEY_LIKE = re.compile(r"\b(sk|key|gsk|hf|xai|pk)[-_][A-Za-z0-9_*\-]{8,}|(?<=Bearer )\S+")
DETAIL_CHARS = 300
_SCRUBBED_CHARS = 20_000  # enough that no part of a key is cut off unseen in what is kept
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
    return " ".join(_KEY_LIKE.sub("[key]", text).split())[:DETAIL_CHARS]


# --- replies ---------------------------------------------------------------------------------------------------------


def parsed(body: str, key: str = "") -> Any:
    """The JSON that came with HTTP status 200; a Fault where it is none. Nothing in it is trusted."""
    try:
        return load_json(body)
    except ValueError:
        found = "an HTML page" if body.lstrip()[:1] == "<" else "no JSON"
        return Fault("bad_reply", f"status 200, but {found}: {scrub(body, key)}")


def clean(value: object) -> str:
    """A string that can be stored as UTF-8; the empty one for anything that is no string."""
    return storable(value) if isinstance(value, str) else ""


def count(source: object, name: str) -> int | None:
    """A number of tokens that `source` reports under `name`; None for anything that is no count."""
    value = source.get(name) if isinstance(source, dict) else None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _MOST_TOKENS else None
