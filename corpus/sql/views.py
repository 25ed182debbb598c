"""A DuckDB connection on a workspace: a view for every table, and the joins people want (`corpus/sql/views.sql`)."""

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.resources import files
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from corpus.schema import DATASETS, TABLES, Declared
from corpus.sql.ledger import SPENT, LedgerFile, completions_schema
from corpus.workspace import Workspace
from specs.errors import UserError

if TYPE_CHECKING:  # imported where a result is wanted as a table of it
    import pyarrow as pa

_HUB = "hf://datasets/"
_RESERVED = {"main", "memory", "temp", "system", "information_schema", "pg_catalog"}  # DuckDB's own names
_PUBLISHED = {"documents": "msm", "chats": "aft_cot"}  # tables that a publication without them still has most of


Place = str | os.PathLike[str]


def connect(place: Place, *more: Place, completions: bool = True) -> duckdb.DuckDBPyConnection:
    """A connection in memory with a view for every table, dataset config and useful join of the workspace at `place`.

    `connect("ws").sql("SELECT genre, sum(tokens) FROM documents GROUP BY 1").df()`; `.pl()` and `.to_arrow_table()`
    work too. A place is a workspace, a published folder, or `hf://datasets/owner/name` (fetched by huggingface_hub).
    With several places there is a schema for each, named as its folder (`a.documents`), and every view of the main
    schema holds the rows of all, with their `workspace` in the first column.

    The SQL reads the files of these places and no others, and writes none. A table that has not been made yet is an
    empty view, and so is `completions` where there is no ledger. Where no query wants those, say so: Arrow, through
    which they come, takes longer to import than most queries take.

    Raises:
        UserError: there is nothing to read at a place, or a file in it cannot be read.
    """
    workspaces = [_located(one) for one in (place, *more)]
    config: dict[str, Any] = {
        "autoinstall_known_extensions": False,
        "preserve_insertion_order": True,
        "parquet_metadata_cache": True,  # a query reads a table in several of its views
    }
    connection = duckdb.connect(":memory:", config=config)
    try:
        opened = []
        for schema, workspace in zip(_schemas(workspaces), workspaces, strict=True):
            if more:
                connection.execute(f"CREATE SCHEMA {_name(schema)}")
                connection.execute(f"SET schema = {_literal(_name(schema))}")
            opened += _open_workspace(connection, workspace, completions)
        if more:
            _unite(connection, _schemas(workspaces), completions)
        _lock_down(connection, opened)
    except duckdb.Error as error:
        connection.close()
        raise _unreadable(", ".join(str(workspace.root) for workspace in workspaces), error) from error
    return connection


@contextmanager
def reading(place: Place, *, completions: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """`connect` for our own queries: what is damaged inside of a file shows only when it is read.

    Raises:
        UserError: as `connect`, and where a query fails.
    """
    with connect(place, completions=completions) as connection:
        try:
            yield connection
        except duckdb.Error as error:
            raise _unreadable(os.fspath(place), error) from error


def _unreadable(where: str, error: duckdb.Error) -> UserError:
    said = str(error).partition("\n")[0]  # what follows is the SQL of ours that met it
    return UserError(f"the tables of {where} cannot be read: {said}. Make them again: specmill build {where}")


def compare(places: Sequence[Place], sql: str) -> "pa.Table":
    """The results of one query on each place on its own, one below the other, with the `workspace` first."""
    import pyarrow as pa

    results = []
    for name, place in zip(_schemas([_located(place) for place in places]), places, strict=True):
        with connect(place) as connection:
            result = query(connection, sql)
        results.append(result.add_column(0, "workspace", pa.array([name] * result.num_rows, pa.string())))
    return pa.concat_tables(results, promote_options="permissive")


def query(connection: duckdb.DuckDBPyConnection, sql: str) -> "pa.Table":
    """The result of a statement; UserError with DuckDB's own explanation if it fails."""
    import pyarrow as pa

    try:
        relation = connection.sql(sql)
        return relation.to_arrow_table() if relation is not None else pa.table({})
    except duckdb.Error as error:
        raise UserError(f"the query failed: {error}") from error


def view_help() -> dict[str, str]:
    """Each view of `views.sql` with the line that explains it."""
    return dict(re.findall(r"^-- (\w+): (.+)$", _sql("views.sql"), flags=re.MULTILINE))


def read_ledger(workspace: Workspace) -> "pa.Table":
    """The ledger's completions without their texts (columns as `COMPLETIONS`); empty where there is no ledger.
    About 300 bytes a row."""
    import pyarrow as pa

    return pa.Table.from_batches(LedgerFile(workspace.ledger).completions(), completions_schema())


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


def _open_workspace(connection: duckdb.DuckDBPyConnection, workspace: Workspace, completions: bool) -> list[Path]:
    opened: list[Path] = []
    for name, declared in DATASETS.items():
        opened += _create_view(connection, name, workspace.shards(name), declared)
    for name, declared in TABLES.items():
        config = _PUBLISHED.get(name)
        if config and not workspace.parts(name) and workspace.shards(config):  # published without its tables
            _create_view(connection, f"no_{name}", [], declared)
            connection.execute(f"CREATE VIEW {name} AS FROM no_{name} UNION ALL BY NAME FROM {config}")
        else:
            opened += _create_view(connection, name, workspace.parts(name), declared)
    ledger = LedgerFile(workspace.ledger)
    if completions:
        _create_completions(connection, ledger)
    connection.execute(SPENT)
    if spent := ledger.spent():
        row = f"({', '.join('?' * len(spent[0]))})"
        values = [value for one in spent for value in one]
        connection.execute(f"INSERT INTO spent VALUES {', '.join([row] * len(spent))}", values)  # noqa: S608
    connection.execute(_sql("views.sql"))
    return opened


def _unite(connection: duckdb.DuckDBPyConnection, schemas: list[str], completions: bool) -> None:
    connection.execute("SET schema = 'main'")
    for view in (*TABLES, *DATASETS, *["completions"] * completions, *view_help()):
        parts = [f"SELECT {_literal(schema)} AS workspace, * FROM {_name(schema)}.{view}" for schema in schemas]  # noqa: S608
        connection.execute(f"CREATE VIEW {view} AS {' UNION ALL BY NAME '.join(parts)}")


def _create_view(connection: duckdb.DuckDBPyConnection, name: str, paths: list[Path], declared: Declared) -> list[Path]:
    if paths:
        listed = ", ".join(_literal(str(path.resolve())) for path in paths)
        connection.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet([{listed}])")  # noqa: S608
    else:
        connection.execute(f"CREATE VIEW {name} AS {declared.empty}")
    return paths


def _create_completions(connection: duckdb.DuckDBPyConnection, ledger: LedgerFile) -> None:
    """A view on the Arrow stream that a ledger has for each query. DuckDB's own `from_arrow` imports pandas."""
    registered = f"ledger_{id(ledger)}"  # several workspaces have one each
    connection.register(registered, ledger)
    connection.execute(f"CREATE VIEW completions AS FROM temp.{registered}")


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
