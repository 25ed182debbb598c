"""Any number of documents from anywhere: few are decided on here, more by all cores, or by the recipe's executor."""

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from filters.base import Decision, Item
from filters.context import Context
from filters.run.decide import check_each
from filters.run.parquet import check_unit, units_of, write_items
from filters.run.processes import by_processes, gather
from filters.settings import FilterSettings
from filters.text.needs import raise_if_missing

_PIECE = 250  # items
_FEW = 1_000  # items for which starting processes takes longer than the checks


def check_many(items: Iterable[Item], settings: FilterSettings, context: Context) -> Decision:
    """`check_documents` by `settings.executor`, and by `settings.workers` processes on one machine.

    For a cluster the items are first written where its machines can read them, in `settings.cluster.folder`.

    Raises:
        UserError: what the executor needs is not there.
        SpecmillError: a task of the cluster failed.
    """
    iterator = iter(items)
    first = list(islice(iterator, _FEW))
    if len(first) < _FEW:
        return gather([check_each(first, settings, context)], settings)
    pieces = _pieces(first, iterator)
    if settings.executor == "local":
        return gather(by_processes(pieces, check_each, settings, context), settings)
    raise_if_missing(settings)
    with tempfile.TemporaryDirectory(prefix="specmill-filter-", dir=settings.cluster.folder) as folder:
        path = Path(folder) / "documents.parquet"
        write_items(pieces, path)
        return check_parquet([path], settings, context)


def check_parquet(paths: Sequence[Path | str], settings: FilterSettings, context: Context) -> Decision:
    """`check_documents` over the rows of Parquet files with the columns `id` and `text`.

    `title`, `frame`, `genre`, `tokens`, `finish_reason`, `position` and `score` are read where the files have them;
    without a position the order of the rows is the age. The engine is `settings.executor`.
    """
    units = units_of(paths)
    if settings.executor == "local":
        found = by_processes(units, check_unit, settings, context)
    else:
        raise_if_missing(settings)
        from filters.run.datatrove_executor import by_datatrove  # datatrove takes seconds to import

        found = by_datatrove(units, settings, context)
    return gather(found, settings)


def _pieces(first: list[Item], rest: Iterator[Item]) -> Iterator[list[Item]]:
    for start in range(0, len(first), _PIECE):
        yield first[start : start + _PIECE]
    while piece := list(islice(rest, _PIECE)):
        yield piece
