"""A chat as it is trained on: what `corpus.chats` reads, with its reasoning, tool calls and tools as templates take
them.

What cannot be kept is left out, with its reason.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

from corpus.chats import Columns, UnusableChat, read_tools
from corpus.chats import read_chat as read_messages
from specs.errors import SpecmillError

Row = dict[str, Any]
_COLUMNS: Final = Columns()
_OPEN, _CLOSE = "<think>", "</think>"


class LeftOutError(SpecmillError):
    """A chat that cannot be trained on as it is; the text is the reason, in a few words."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message. `trained`: whether an assistant's message carries loss."""

    role: str
    content: str
    reasoning: str | None = None
    tool_calls: tuple[Row, ...] = ()
    tool_call_id: str | None = None
    name: str | None = None
    trained: bool = False

    def as_row(self) -> Row:
        """As templates read it; keys without a value are absent, since templates test whether they are there."""
        row: Row = {"role": self.role, "content": self.content}
        more = {
            "reasoning_content": self.reasoning, "tool_calls": list(self.tool_calls), "tool_call_id": self.tool_call_id,
            "name": self.name,
        }  # fmt: skip
        return row | {key: value for key, value in more.items() if value}


@dataclass(frozen=True, slots=True)
class Chat:
    """Messages that end with the assistant, and the tools that it may use."""

    messages: tuple[Message, ...]
    tools: tuple[Row, ...] = ()
    id: str = ""
    source: str = ""

    @property
    def reasoned(self) -> bool:
        """Whether any reply has reasoning."""
        return any(message.reasoning for message in self.messages)


def read_chat(row: Any, source: str) -> Chat:
    """The chat of a row.

    Raises:
        LeftOutError: it is no chat, or it has something that would be lost.
    """
    if not isinstance(row, dict):
        raise LeftOutError("no record")
    try:
        messages = tuple(_message(one) for one in read_messages(row, _COLUMNS))
        tools = _tools(read_tools(row, _COLUMNS))
    except UnusableChat as why:
        raise LeftOutError(str(why)) from why
    if any(message.role == "system" for message in messages[1:]):
        raise LeftOutError("a system message after the first message")
    return Chat(messages, tools, str(row.get("id") or ""), source)


def split_questions(chat: Chat) -> list[Chat]:
    """A chat a question: each ends with the replies to its last question, which alone are trained on; earlier ones are
    seen without their reasoning, as when the model is asked."""
    starts = [number for number, message in enumerate(chat.messages) if message.role == "user"]
    ends = [*starts[1:], len(chat.messages)]
    parts = []
    for start, end in zip(starts, ends, strict=True):
        before = (replace(message, reasoning=None, trained=False) for message in chat.messages[:start])
        part = replace(chat, messages=(*before, *chat.messages[start:end]))
        if part.messages[-1].role == "assistant" and any(message.trained for message in part.messages):
            parts.append(part)
    return parts


def without_thinking(chat: Chat, switch: str) -> Chat:
    """The chat with `switch` at the end of every system and user message, where it has no reasoning."""
    if not switch or chat.reasoned:
        return chat
    told = [
        replace(message, content=message.content + switch) if message.role in {"system", "user"} else message
        for message in chat.messages
    ]
    return replace(chat, messages=tuple(told))


def _message(row: Row) -> Message:
    role, content = row["role"], row["content"]
    if role != "assistant":
        if not content.strip():
            raise LeftOutError(f"an empty message of the {role}")
        return Message(role, content, tool_call_id=row.get("tool_call_id"), name=row.get("name"))
    reasoning = row.get("reasoning_content")
    if not reasoning:
        reasoning, content = _thought(content)
    calls = _calls(row.get("tool_calls"))
    if not content.strip() and not calls:
        raise LeftOutError("an empty reply")
    reasoning = reasoning.strip() if reasoning else None
    return Message(role, content, reasoning or None, calls, trained=row.get("train", True))


def _thought(content: str) -> tuple[str | None, str]:
    """Reasoning and reply of a content that begins with a think block; one that only speaks of the tags has none."""
    begin = content.lstrip()
    if not begin.startswith(_OPEN) or _CLOSE not in begin:
        return None, content
    thought, _, reply = begin[len(_OPEN) :].partition(_CLOSE)
    return thought.strip() or None, reply.lstrip("\n")


def _calls(text: str | None) -> tuple[Row, ...]:
    calls = []
    for call in json.loads(text or "[]"):
        function = call["function"]
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            raise LeftOutError("a tool call without a function's name")
        arguments = function.get("arguments") or {}
        try:
            arguments = json.loads(arguments) if isinstance(arguments, str) else arguments
        except ValueError as error:
            raise LeftOutError("arguments of a tool call that are no JSON") from error
        if not isinstance(arguments, dict):
            raise LeftOutError("arguments of a tool call that are no object")
        made: Row = {"type": "function", "function": {"name": function["name"], "arguments": arguments}}
        calls.append(made | ({"id": call["id"]} if call.get("id") else {}))
    return tuple(calls)


def _tools(text: str | None) -> tuple[Row, ...]:
    tools = json.loads(text or "[]")
    whole = [tool if "function" in tool else {"type": "function", "function": tool} for tool in tools]
    if not all(isinstance(tool["function"], dict) and tool["function"].get("name") for tool in whole):
        raise LeftOutError("a tool without a name")
    return tuple(whole)


def held_back(message: Iterable[Message], control: frozenset[str]) -> str | None:
    """A control token that stands in the text of a message, where it would end or begin a turn; None where none
    does."""
    texts = [text for one in message for text in (one.content, one.reasoning or "")]
    return next((token for token in sorted(control) if any(token in text for text in texts)), None)
