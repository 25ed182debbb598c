"""The Parquet dataset and everything that reads it: schema, views, budgets, card, Hub, report."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from corpus.sql.views import connect

__all__ = ["connect"]


def __getattr__(name: str) -> Any:
    """`corpus.connect(path)` for notebooks, without DuckDB's import for those who want something else here."""
    if name == "connect":
        from corpus.sql.views import connect

        return connect
    raise AttributeError(f"module 'corpus' has no attribute {name!r}")
