"""Documents that lie in Parquet files, decided by several processes; memory is bounded by the sketches.

A piece of a row group is the unit of work: read by a process, looked at row by row, and sent back as sketches and
rejections; many files are one row group. The checks across documents then run in one process over the sketches (about
1.5 kB a document), in any order of arrival.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from filters.base import Item
from filters.context import Context
from filters.run.decide import Found, check_each
from filters.settings import FilterSettings


class Unit(NamedTuple):
    """Some rows of a row group."""

    path: str
    group: int
    skip: int
    """Rows of the group before."""
    rows: int
    position: int
    """The number of the first row over all files."""


_SCHEMA = pa.schema([  # what the filters know of a document
    ("id", pa.string()), ("text", pa.string()), ("title", pa.string()), ("frame", pa.string()), ("genre", pa.string()),
    ("tokens", pa.int64()), ("finish_reason", pa.string()), ("position", pa.int64()), ("score", pa.float64()),
])  # fmt: skip
_BATCH = 128
_PIECE = 250  # rows at least of a unit
_PIECES = 8  # of a row group at most: what stands before a piece is read once more


def units_of(paths: Sequence[Path | str]) -> list[Unit]:
    """The row groups of the files, in order, large ones in pieces."""
    units: list[Unit] = []
    position = 0
    for path in paths:
        with pq.ParquetFile(path) as file:
            for group in range(file.num_row_groups):
                rows = file.metadata.row_group(group).num_rows
                step = max(_PIECE, -(-rows // _PIECES))
                units += (
                    Unit(str(path), group, skip, min(step, rows - skip), position + skip)
                    for skip in range(0, rows, step)
                )
                position += rows
    return units


def check_unit(unit: Unit, settings: FilterSettings, context: Context) -> Found:
    """The checks of one document over the rows of a unit."""
    return check_each(read_items(unit), settings, context)


def read_items(unit: Unit) -> Iterator[Item]:
    """The items of a unit, a few at a time in memory."""
    with pq.ParquetFile(unit.path) as file:
        columns = [name for name in _SCHEMA.names if name in file.schema_arrow.names]
        place, end = 0, unit.skip + unit.rows
        for batch in file.iter_batches(_BATCH, row_groups=[unit.group], columns=columns):
            wanted = batch.slice(max(0, unit.skip - place), max(0, end - max(place, unit.skip)))
            for number, row in enumerate(wanted.to_pylist(), start=max(place, unit.skip)):
                yield item_of(row, unit.position + number - unit.skip)
            place += batch.num_rows
            if place >= end:
                return


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
