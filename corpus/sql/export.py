"""A query's result as a file: CSV, JSON lines or Parquet."""

import json
from pathlib import Path
from typing import IO, Any, Final

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from corpus.workspace import replacing

FORMATS: Final = ("csv", "json", "parquet")


def export(table: pa.Table, form: str, target: Path | IO[bytes]) -> None:
    """Write `table` as `csv` (lists and structs as JSON text), `json` (one object a line) or `parquet`.

    A path is replaced atomically; anything else is a binary stream. Data is written as it is: a spreadsheet may read
    a cell that begins with `=` as a formula.
    """
    if isinstance(target, Path):
        with replacing(target) as beside, beside.open("wb") as stream:
            export(table, form, stream)
    elif form == "parquet":
        pq.write_table(table, target, compression="zstd")
    elif form == "csv":
        pa.csv.write_csv(_flat(table), target)
    else:
        for batch in table.to_batches(max_chunksize=1_000):
            target.writelines(_json(row) + b"\n" for row in batch.to_pylist())


def _flat(table: pa.Table) -> pa.Table:
    for i, field in enumerate(table.schema):
        if pa.types.is_nested(field.type):
            texts = [None if value is None else _json(value).decode() for value in table.column(i).to_pylist()]
            table = table.set_column(i, field.name, pa.array(texts, pa.string()))
    return table


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, default=str).encode("utf-8", "replace")
