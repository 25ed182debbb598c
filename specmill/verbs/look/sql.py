"""`specmill sql`: ask a workspace anything, in SQL."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb
    import pyarrow as pa
    from rich.console import Console
    from rich.table import Table


class Format(StrEnum):
    """How the result is written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


def sql(
    workspace: Annotated[str, typer.Argument(help="Workspace, published folder, or hf://datasets/owner/name.")],
    statement: Annotated[
        str | None, typer.Argument(metavar="[QUERY]", help="SQL, or a file that ends in .sql, or - for standard input.")
    ] = None,
    named: Annotated[str | None, typer.Option("--named", "-n", help="Run a query that ships with specmill.")] = None,
    list_: Annotated[bool, typer.Option("--list", help="List views and named queries, then end.")] = False,
    others: Annotated[
        list[str] | None,
        typer.Option("--with", help="Another workspace to compare with; a query sees all, a named one runs on each."),
    ] = None,
    form: Annotated[Format, typer.Option("--format", "-f", help="How to write the result.")] = Format.TABLE,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write to this file.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Rows shown by --format table.")] = 40,
) -> None:
    """Ask a workspace anything, in SQL: DuckDB, with a view for every table and for the joins people want.

    Without a query it opens a simple shell. The SQL reads this workspace and nothing else, and changes nothing.

    Examples:

      specmill sql out/cheese "SELECT genre, sum(tokens) FROM documents GROUP BY 1"

      specmill sql out/cheese --named coverage

      specmill sql out/cheese --with out/america --named domains

      specmill sql out/cheese "FROM items WHERE reason = 'near_duplicate'" -f json -o rejects.jsonl
    """
    from rich.console import Console

    from corpus.sql.named_queries import named_query
    from corpus.sql.views import compare, connect, query
    from specs.errors import UserError

    if list_:
        _print_list(Console())
        return
    if named and statement:
        raise UserError("give a query or --named NAME, not both.")
    if named and others:
        _write(compare([workspace, *others], named_query(named).sql), form, output, limit)
        return
    text = named_query(named).sql if named else _read(statement)
    with connect(workspace, *(others or [])) as connection:
        if text is None:
            _shell(connection, limit)
        else:
            _write(query(connection, text), form, output, limit)


def _read(statement: str | None) -> str | None:
    from specs.errors import UserError

    if statement == "-" or (statement is None and not sys.stdin.isatty()):
        return sys.stdin.read()
    if statement is None or not statement.endswith(".sql"):
        return statement
    try:
        return Path(statement).read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        raise UserError(f"the query file {statement} cannot be read: {error}") from error


def _write(table: "pa.Table", form: Format, output: Path | None, limit: int) -> None:
    from rich.console import Console

    from corpus.sql.export import export
    from specs.errors import UserError

    if form is Format.TABLE:
        if output:
            raise UserError("--output needs a format for files: add --format csv, json or parquet.")
        _print_table(Console(), table, limit)
    elif output:
        export(table, form, output)
    elif form is Format.PARQUET and sys.stdout.isatty():
        raise UserError("Parquet is not text: add --output FILE, or send it to a pipe.")
    else:
        export(table, form, sys.stdout.buffer)


def _print_table(console: "Console", table: "pa.Table", limit: int) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from corpus.text import one_line

    if not table.num_columns:
        return
    kinds = ("int", "uint", "float", "double", "decimal")
    numbers = {i for i, field in enumerate(table.schema) if str(field.type).startswith(kinds)}
    columns = [table.column(i).slice(0, limit).to_pylist() for i in range(table.num_columns)]
    if console.width < 11 * table.num_columns:  # too narrow for columns: one below the other
        for row in zip(*columns, strict=True):
            console.print(_record(table.column_names, row))
    else:
        shown = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for i, name in enumerate(table.column_names):
            shown.add_column(Text(one_line(name, 40)), justify="right" if i in numbers else "left")
        for row in zip(*columns, strict=True):
            shown.add_row(*(Text(_cell(value)) for value in row))
        console.print(shown)
    if table.num_rows > limit:
        console.print(f"{limit} of {table.num_rows:,} rows; --limit or --format csv shows more.", style="dim")


def _record(names: list[str], row: "Sequence[object]") -> "Table":
    from rich.table import Table
    from rich.text import Text

    from corpus.text import one_line

    shown = Table(box=None, show_header=False, pad_edge=False)
    for name, value in zip(names, row, strict=True):
        shown.add_row(Text(one_line(name, 40), style="dim"), Text(_cell(value)))
    shown.add_row("")
    return shown


def _cell(value: object) -> str:
    from corpus.text import one_line

    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:,.6g}"
    return f"{value:,}" if type(value) is int else one_line(str(value), 200)


def _print_list(console: "Console") -> None:
    from rich.table import Table

    from corpus.schema import DATASETS, TABLES
    from corpus.sql.named_queries import named_queries
    from corpus.sql.views import view_help

    console.print(f"Tables: {', '.join(TABLES)}\nDatasets: {', '.join(DATASETS)}\nLedger: completions", highlight=False)
    for title, entries in (
        ("Views", view_help()),
        ("Named queries (--named)", {name: named.help for name, named in named_queries().items()}),
    ):
        shown = Table(title=title, title_justify="left", box=None, pad_edge=False, show_header=False)
        for name, text in entries.items():
            shown.add_row(name, text)
        console.print("", shown)


def _shell(connection: "duckdb.DuckDBPyConnection", limit: int) -> None:
    from rich.console import Console
    from rich.text import Text

    from corpus.sql.views import query
    from specs.errors import UserError

    console = Console()
    console.print("SQL ends with ; and .list lists what there is. End with Ctrl-D.", style="dim")
    lines: list[str] = []
    while True:
        try:
            line = input("sql> " if not lines else "...> ")
        except (EOFError, KeyboardInterrupt):
            return
        if line.strip() == ".list":
            _print_list(console)
            continue
        lines.append(line)
        if line.rstrip().endswith(";"):
            try:
                _print_table(console, query(connection, "\n".join(lines)), limit)
            except UserError as error:
                console.print(Text(str(error), style="red"))
            lines = []
