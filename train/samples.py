"""Files of samples: Parquet of token ids and labels in the order in which they are trained on.

Only lengths are kept in memory: samples go to a file as they come, and from there, in their final order, to Parquet.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from corpus.workspace import replacing
from train.data import Tokens

_SCHEMA: Final = pa.schema(
    [
        pa.field("input_ids", pa.list_(pa.int32())),
        pa.field("attention_mask", pa.list_(pa.int8())),
        pa.field("labels", pa.list_(pa.int32())),
        pa.field("id", pa.string()),
        pa.field("source", pa.string()),
        pa.field("tokens", pa.int64()),
        pa.field("trained", pa.int64()),  # tokens that carry loss
        pa.field("tools", pa.bool_()),
        pa.field("text", pa.string()),  # of chats, as rendered
    ]
)
_FOR_TRAINERS: Final = ["input_ids", "attention_mask", "labels"]
_GROUP: Final = 1000  # samples written at once


@dataclass(frozen=True, slots=True)
class Written:
    """Tokens of each sample in the order of the file, and of all that carry loss."""

    lengths: list[int]
    trained: int
    data_hash: str  # 12 hex digits that change when a token, a label or the order changes
    sources: dict[str, int]  # samples by source


def write_samples(
    path: Path, samples: Iterable[Tokens], order: Callable[[Sequence[int]], list[int]], listing: Path | None = None
) -> Written:
    """Write samples to `path` in the order that `order` makes of their lengths; to `listing` what they are, to be
    read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path.with_suffix(".arrow")) as beside:
        lengths, sources = _stream(beside, samples)
        numbers = order(lengths)
        trained, digest = _reorder(beside, numbers, path, listing)
    path.with_suffix(".arrow").unlink()
    return Written([lengths[number] for number in numbers], trained, digest, sources)


def _stream(path: Path, samples: Iterable[Tokens]) -> tuple[list[int], dict[str, int]]:
    lengths: list[int] = []
    sources: dict[str, int] = {}
    rows: list[dict[str, object]] = []
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, _SCHEMA) as writer:
        for sample in samples:
            lengths.append(len(sample.ids))
            sources[sample.source] = sources.get(sample.source, 0) + 1
            rows.append(
                {
                    "input_ids": sample.ids, "attention_mask": [1] * len(sample.ids), "labels": sample.labels,
                    "id": sample.id, "source": sample.source, "tokens": len(sample.ids), "trained": sample.trained,
                    "tools": sample.tools, "text": sample.text,
                }
            )  # fmt: skip
            if len(rows) == _GROUP:
                writer.write_batch(pa.RecordBatch.from_pylist(rows, schema=_SCHEMA))
                rows = []
        if rows:
            writer.write_batch(pa.RecordBatch.from_pylist(rows, schema=_SCHEMA))
    return lengths, sources


def _reorder(stream: Path, numbers: Sequence[int], path: Path, listing: Path | None) -> tuple[int, str]:
    digest, trained = hashlib.sha256(), 0
    listed = [name for name in _SCHEMA.names if name not in _FOR_TRAINERS]
    with pa.memory_map(str(stream)) as source, replacing(path) as beside:
        table = pa.ipc.open_file(source).read_all()
        parts = []
        with pq.ParquetWriter(beside, pa.schema([_SCHEMA.field(name) for name in _FOR_TRAINERS])) as writer:
            for start in range(0, max(1, len(numbers)), _GROUP):
                group = table.take(pa.array(numbers[start : start + _GROUP], pa.int64())).combine_chunks()
                writer.write_table(group.select(_FOR_TRAINERS))
                for name in ("input_ids", "labels"):
                    digest.update(str(group[name].to_pylist()).encode())
                trained += sum(group["trained"].to_pylist())
                parts.append(group.select(listed))
    if listing is not None:
        with replacing(listing) as beside:
            pq.write_table(pa.concat_tables(parts), beside, compression="zstd")
    return trained, digest.hexdigest()[:12]
