"""A DuckDB connection on a workspace: a view for every table, and the joins people want (`corpus/sql/views.sql`)."""

import os
import re
import sqlite3
from contextlib import closing
from importlib.resources import files
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa

from corpus.schema import DATASETS, TABLES
from corpus.store import dataset_files
from corpus.workspace import Workspace
from specs.errors import UserError

COMPLETIONS: Final = pa.schema(
    [
        *((name, pa.string()) for name in ("request_id", "role", "stage", "row_id")),
        *((name, pa.int64()) for name in ("sample", "attempt")),
        *((name, pa.string()) for name in ("model", "endpoint", "state", "finish_reason")),
        *((f"{name}_tokens", pa.int64()) for name in ("prompt", "cached", "completion", "reasoning")),
        *((name, pa.float64()) for name in ("cost_usd", "latency_s", "finished_at")),
        *((name, pa.int64()) for name in ("retries", "prompt_chars", "prefix_chars")),
        ("error", pa.string()),
    ]
)
"""The view `completions`: one row for each reply in the ledger, without its text."""

_LEDGER_BATCH = 50_000


def connect(path: str | os.PathLike[str]) -> duckdb.DuckDBPyConnection:
    """A connection in memory with a view for every table, dataset config and useful join of the workspace at `path`.

    `connect("ws").sql("SELECT genre, sum(tokens) FROM documents GROUP BY 1").df()`; `.pl()` and `.arrow()` work too.
    The SQL can read the files of this workspace and no others, and write none. A table that has not been made yet is
    an empty view, and so is `completions` where there is no ledger.

    Raises:
        UserError: there is no workspace at `path`, or a file in it cannot be read.
    """
    workspace = Workspace.open(path)
    connection = duckdb.connect(
        ":memory:", config={"autoinstall_known_extensions": "false", "preserve_insertion_order": "true"}
    )
    try:
        opened = _open_tables(connection, workspace)
        connection.from_arrow(read_ledger(workspace)).create("completions")
        connection.execute(_sql("views.sql"))
        _lock_down(connection, opened)
    except duckdb.Error as error:
        connection.close()
        raise UserError(
            f"the tables of {workspace.root} cannot be read: {error}. Build the workspace again."
        ) from error
    return connection


def query(connection: duckdb.DuckDBPyConnection, sql: str) -> pa.Table:
    """The result of a statement; UserError with DuckDB's own explanation if it fails."""
    try:
        relation = connection.sql(sql)
        return relation.to_arrow_table() if relation is not None else pa.table({})
    except duckdb.Error as error:
        raise UserError(f"the query failed: {error}") from error


def view_help() -> dict[str, str]:
    """Each view of `views.sql` with the line that explains it."""
    return dict(re.findall(r"^-- (\w+): (.+)$", _sql("views.sql"), flags=re.MULTILINE))


def read_ledger(workspace: Workspace) -> pa.Table:
    """The ledger's completions without their texts (the schema is `COMPLETIONS`); empty where there is no ledger.

    Read with sqlite3 and not by DuckDB, whose SQLite extension would have to be fetched. About 300 bytes a row.
    """
    if not workspace.ledger.is_file():
        return COMPLETIONS.empty_table()
    names = ", ".join(COMPLETIONS.names[1:])
    statement = f"SELECT lower(hex(key)), {names} FROM completion ORDER BY id"  # noqa: S608
    batches = []
    try:
        with closing(_open_ledger(workspace.ledger)) as ledger:
            cursor = ledger.execute(statement)
            while rows := cursor.fetchmany(_LEDGER_BATCH):
                columns = zip(*rows, strict=True)
                arrays = [pa.array(column, field.type) for column, field in zip(columns, COMPLETIONS, strict=True)]
                batches.append(pa.RecordBatch.from_arrays(arrays, schema=COMPLETIONS))
    except sqlite3.Error as error:
        raise UserError(f"the ledger {workspace.ledger} cannot be read: {error}.") from error
    return pa.Table.from_batches(batches, COMPLETIONS)


def _open_ledger(path: Path) -> sqlite3.Connection:
    uri = path.resolve().as_uri()
    ledger = sqlite3.connect(f"{uri}?mode=ro", uri=True, timeout=30)
    try:
        ledger.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError:  # a write-ahead log in a folder that cannot be written: read the file as it is
        ledger.close()
        ledger = sqlite3.connect(f"{uri}?immutable=1", uri=True)
    return ledger


def _open_tables(connection: duckdb.DuckDBPyConnection, workspace: Workspace) -> list[Path]:
    opened: list[Path] = []
    for name, schema in TABLES.items():
        opened += _create_view(connection, name, workspace.parts(name), schema)
    for name, schema in DATASETS.items():
        opened += _create_view(connection, name, dataset_files(workspace, name), schema)
    return opened


def _create_view(connection: duckdb.DuckDBPyConnection, name: str, paths: list[Path], schema: pa.Schema) -> list[Path]:
    if paths:
        listed = ", ".join(_literal(str(path.resolve())) for path in paths)
        connection.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet([{listed}])")  # noqa: S608
    else:
        connection.from_arrow(schema.empty_table()).create(name)
    return paths


def _lock_down(connection: duckdb.DuckDBPyConnection, opened: list[Path]) -> None:
    allowed = ", ".join(_literal(str(path.resolve())) for path in opened)
    connection.execute(f"SET allowed_paths = [{allowed}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _sql(name: str) -> str:
    return files("corpus").joinpath("sql", name).read_text(encoding="utf-8")
