"""Existing chats, to be rewritten so that they weigh the values before acting [WHY]."""

from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from corpus.chats import Columns, UnusableChat, read_chat
from corpus.ids import content_id
from corpus.rows import read_file
from specs.errors import UserError

_EXPECTED: Final = "Expected a .jsonl, .json, .csv or .parquet file with `messages` in the OpenAI format."

Messages = list[dict[str, Any]]


@lru_cache(maxsize=4)
def read_source(path: str) -> tuple[dict[str, Messages], Counter[str]]:
    """The chats of a file by the id of their query, in the order of the file, and how many were left out, by reason.

    What was there twice is there once. A chat with tools, or with turns that are not to be trained on, is left out: its
    last reply is rewritten from the words alone.

    Raises:
        UserError: the file cannot be read, or has no chat that can be rewritten.
    """
    found: dict[str, Messages] = {}
    left_out: Counter[str] = Counter()
    if not Path(path).is_file():
        raise UserError(f"chats.source: there is no file {path}. {_EXPECTED}")
    try:
        for _, row in read_file(Path(path)):
            try:
                messages = _words(row or {})
            except UnusableChat as why:
                left_out[str(why)] += 1
            else:
                found.setdefault(content_id("queries", "source", messages), messages)
    except UserError as error:
        raise UserError(f"chats.source: {error} {_EXPECTED}") from error
    if not found:
        raise UserError(f"chats.source: {path} has no chat that can be rewritten ({said(left_out)}). {_EXPECTED}")
    return found, left_out


def said(left_out: Counter[str]) -> str:
    """The reasons with their counts, for a message."""
    return ", ".join(f"{count:,} with {reason}" for reason, count in left_out.most_common()) or "it has no rows"


def _words(row: Mapping[str, Any]) -> Messages:
    messages = read_chat(row, Columns())
    if any(message["role"] == "tool" or "tool_calls" in message for message in messages):
        raise UnusableChat("tool calls")
    if any("train" in message for message in messages):
        raise UnusableChat("turns that are weighted")
    if [message["role"] for message in messages[-2:]] != ["user", "assistant"]:
        raise UnusableChat("an end that is not user, assistant")
    return [{"role": message["role"], "content": message["content"]} for message in messages]
