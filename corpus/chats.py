"""Chats of others, in the OpenAI format: read by one reader, into one declared schema, or left out with the reason.

What a trainer needs is kept: tool calls and their ids, names, reasoning, and which turns are not to be trained on
(`weight: 0`, `train: false`). What cannot be kept is no usable chat; nobody trains on half of one.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, Self

import pyarrow as pa
from pydantic import Field, model_validator

from specs.settings import Settings

Message = dict[str, Any]
"""`role` and `content`, and of the other columns of `MESSAGE` those that it has."""

MESSAGE: Final = pa.struct(
    [
        pa.field("role", pa.string()),  # system | user | assistant | tool
        pa.field("content", pa.string()),
        pa.field("reasoning_content", pa.string()),
        pa.field("name", pa.string()),
        pa.field("tool_calls", pa.string()),  # JSON: a list in the OpenAI format; its arguments are of any shape
        pa.field("tool_call_id", pa.string()),
        pa.field("train", pa.bool_()),  # false: no loss on this turn; null: as the trainer's default
    ]
)
_ROLES: Final = {
    "human": "user", "gpt": "assistant", "bot": "assistant", "model": "assistant", "function": "tool",
    "observation": "tool", "ipython": "tool", "developer": "system",
}  # fmt: skip
_TEXT_PARTS: Final = {"text", "input_text", "output_text"}
_THOUGHT_PARTS: Final = {"thinking", "reasoning"}


class Columns(Settings):
    """Where a source has its chats: one column of messages, or a prompt and a response."""

    messages: str = Field("messages", description="Column of messages: role and content, or from and value.")
    prompt: str | None = Field(None, description="Column of the user's text; with `response`, in place of messages.")
    response: str | None = Field(None, description="Column of the assistant's text.")
    system: str | None = Field(None, description="Column of the system message, where there is one.")
    tools: str | None = Field(
        None, description="Column of tool definitions, as JSON or as a list; absent: `tools`, where there is one."
    )

    @model_validator(mode="after")
    def _a_pair(self) -> Self:
        if (self.prompt is None) != (self.response is None):
            raise ValueError("expected `prompt` and `response` together, or neither")
        return self


class UnusableChat(ValueError):  # noqa: N818  (it says what the chat is; the reason is counted)
    """A chat that cannot be kept whole; its text is the reason, the same for every such chat."""


def read_chat(row: Mapping[str, Any], columns: Columns) -> list[Message]:
    """The messages of a row.

    Raises:
        UnusableChat: it is no chat that a model can be trained on, or something in it cannot be kept.
    """
    if columns.prompt is not None and columns.response is not None:
        found = [_plain("user", row.get(columns.prompt)), _plain("assistant", row.get(columns.response))]
    else:
        found = [_message(one) for one in _entries(row.get(columns.messages))]
    if columns.system is not None and row.get(columns.system):
        found = [_plain("system", row[columns.system]), *found]
    _check(found)
    return found


def read_tools(row: Mapping[str, Any], columns: Columns) -> str | None:
    """The tool definitions of a row as JSON, or None.

    Raises:
        UnusableChat: they are neither a list nor the JSON of one.
    """
    value = row.get(columns.tools or "tools")
    if isinstance(value, str) and value.strip():
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            raise UnusableChat("tools that are no JSON") from None
    if not value or value == "":
        return None
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise UnusableChat("tools that are no list of definitions")
    return json.dumps(value, ensure_ascii=False)


def _entries(value: Any) -> Iterator[Mapping[str, Any]]:
    if not isinstance(value, list) or not value:
        raise UnusableChat("no messages")
    for one in value:
        if not isinstance(one, Mapping):
            raise UnusableChat("a message that is no record")
        yield one


def _plain(role: str, text: Any) -> Message:
    if not isinstance(text, str) or not text.strip():
        raise UnusableChat(f"a message of the {role} without text")
    return {"role": role, "content": text}


def _message(given: Mapping[str, Any]) -> Message:
    role = str(given.get("role") or given.get("from") or "")
    role = _ROLES.get(role, role)
    if role not in {"system", "user", "assistant", "tool"}:
        raise UnusableChat("a message of another role than system, user, assistant or tool")
    content, thought = _content(given["content"] if given.get("content") is not None else given.get("value"))
    message: Message = {"role": role, "content": content}
    said = given.get("reasoning_content") or given.get("reasoning") or thought
    if isinstance(said, str) and said.strip():
        message["reasoning_content"] = said
    for key in ("name", "tool_call_id"):
        if isinstance(given.get(key), str):
            message[key] = given[key]
    if calls := _calls(given):
        message["tool_calls"] = calls
    elif not content.strip() and role != "tool":
        raise UnusableChat(f"a message of the {role} without text")
    if (train := _train(given)) is not None:
        message["train"] = train
    return message


def _content(value: Any) -> tuple[str, str]:
    """Text and reasoning of a content: a text, or a list of parts."""
    if value is None or isinstance(value, str):
        return value or "", ""
    if not isinstance(value, list):
        raise UnusableChat("content that is no text")
    text, thought = "", ""
    for part in value:
        kind = part.get("type") if isinstance(part, Mapping) else None
        said = part.get("text") if kind in _TEXT_PARTS else part.get(str(kind)) if kind in _THOUGHT_PARTS else None
        if not isinstance(said, str):
            raise UnusableChat("a part of a content that is no text")
        text, thought = (text + said, thought) if kind in _TEXT_PARTS else (text, thought + said)
    return text, thought


def _calls(given: Mapping[str, Any]) -> str | None:
    calls = given.get("tool_calls")
    if not calls and isinstance(given.get("function_call"), Mapping):
        calls = [{"type": "function", "function": given["function_call"]}]
    if isinstance(calls, str):  # as this reader writes them
        try:
            calls = json.loads(calls)
        except (ValueError, RecursionError):
            raise UnusableChat("tool calls that are no JSON") from None
    if not calls:
        return None
    if not isinstance(calls, list) or not all(isinstance(one, Mapping) and one.get("function") for one in calls):
        raise UnusableChat("tool calls in another form than OpenAI's")
    return json.dumps(calls, ensure_ascii=False)


def _train(given: Mapping[str, Any]) -> bool | None:
    """Whether a turn is trained on, where it says so."""
    for key in ("train", "training"):
        if isinstance(given.get(key), bool):
            return bool(given[key])
    weight = given.get("weight")
    if weight is None:
        return None
    if isinstance(weight, bool) or weight not in (0, 1):
        raise UnusableChat("a weight that is neither 0 nor 1")
    return bool(weight)


def _check(messages: list[Message]) -> None:
    roles = [message["role"] for message in messages]
    if roles[-1:] != ["assistant"] or "user" not in roles:
        raise UnusableChat("no chat of a user that ends with the assistant")
    if not any(message["role"] == "assistant" and message.get("train", True) for message in messages):
        raise UnusableChat("no turn that is trained on")
    called = {call.get("id") for message in messages for call in json.loads(message.get("tool_calls", "[]"))}
    answers = [message.get("tool_call_id") for message in messages if message["role"] == "tool"]
    if any(answer is not None and answer not in called for answer in answers):
        raise UnusableChat("a tool's answer to a call that is not there")
    try:
        json.dumps(messages, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise UnusableChat("half a character (a lone surrogate)") from None
