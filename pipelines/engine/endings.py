"""How a reply ended, and so which state it has: the one place that decides what a `finish_reason` means.

By a closed list (`endings.yaml`): only what is known to be a good ending is one.
"""

from dataclasses import replace
from enum import StrEnum
from importlib import resources

from pipelines.completion import State, Usage
from pipelines.engine.outcomes import DETAIL_CHARS, Fault, Reply
from specs.data import load_yaml

_NAME_CHARS = 60
_ALL_REASONING = (
    "no text: all of max_tokens went into reasoning; raise it (the role's, and for chats chats.max_tokens) "
    "or lower reasoning_effort"
)
_UNKNOWN_ENDING = "it does not say that it is whole: it ended with {!r}, which is not known to be a good ending"
_HIDDEN = (
    "no text: the server's reasoning parser took all of it for reasoning; serve the model without it (vLLM: no "
    "--reasoning-parser; others: extra_body: {chat_template_kwargs: {enable_thinking: false}})"
)


class Ending(StrEnum):
    """What an ending says about the text before it."""

    GOOD = "good"
    CUT = "cut"
    REFUSED = "refused"
    BROKEN = "broken"  # by trouble at the endpoint, which may pass
    TOOLS = "tools"  # a call of a tool that nobody offered
    UNKNOWN = "unknown"  # or none at all


def ending_of(word: str) -> Ending:
    """The ending that a server calls `word`."""
    return _ENDINGS.get(word.strip().lower(), Ending.UNKNOWN)


def reply_that_ended(
    finish: str, text: str, reasoning: str, usage: Usage, refusal: str = "", empty: str = ""
) -> Reply | Fault:
    """A reply with the state that its ending says; a fault of the endpoint where the ending says that it broke.

    `finish`: its `finish_reason` or `stop_reason`; `refusal`: what it says of refusing; `empty`: why it has no text.
    """
    ending = ending_of(finish)
    reply = Reply(State.OK, text, reasoning, finish, usage)
    if refusal or ending is Ending.REFUSED:
        return replace(reply, state=State.REFUSED, text=text or refusal, error=refusal[:DETAIL_CHARS])
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


def _read() -> dict[str, Ending]:
    text = resources.files("pipelines.engine").joinpath("endings.yaml").read_text(encoding="utf-8")
    return {word: Ending(kind) for kind, words in load_yaml(text).items() for word in words}


_ENDINGS = _read()
