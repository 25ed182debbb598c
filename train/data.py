"""What each stage is trained on: its files, their hash, and the length of every sample.

Midtraining reads `dataset/msm` as it is. AFT is written out to `train/data/aft.parquet`: the reasoning goes into think
tags inside the content (chat templates other than Qwen3's drop a `reasoning_content` without an error), Qwen3 is told
`/no_think` where there is no reasoning, and the instruction mix is added (Axolotl knows no mixing weights).
"""

import hashlib
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from corpus.mix.instruction_mix import MIX_DATA
from corpus.rows import read_file
from corpus.store import read_dataset_rows
from corpus.tokens import TokenCounter
from corpus.workspace import Workspace, replacing
from specs.errors import UserError
from train.settings import TrainSettings

AFT_DATA: Final = "train/data/aft.parquet"
INSTRUCTION_DATA: Final = "train/data/instruction_only.parquet"
TOKENS_PER_MESSAGE: Final = 5  # what a chat template adds around a message: role, markers, newlines
_MESSAGE = pa.struct([pa.field("role", pa.string()), pa.field("content", pa.string())])
_AFT_SCHEMA = pa.schema(
    [
        pa.field("messages", pa.list_(_MESSAGE)),
        pa.field("tools", pa.string()),  # JSON in the OpenAI tools format, which Axolotl reads; or null
        pa.field("id", pa.string()),  # of the chat; "" for the instruction mix
        pa.field("source", pa.string()),  # aft | instruction_mix
        pa.field("tokens", pa.int64()),
    ]
)
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Written:
    """What was written of a stage's chats, in tokens of each, and what was not because no sequence holds it."""

    lengths: list[int]
    mixed: int = 0  # chats of the instruction mix among them
    too_long: list[int] = field(default_factory=list)  # tokens of the chats of the instruction mix that are left out


def files_hash(files: list[Path]) -> str:
    """12 hex digits that change when the bytes of any of the files change."""
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as handle:
            digest.update(hashlib.file_digest(handle, "sha256").digest())
    return digest.hexdigest()[:12]


def document_lengths(workspace: Workspace) -> list[int]:
    """Tokens of every document of `dataset/msm`, and one for the end-of-text token of each."""
    return [row["tokens"] + 1 for row in read_dataset_rows(workspace, "msm", ["tokens"])]


def has_mix(workspace: Workspace, settings: TrainSettings) -> bool:
    """Whether there are chats to mix in: a file that the settings name, or what `specmill mix` made."""
    return settings.instruction_mix is not None or (workspace.root / MIX_DATA).is_file()


def write_aft(workspace: Workspace, settings: TrainSettings, counter: TokenCounter) -> Written:
    """Write `train/data/aft.parquet`, atomically."""
    mixed, too_long = _mixed_in(workspace, settings, counter)
    lengths = _write(workspace, AFT_DATA, [*_aft_rows(workspace, settings, counter), *mixed])
    return Written(lengths, len(mixed), too_long)


def write_instruction(workspace: Workspace, settings: TrainSettings, counter: TokenCounter) -> Written:
    """Write `train/data/instruction_only.parquet`, the chats that `write_aft` mixes in, if there are any."""
    mixed, too_long = _mixed_in(workspace, settings, counter)
    return Written(_write(workspace, INSTRUCTION_DATA, mixed) if mixed else [], len(mixed), too_long)


def _mixed_in(workspace: Workspace, settings: TrainSettings, counter: TokenCounter) -> tuple[list[Row], list[int]]:
    if not has_mix(workspace, settings):
        return [], []
    if settings.instruction_mix is None:
        return _instruction_rows(workspace.root / MIX_DATA, settings, counter)
    path = workspace.root / settings.instruction_mix
    return _instruction_rows(path, settings, counter, settings.instruction_tokens)


def _write(workspace: Workspace, place: str, rows: list[Row]) -> list[int]:
    with replacing(workspace.root / place) as beside:
        pq.write_table(pa.Table.from_pylist(rows, schema=_AFT_SCHEMA), beside, compression="zstd")
    return [row["tokens"] for row in rows]


def training_messages(messages: list[Row], settings: TrainSettings, *, reasoned: bool) -> list[Row]:
    """The messages as they are trained on: reasoning in think tags, `/no_think` for a Qwen3 that shall not think."""
    out = []
    for message in messages:
        content, thought = message["content"] or "", message.get("reasoning_content")
        if message["role"] == "assistant" and thought:
            content = f"<think>\n{thought.strip()}\n</think>\n\n{content}"
        elif settings.chat_template == "qwen3" and not reasoned and message["role"] in {"system", "user"}:
            content = f"{content} /no_think"
        out.append({"role": message["role"], "content": content})
    return out


def _aft_rows(workspace: Workspace, settings: TrainSettings, counter: TokenCounter) -> Iterator[Row]:
    reasoned = settings.aft_dataset == "aft_cot"
    for row in read_dataset_rows(workspace, settings.aft_dataset, ["id", "messages", "tools"]):
        messages = training_messages(row["messages"], settings, reasoned=reasoned)
        yield _row(messages, counter, "aft", row["id"], row["tools"])


def _instruction_rows(
    path: Path, settings: TrainSettings, counter: TokenCounter, limit: int | None = None
) -> tuple[list[Row], list[int]]:
    """Chats of the mix in a random order, those that fit a sequence, up to `limit` tokens in all; and the tokens of
    those that do not fit one."""
    chats = list(_read_mix(path))
    random.Random(settings.seed).shuffle(chats)
    rows, too_long, total = [], [], 0
    for chat, tools in chats:
        row = _row(training_messages(chat, settings, reasoned=False), counter, "instruction_mix", tools=tools)
        if row["tokens"] > settings.sequence_len:
            too_long.append(row["tokens"])
        elif limit is None or total + row["tokens"] <= limit:
            rows.append(row)
            total += row["tokens"]
    return rows, too_long


def _row(messages: list[Row], counter: TokenCounter, source: str, row_id: str = "", tools: str | None = None) -> Row:
    tokens = sum(counter.count_many([*(message["content"] for message in messages), tools or ""]))
    tokens += TOKENS_PER_MESSAGE * len(messages)
    return {"messages": messages, "tools": tools, "id": row_id, "source": source, "tokens": tokens}


def _read_mix(path: Path) -> Iterator[tuple[list[Row], str | None]]:
    """Messages and tools of every chat of a file."""
    if not path.is_file():
        raise UserError(f"train.instruction_mix: there is no file {path}. Expected a Parquet or JSONL file, or null.")
    try:
        rows = [row or {} for _, row in read_file(path)]
    except UserError as error:
        raise UserError(f"train.instruction_mix: {error}") from error
    for number, row in enumerate(rows, 1):
        messages = row.get("messages") if isinstance(row, dict) else None
        if not isinstance(messages, list) or not messages or not all(map(_is_message, messages)):
            raise UserError(
                f"train.instruction_mix: row {number} of {path} has no usable `messages`; "
                'expected a list of {"role": ..., "content": ...} with text in both'
            )
        yield messages, _tools(row.get("tools"), f"row {number} of {path}")


def _tools(value: Any, where: str) -> str | None:
    """Tool definitions as JSON, as they may be in a file already; None where there are none."""
    if not value or isinstance(value, str):
        return value or None
    if not isinstance(value, list):
        raise UserError(
            f"train.instruction_mix: `tools` in {where} is {type(value).__name__}; expected a list of tool definitions "
            "in the OpenAI format, or the same as JSON text"
        )
    return json.dumps(value, ensure_ascii=False)


def _is_message(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(value.get(key), str) for key in ("role", "content"))
