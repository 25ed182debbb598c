"""Documents that lie in Parquet files, decided by several processes; memory is bounded by the sketches.

A row group is the unit of work: read by a process, looked at row by row, and sent back as sketches and rejections. The
checks across documents then run in one process over the sketches (about 1.5 kB a document), in any order of arrival.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from filters.base import Item
from filters.context import Context
from filters.run.decide import Found, check_each
from filters.settings import FilterSettings

Unit = tuple[str, int, int]  # a Parquet file, a row group in it, and the number of its first row over all files
_SCHEMA = pa.schema([  # what the filters know of a document
    ("id", pa.string()), ("text", pa.string()), ("title", pa.string()), ("frame", pa.string()), ("genre", pa.string()),
    ("tokens", pa.int64()), ("finish_reason", pa.string()), ("position", pa.int64()), ("score", pa.float64()),
])  # fmt: skip
_BATCH = 128


def units_of(paths: Sequence[Path | str]) -> list[Unit]:
    """The row groups of the files, in order."""
    units: list[Unit] = []
    start = 0
    for path in paths:
        with pq.ParquetFile(path) as file:
            for group in range(file.num_row_groups):
                units.append((str(path), group, start))
                start += file.metadata.row_group(group).num_rows
    return units


def check_unit(unit: Unit, settings: FilterSettings, context: Context) -> Found:
    """The checks of one document over a row group."""
    return check_each(read_items(unit), settings, context)


def read_items(unit: Unit) -> Iterator[Item]:
    """The items of a row group, a few at a time in memory."""
    path, group, position = unit
    with pq.ParquetFile(path) as file:
        columns = [name for name in _SCHEMA.names if name in file.schema_arrow.names]
        for batch in file.iter_batches(_BATCH, row_groups=[group], columns=columns):
            for row in batch.to_pylist():
                yield item_of(row, position)
                position += 1


def write_items(pieces: Iterable[list[Item]], path: Path) -> None:
    """Items as a Parquet file that `read_items` reads, a row group a piece; half of a surrogate pair becomes "?"."""
    with pq.ParquetWriter(path, _SCHEMA, compression="zstd") as writer:
        for piece in pieces:
            writer.write_table(pa.Table.from_pylist([_row(item) for item in piece], _SCHEMA))


def _row(item: Item) -> dict[str, Any]:
    row = {"id": item.id, "text": item.text, "frame": item.frame, "genre": item.genre, **item.meta}
    return {name: _whole(value) if isinstance(value, str) else value for name, value in row.items()}


def _whole(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def item_of(row: Mapping[str, Any], position: int) -> Item:
    """The item of a row of the documents table; `position` is its age where the row does not say."""
    meta = {name: row[name] for name in ("title", "tokens", "finish_reason", "score") if row.get(name) is not None}
    meta["position"] = row["position"] if row.get("position") is not None else position
    return Item(row["id"], row["text"], frame=row.get("frame") or "insider", genre=row.get("genre") or "", meta=meta)
