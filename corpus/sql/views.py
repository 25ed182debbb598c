"""A DuckDB connection on a workspace: a view for every table, and the joins people want (`corpus/sql/views.sql`)."""

import os
import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from importlib.resources import files
from itertools import chain, count
from pathlib import Path
from typing import Any, Final

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
        *((f"{name}_tokens", pa.int64()) for name in ("prompt", "cached", "cache_written", "completion", "reasoning")),
        *((name, pa.float64()) for name in ("cost_usd", "latency_s", "finished_at")),
        *((name, pa.int64()) for name in ("retries", "prompt_chars", "prefix_chars")),
        ("error", pa.string()),
    ]
)
"""The view `completions`: one row for each reply in the ledger, without its text."""

_LEDGER_BATCH = 50_000
_CACHE_WRITTEN = "cache_written_tokens"  # in a table of its own, which older ledgers do not have
_HUB = "hf://datasets/"
_RESERVED = {"main", "memory", "temp", "system", "information_schema", "pg_catalog"}  # DuckDB's own names
_PUBLISHED = {"documents": "msm", "chats": "aft_cot"}  # tables that a publication without them still has most of


Place = str | os.PathLike[str]


def connect(place: Place, *more: Place) -> duckdb.DuckDBPyConnection:
    """A connection in memory with a view for every table, dataset config and useful join of the workspace at `place`.

    `connect("ws").sql("SELECT genre, sum(tokens) FROM documents GROUP BY 1").df()`; `.pl()` and `.to_arrow_table()`
    work too. A place is a workspace, a published folder, or `hf://datasets/owner/name` (fetched by huggingface_hub).
    With several places there is a schema for each, named as its folder (`a.documents`), and every view of the main
    schema holds the rows of all, with their `workspace` in the first column.

    The SQL reads the files of these places and no others, and writes none. A table that has not been made yet is an
    empty view, and so is `completions` where there is no ledger.

    Raises:
        UserError: there is nothing to read at a place, or a file in it cannot be read.
    """
    workspaces = [_located(one) for one in (place, *more)]
    config: dict[str, Any] = {"autoinstall_known_extensions": False, "preserve_insertion_order": True}
    connection = duckdb.connect(":memory:", config=config)
    try:
        opened = []
        for schema, workspace in zip(_schemas(workspaces), workspaces, strict=True):
            if more:
                connection.execute(f"CREATE SCHEMA {_name(schema)}")
                connection.execute(f"SET schema = {_literal(_name(schema))}")
            opened += _open_workspace(connection, workspace)
        if more:
            _unite(connection, _schemas(workspaces))
        _lock_down(connection, opened)
    except duckdb.Error as error:
        connection.close()
        raise _unreadable(", ".join(str(workspace.root) for workspace in workspaces), error) from error
    return connection


@contextmanager
def reading(place: Place) -> Iterator[duckdb.DuckDBPyConnection]:
    """`connect` for our own queries: what is damaged inside of a file shows only when it is read.

    Raises:
        UserError: as `connect`, and where a query fails.
    """
    with connect(place) as connection:
        try:
            yield connection
        except duckdb.Error as error:
            raise _unreadable(os.fspath(place), error) from error


def _unreadable(where: str, error: duckdb.Error) -> UserError:
    return UserError(f"the tables of {where} cannot be read: {error}. Build the workspace again.")


def compare(places: Sequence[Place], sql: str) -> pa.Table:
    """The results of one query on each place on its own, one below the other, with the `workspace` first."""
    results = []
    for name, place in zip(_schemas([_located(place) for place in places]), places, strict=True):
        with connect(place) as connection:
            result = query(connection, sql)
        results.append(result.add_column(0, "workspace", pa.array([name] * result.num_rows, pa.string())))
    return pa.concat_tables(results, promote_options="permissive")


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
    names = [name for name in COMPLETIONS.names[1:] if name != _CACHE_WRITTEN]
    batches = []
    try:
        with closing(_open_ledger(workspace.ledger)) as ledger:
            known = ledger.execute("SELECT 1 FROM sqlite_master WHERE name = 'cache_write'").fetchone()
            written = "(SELECT tokens FROM cache_write w WHERE w.id = completion.id)" if known else "NULL"
            names.insert(COMPLETIONS.names.index(_CACHE_WRITTEN) - 1, written)
            statement = f"SELECT lower(hex(key)), {', '.join(names)} FROM completion ORDER BY id"  # noqa: S608
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


def _located(place: Place) -> Workspace:
    """The workspace at a place; a published folder is one whose configs lie at its top."""
    text = os.fspath(place)
    if text.startswith(_HUB):
        text = _fetched(text.removeprefix(_HUB))
    workspace = Workspace(text)
    if not workspace.recipe.is_file() and any((workspace.root / name).is_dir() for name in DATASETS):
        workspace.dataset = workspace.root
        return workspace
    return Workspace.open(text)


def _fetched(repo: str) -> str:
    from huggingface_hub import snapshot_download

    try:
        return snapshot_download(repo, repo_type="dataset")
    except (OSError, ValueError) as error:
        raise UserError(
            f"{_HUB}{repo} cannot be fetched: {error}. Check the name, the network and HF_TOKEN."
        ) from error


def _schemas(workspaces: list[Workspace]) -> list[str]:
    """A name for each workspace: its folder's, with a number where DuckDB has that name already; it knows no case."""
    taken, names = set(_RESERVED), []
    for workspace in workspaces:
        folder = workspace.root.resolve().name
        spellings = chain([folder], (f"{folder}_{number}" for number in count(2)))
        names.append(next(name for name in spellings if name.casefold() not in taken))
        taken.add(names[-1].casefold())
    return names


def _open_workspace(connection: duckdb.DuckDBPyConnection, workspace: Workspace) -> list[Path]:
    opened: list[Path] = []
    for name, schema in DATASETS.items():
        opened += _create_view(connection, name, dataset_files(workspace, name), schema)
    for name, schema in TABLES.items():
        config = _PUBLISHED.get(name)
        if config and not workspace.parts(name) and dataset_files(workspace, config):  # published without its tables
            connection.from_arrow(schema.empty_table()).create(f"no_{name}")
            connection.execute(f"CREATE VIEW {name} AS FROM no_{name} UNION ALL BY NAME FROM {config}")
        else:
            opened += _create_view(connection, name, workspace.parts(name), schema)
    connection.from_arrow(read_ledger(workspace)).create("completions")
    connection.execute(_sql("views.sql"))
    return opened


def _unite(connection: duckdb.DuckDBPyConnection, schemas: list[str]) -> None:
    connection.execute("SET schema = 'main'")
    for view in (*TABLES, *DATASETS, "completions", *view_help()):
        parts = [f"SELECT {_literal(schema)} AS workspace, * FROM {_name(schema)}.{view}" for schema in schemas]  # noqa: S608
        connection.execute(f"CREATE VIEW {view} AS {' UNION ALL BY NAME '.join(parts)}")


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


def _name(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _sql(name: str) -> str:
    return files("corpus.sql").joinpath(name).read_text(encoding="utf-8")
