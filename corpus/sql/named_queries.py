"""The named queries that ship with specmill: `corpus/sql/queries/*.sql`, each with its help in the first line."""

from dataclasses import dataclass
from importlib.resources import files

from specs.errors import UserError


@dataclass(frozen=True, slots=True)
class NamedQuery:
    """A shipped query."""

    name: str
    help: str
    sql: str


def named_queries() -> dict[str, NamedQuery]:
    """All shipped queries by name."""
    folder = files("corpus.sql").joinpath("queries")
    found = {}
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        first, sql = file.read_text(encoding="utf-8").split("\n", 1)
        name = file.name.removesuffix(".sql")
        found[name] = NamedQuery(name, first.removeprefix("-- "), sql.strip())
    return found


def named_query(name: str) -> NamedQuery:
    """The shipped query of this name; UserError with the names there are."""
    queries = named_queries()
    if name not in queries:
        raise UserError(f"there is no named query {name!r}. Expected one of: {', '.join(queries)}.")
    return queries[name]
