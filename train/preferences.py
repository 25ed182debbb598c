"""Preference pairs for DPO: a prompt, the reply that is preferred and the one that is not, as the base model's form
has them."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from corpus.workspace import replacing
from specs.errors import UserError
from train.chats import Chat, LeftOutError, read_chat
from train.checks import faults
from train.data import Writer, read_rows_of
from train.samples import Written

_SCHEMA = pa.schema([pa.field(name, pa.string()) for name in ("prompt", "chosen", "rejected")])


def write_preferences(path: Path, source: Path, writer: Writer) -> Written:
    """Write the pairs of a file as text: the prompt up to where the assistant begins, and each reply with its end
    token.

    A row has `prompt` (text, or messages that end with the user), `chosen` and `rejected` (text, or a list with one
    message of the assistant). Raises UserError, naming the row, where one has not, or where a pair is longer than a
    sequence.
    """
    rows, lengths = [], []
    for number, row in enumerate(read_rows_of(source, "train.preferences"), 1):
        try:
            pair = [_rendered(row, name, writer) for name in ("chosen", "rejected")]
        except LeftOutError as why:
            raise UserError(
                f"train.preferences: row {number} of {source}: {why}. Expected prompt, chosen and rejected, as text "
                f"or as "
                "messages."
            ) from why
        (prompt, chosen, long), (_, rejected, other) = pair
        if max(long, other) > writer.settings.sequence_len:
            raise UserError(
                f"train.preferences: row {number} of {source} has {max(long, other):,} tokens, more than sequence_len "
                f"{writer.settings.sequence_len:,}; DPO would cut it. Raise train.sequence_len or leave it out."
            )
        rows.append({"prompt": prompt, "chosen": chosen, "rejected": rejected})
        lengths.append(long + other)
    if not rows:
        raise UserError(f"train.preferences: {source} has no pairs.")
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as beside:
        pq.write_table(pa.Table.from_pylist(rows, _SCHEMA), beside)
    digest = hashlib.sha256(json.dumps(rows).encode()).hexdigest()[:12]
    return Written(lengths, sum(lengths), digest, {"preferences": len(rows)})


def _rendered(row: Any, name: str, writer: Writer) -> tuple[str, str, int]:
    if not isinstance(row, dict) or not row.get("prompt") or not row.get(name):
        raise LeftOutError(f"no {name} beside a prompt")
    asked, reply = row["prompt"], row[name]
    before = [{"role": "user", "content": asked}] if isinstance(asked, str) else list(asked)
    after = [{"role": "assistant", "content": reply}] if isinstance(reply, str) else list(reply)
    chat = read_chat({"messages": [*before, *after]}, "preferences")
    sample = writer.samples(_last_only(chat))[-1]
    if found := faults(sample, writer.family, writer.tokenizer):
        raise LeftOutError(f"{found[0].kind}: {found[0].found}")
    start, stop = sample.replies[-1]
    prompt = sample.text[:start]
    if writer.tokenizer.adds_bos:  # trainers tokenize the text of pairs, and would write it a second time
        prompt = prompt.removeprefix(writer.tokenizer.bos or "")
    return prompt, sample.text[start:stop], len(sample.ids)


def _last_only(chat: Chat) -> Chat:
    """The chat with loss on its last reply alone."""
    *before, last = chat.messages
    return replace(chat, messages=(*(replace(message, trained=False) for message in before), last))
