"""Parquet in and out of a workspace: fixed schemas, the same bytes for the same rows, a crash leaves old or new."""

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from corpus.schema import DATASETS, TABLES
from corpus.workspace import Workspace, replacing
from specs.errors import SpecmillError, UserError

ROWS_PER_GROUP: Final = 1_000
SHARD_BYTES: Final = 256_000_000

Row = Mapping[str, Any]


def write_table(
    workspace: Workspace,
    name: str,
    rows: Iterable[Row],
    *,
    part: str = "part-00000",
    rows_per_group: int = ROWS_PER_GROUP,
) -> int:
    """Write one part of `tables/<name>` whole, in the order given, and return the number of rows.

    Only one row group is held in memory. The same rows give the same bytes. Only `rejects` has several parts, one a
    stage, because several stages write to it.

    Raises:
        SpecmillError: an unknown or missing column, a value of the wrong type, or an id that occurs twice.
    """
    schema = TABLES[name].schema
    written = 0
    with replacing(workspace.table(name, part)) as beside, _writer(beside, schema) as writer:
        for table in _groups(name, schema, rows, rows_per_group):
            writer.write_table(table, row_group_size=rows_per_group)
            written += table.num_rows
    return written


def remove_table(workspace: Workspace, name: str, *, part: str = "part-00000") -> None:
    """Remove one part of `tables/<name>`, where what wrote it is no longer asked for."""
    workspace.table(name, part).unlink(missing_ok=True)


def write_dataset(
    workspace: Workspace,
    config: str,
    rows: Iterable[Row],
    *,
    rows_per_group: int = ROWS_PER_GROUP,
    shard_bytes: int = SHARD_BYTES,
) -> int:
    """Write `dataset/<config>` as `train-00000-of-0000N.parquet` and return the number of rows.

    A shard ends with the row group that takes it over `shard_bytes` (in memory, before compression). The folder is
    made beside the old one and then takes its place, so that no shard of an earlier build is ever left among the new.

    Raises:
        SpecmillError: as `write_table`.
    """
    workspace.dataset.mkdir(parents=True, exist_ok=True)
    _tidy(workspace.dataset, config)
    beside = Path(tempfile.mkdtemp(dir=workspace.dataset, prefix=f".{config}.new-"))
    try:
        groups = _groups(config, DATASETS[config].schema, rows, rows_per_group)
        written = _write_shards(beside, DATASETS[config].schema, groups, shard_bytes, rows_per_group)
        beside.chmod(0o755)
        _take_place(beside, workspace.dataset / config)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise
    return written


def read_table(workspace: Workspace, name: str, columns: Sequence[str] | None = None) -> pa.Table:
    """A table, or the empty table of its schema if it has not been made yet."""
    wanted = list(columns) if columns is not None else None
    empty = TABLES[name].schema.empty_table()
    tables = [empty.select(wanted) if wanted is not None else empty]
    for path in workspace.parts(name):
        with _open(path, TABLES[name].schema) as file:
            tables.append(file.read(columns=wanted))
    return pa.concat_tables(tables)


def read_rows(
    workspace: Workspace, name: str, columns: Sequence[str] | None = None, *, part: str | None = None
) -> Iterator[dict[str, Any]]:
    """The rows of a table (or of one of its parts) as dicts, in order, a few hundred in memory at a time; none if it
    has not been made yet."""
    for path in workspace.parts(name):
        if part is None or path.stem == part:
            yield from _rows(path, TABLES[name].schema, columns)


def read_dataset_rows(
    workspace: Workspace, config: str, columns: Sequence[str] | None = None
) -> Iterator[dict[str, Any]]:
    """The rows of a dataset config as dicts, in order; none if it has not been made."""
    for path in workspace.shards(config):
        yield from _rows(path, DATASETS[config].schema, columns)


def _rows(path: Path, schema: pa.Schema, columns: Sequence[str] | None) -> Iterator[dict[str, Any]]:
    with _open(path, schema) as file:
        for batch in file.iter_batches(batch_size=256, columns=list(columns) if columns is not None else None):
            yield from batch.to_pylist()


def _open(path: Path, schema: pa.Schema) -> pq.ParquetFile:
    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise UserError(f"{path} cannot be read as Parquet: {error}. Build the workspace again.") from error
    if not file.schema_arrow.equals(schema):
        found = sorted(set(file.schema_arrow.names) ^ set(schema.names)) or "types"
        file.close()
        raise UserError(f"{path} has another schema than this version of specmill ({found} differ). Build it again.")
    return file


