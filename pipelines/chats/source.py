"""Existing chats, to be rewritten so that they weigh the values before acting [WHY]."""

from functools import lru_cache
from pathlib import Path
from typing import Any

from corpus.ids import content_id
from corpus.lines import read_json_lines
from specs.errors import UserError

_EXPECTED = "Expected a .jsonl or .parquet file with `messages` in the OpenAI format, ending with the assistant."

Messages = list[dict[str, str]]


@lru_cache(maxsize=4)
def read_source(path: str) -> dict[str, Messages]:
    """The chats of a file by the id of their query, in the order of the file; what was there twice is there once.

    Raises UserError where the file cannot be read, or a row is no chat that ends user, assistant.
    """
    found: dict[str, Messages] = {}
    for number, row in enumerate(_rows(Path(path)), 1):
        messages = _messages(row, path, number)
        found.setdefault(content_id("queries", "source", messages), messages)
    if not found:
        raise UserError(f"chats.source: {path} has no rows. {_EXPECTED}")
    return found


def _rows(path: Path) -> list[Any]:
    try:
        if path.suffix == ".parquet":
            import pyarrow.parquet as pq

            rows: list[Any] = pq.read_table(path, columns=["messages"]).to_pylist()
            return rows
        return read_json_lines(path)
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"chats.source: cannot read {path}: {error}. {_EXPECTED}") from error


def _messages(row: Any, path: str, number: int) -> Messages:
    messages = row.get("messages") if isinstance(row, dict) else None
    if not isinstance(messages, list) or len(messages) < 2:
        raise UserError(f"chats.source: row {number} of {path} has no `messages`. {_EXPECTED}")
    plain = []
    for message in messages:
        role, content = (message.get(key) if isinstance(message, dict) else None for key in ("role", "content"))
        if role not in {"system", "user", "assistant"} or not isinstance(content, str) or not content.strip():
            raise UserError(f"chats.source: row {number} of {path} has a message without text or role. {_EXPECTED}")
        plain.append({"role": role, "content": content})
    if [message["role"] for message in plain[-2:]] != ["user", "assistant"]:
        raise UserError(f"chats.source: row {number} of {path} does not end with user, assistant. {_EXPECTED}")
    return plain
