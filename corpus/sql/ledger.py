"""What the SQL views know of a ledger: its completions, read when a query wants them, and what was spent, summed up.

Read with sqlite3 and not by DuckDB, whose SQLite extension would have to be fetched.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from specs.errors import UserError

if TYPE_CHECKING:  # imported where completions are read one by one
    import pyarrow as pa

_CACHE_WRITTEN = "cache_written_tokens"  # in a table of its own, which older ledgers do not have
_TOKENS = tuple(f"{name}_tokens" for name in ("prompt", "cached", "cache_written", "completion", "reasoning"))

COMPLETIONS: Final = {
    **dict.fromkeys(("request_id", "role", "stage", "row_id"), "string"),
    **dict.fromkeys(("sample", "attempt"), "int64"),
    **dict.fromkeys(("model", "endpoint", "state", "finish_reason"), "string"),
    **dict.fromkeys(_TOKENS, "int64"),
    **dict.fromkeys(("cost_usd", "latency_s", "finished_at"), "double"),
    **dict.fromkeys(("retries", "prompt_chars", "prefix_chars"), "int64"),
    "error": "string",
}
"""Columns of the view `completions`, with their Arrow types: one row for each reply in the ledger, without its text."""

SPENT: Final = (
    "CREATE TABLE spent (role VARCHAR, stage VARCHAR, model VARCHAR, requests BIGINT, ok BIGINT, retries BIGINT, "
    + "".join(f"{name} BIGINT, " for name in _TOKENS)
    + "cost_usd DOUBLE, unpriced BIGINT, median_latency_s DOUBLE)"
)
"""The table of `Ledger.spent`."""

_BATCH = 20_000


def completions_schema() -> "pa.Schema":
    """`COMPLETIONS` as an Arrow schema."""
    import pyarrow as pa

    return pa.schema([pa.field(name, pa.type_for_alias(alias)) for name, alias in COMPLETIONS.items()])


class LedgerFile:
    """A ledger for reading, also while it is being written. UserError where it is none; a file that is not there is
    empty."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._written = "NULL"  # how its tokens written to a cache are found
        with self._reading() as ledger:
            if ledger and ledger.execute("SELECT 1 FROM sqlite_master WHERE name = 'cache_write'").fetchone():
                self._written = "(SELECT tokens FROM cache_write w WHERE w.id = completion.id)"

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """The completions as an Arrow stream, anew for each query of DuckDB that reads them (PyCapsule interface)."""
        import pyarrow as pa

        reader = pa.RecordBatchReader.from_batches(completions_schema(), self.completions())
        return reader.__arrow_c_stream__(requested_schema)

    def completions(self) -> Iterator["pa.RecordBatch"]:
        """Record batches of the schema `completions_schema`, oldest first."""
        import pyarrow as pa

        schema = completions_schema()
        names = [self._column(name) for name in schema.names[1:]]
        with self._reading() as ledger:
            if ledger is None:
                return
            cursor = ledger.execute(f"SELECT lower(hex(key)), {', '.join(names)} FROM completion ORDER BY id")  # noqa: S608
            while rows := cursor.fetchmany(_BATCH):
                columns = zip(*rows, strict=True)
                arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
                yield pa.RecordBatch.from_arrays(arrays, schema=schema)

    def stages(self) -> list[str]:
        """The stages that it holds replies of."""
        with self._reading() as ledger:
            return [] if ledger is None else [row[0] for row in ledger.execute("SELECT DISTINCT stage FROM completion")]

    def spent(self) -> Sequence[tuple[Any, ...]]:
        """Rows of the table `SPENT`: one for each role, stage and model. Summed up in SQLite: a row read costs more."""
        sums = ", ".join(f"coalesce(sum({self._column(name)}), 0)" for name in ("retries", *_TOKENS))
        with self._reading() as ledger:
            if ledger is None:
                return []
            ledger.create_aggregate("median", 1, _Median)  # type: ignore[arg-type]  # its stub wants int results
            return ledger.execute(
                f"SELECT role, stage, model, count(*), sum(state = 'ok'), {sums}, sum(cost_usd), "  # noqa: S608
                "sum(cost_usd IS NULL), median(latency_s) FROM completion GROUP BY role, stage, model"
            ).fetchall()

    def _column(self, name: str) -> str:
        return self._written if name == _CACHE_WRITTEN else name

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection | None]:
        if not self.path.is_file():
            yield None
            return
        try:
            with closing(_open(self.path)) as ledger:
                yield ledger
        except sqlite3.Error as error:
            raise UserError(f"the ledger {self.path} cannot be read: {error}.") from error


class _Median:
    """SQLite has none of its own."""

    def __init__(self) -> None:
        self._values: list[float] = []

    def step(self, value: float) -> None:
        """One value of a group."""
        self._values.append(value)

    def finalize(self) -> float:
        """The median of the group."""
        return median(self._values)


def _open(path: Path) -> sqlite3.Connection:
    uri = path.resolve().as_uri()
    # DuckDB reads in threads of its own, one at a time.
    ledger = sqlite3.connect(f"{uri}?mode=ro", uri=True, timeout=30, check_same_thread=False)
    try:
        ledger.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError:  # a write-ahead log in a folder that cannot be written: read the file as it is
        ledger.close()
        ledger = sqlite3.connect(f"{uri}?immutable=1", uri=True, check_same_thread=False)
    return ledger