def set_damaged_aside(workspace: Workspace) -> list[Path]:
    """Rename the tables' files that cannot be read as Parquet, so that a build makes them again from the ledger.

    A file of another schema is no damage. Returns the files as they were called.
    """
    damaged = [path for path in sorted(workspace.tables.glob("*/*.parquet")) if not _is_parquet(path)]
    for path in damaged:
        path.replace(path.with_suffix(".damaged"))
    return damaged


def _is_parquet(path: Path) -> bool:
    try:
        pq.read_metadata(path)
    except (pa.ArrowException, OSError):
        return False
    return True


def _writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    # Every option that changes bytes is fixed here; a new default in pyarrow must not change a corpus.
    return pq.ParquetWriter(
        path, schema, version="2.6", compression="zstd", compression_level=3, use_dictionary=True,
        write_statistics=True, data_page_version="1.0", data_page_size=1 << 20, store_schema=True,
    )  # fmt: skip


def _groups(name: str, schema: pa.Schema, rows: Iterable[Row], size: int) -> Iterator[pa.Table]:
    iterator = iter(rows)
    seen: set[str] = set()
    start = 0
    while group := list(islice(iterator, size)):
        for number, row in enumerate(group, start):
            _check_row(name, schema, number, row, seen)
        yield _to_table(name, schema, group, start)
        start += len(group)


def _check_row(name: str, schema: pa.Schema, number: int, row: Row, seen: set[str]) -> None:
    if row.keys() != set(schema.names):
        missing, unknown = sorted(set(schema.names) - row.keys()), sorted(map(str, row.keys() - set(schema.names)))
        raise SpecmillError(f"{name}, row {number}: missing columns {missing}, unknown columns {unknown}.")
    if row["id"] in seen or not row["id"]:
        raise SpecmillError(f"{name}, row {number}: the id {row['id']!r} is empty or occurs twice.")
    seen.add(row["id"])
    for message in row.get("messages") or ():
        known = {field.name for field in schema.field("messages").type.value_type}
        if not message.keys() <= known:  # pyarrow would drop them without a word
            raise SpecmillError(f"{name}, row {number}: unknown message keys {sorted(message.keys() - known)}.")


def _to_table(name: str, schema: pa.Schema, group: list[Row], start: int) -> pa.Table:
    try:
        return pa.Table.from_pylist(group, schema)
    except (pa.ArrowException, UnicodeError, TypeError, ValueError, OverflowError):
        for field in schema:  # again, a column at a time, to say which value it was
            for number, row in enumerate(group, start):
                try:
                    pa.array([row[field.name]], field.type)
                except Exception as error:
                    raise SpecmillError(f"{name}, row {number}, column {field.name}: {error}") from error
        raise


def _write_shards(folder: Path, schema: pa.Schema, groups: Iterator[pa.Table], limit: int, size: int) -> int:
    written, shards = 0, 0
    pending = next(groups, schema.empty_table())  # an empty config still has one shard, with its schema
    while pending is not None:
        with _writer(folder / f"{shards:05d}", schema) as writer:
            weight = 0
            while pending is not None and weight < limit:
                writer.write_table(pending, row_group_size=size)
                written, weight = written + pending.num_rows, weight + pending.nbytes
                pending = next(groups, None)
        shards += 1
    for number in range(shards):
        with (folder / f"{number:05d}").open("rb") as file:
            os.fsync(file.fileno())
        (folder / f"{number:05d}").rename(folder / f"train-{number:05d}-of-{shards:05d}.parquet")
    return written


def _tidy(dataset: Path, config: str) -> None:
    """Clear what a killed run left; if it was killed in the middle of `_take_place`, the old folder comes back."""
    old = dataset / f".{config}.old"
    if old.exists() and not (dataset / config).exists():
        old.rename(dataset / config)
    for leftover in dataset.glob(f".{config}.*"):
        shutil.rmtree(leftover, ignore_errors=True)


def _take_place(new: Path, place: Path) -> None:
    old = place.with_name(f".{place.name}.old")
    if place.exists():
        place.rename(old)
    new.rename(place)
    shutil.rmtree(old, ignore_errors=True)
