"""A chat as it is trained on, and the one reader of chats: what cannot be kept is left out, with its reason.

Reads the OpenAI chat format: `messages` of role, content (text, or parts of text), `reasoning_content`, `tool_calls`,
`tool_call_id`, `name`, and `weight` (0 or 1) or `train: false` where a reply is shown but not trained on; `tools`
beside them, as a list or as JSON.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

from specs.errors import SpecmillError

Row = dict[str, Any]
_ROLES: Final = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant", "tool": "tool"}
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
    messages = row.get("messages") if isinstance(row, dict) else None
    if not isinstance(messages, list) or not messages:
        raise LeftOutError("no messages")
    read = tuple(_message(one) for one in messages)
    if read[-1].role != "assistant":
        raise LeftOutError("does not end with the assistant")
    if not any(message.role == "user" for message in read):
        raise LeftOutError("no message of a user")
    if not any(message.trained for message in read):
        raise LeftOutError("no reply that is to be trained on")
    if any(message.role == "system" for message in read[1:]):
        raise LeftOutError("a system message after the first message")
    return Chat(read, _tools(row.get("tools")), str(row.get("id") or ""), source)


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


def _message(row: Any) -> Message:
    if not isinstance(row, dict) or row.get("role") not in _ROLES:
        raise LeftOutError(
            f"a message of role {row.get('role')!r}" if isinstance(row, dict) else "a message is no object"
        )
    role = _ROLES[row["role"]]
    content, calls = _content(row.get("content")), _calls(row.get("tool_calls"))
    if role != "assistant":
        if not content.strip():
            raise LeftOutError(f"an empty message of role {role}")
        return Message(role, content, tool_call_id=row.get("tool_call_id"), name=row.get("name"))
    reasoning = row.get("reasoning_content") or row.get("reasoning")
    if not reasoning:
        reasoning, content = _thought(content)
    if not content.strip() and not calls:
        raise LeftOutError("an empty reply")
    reasoning = str(reasoning).strip() if reasoning else None
    return Message(role, content, reasoning or None, calls, trained=_trained(row))


def _content(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(part, dict) and isinstance(part.get("text"), str) for part in value):
        return "\n".join(part["text"] for part in value)
    raise LeftOutError("content that is not text")


def _thought(content: str) -> tuple[str | None, str]:
    """Reasoning and reply of a content that begins with a think block; one that only speaks of the tags has none."""
    begin = content.lstrip()
    if not begin.startswith(_OPEN) or _CLOSE not in begin:
        return None, content
    thought, _, reply = begin[len(_OPEN) :].partition(_CLOSE)
    return thought.strip() or None, reply.lstrip("\n")


def _trained(row: Row) -> bool:
    weight = row.get("weight")
    if weight is not None and weight not in {0, 1}:
        raise LeftOutError("a weight other than 0 and 1")
    told = [row[key] for key in ("train", "training") if row.get(key) is not None]
    return weight != 0 and all(told)


def _calls(value: Any) -> tuple[Row, ...]:
    calls = []
    for call in _json(value, "tool_calls") or []:
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            raise LeftOutError("a tool call without a function's name")
        arguments = _json(function.get("arguments") or {}, "arguments of a tool call")
        if not isinstance(arguments, dict):
            raise LeftOutError("arguments of a tool call that are no object")
        made: Row = {"type": "function", "function": {"name": function["name"], "arguments": arguments}}
        calls.append(made | ({"id": call["id"]} if call.get("id") else {}))
    return tuple(calls)


def _tools(value: Any) -> tuple[Row, ...]:
    tools = _json(value, "tools")
    if not tools:
        return ()
    if not isinstance(tools, list) or not all(isinstance(tool, dict) for tool in tools):
        raise LeftOutError("tools that are no list of definitions")
    whole = [tool if "function" in tool else {"type": "function", "function": tool} for tool in tools]
    if not all(isinstance(tool["function"], dict) and tool["function"].get("name") for tool in whole):
        raise LeftOutError("a tool without a name")
    return tuple(whole)


def _json(value: Any, what: str) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value) if value.strip() else None
    except ValueError as error:
        raise LeftOutError(f"{what} that are no JSON") from error


def held_back(message: Iterable[Message], control: frozenset[str]) -> str | None:
    """A control token that stands in the text of a message, where it would end or begin a turn; None where none
    does."""
    texts = [text for one in message for text in (one.content, one.reasoning or "")]
    return next((token for token in sorted(control) if any(token in text for text in texts)), None)
