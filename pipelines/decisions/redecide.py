"""Carrying a new decision on stored documents out: who fails goes to the rejects, who passes comes back to their place.

Judging again (`rejudge`) and filtering again (`refilter`) differ in what they reconsider: `Reconsidered` picks the rows
of the table `rejects` that may come back.
"""

import heapq
import json
from collections.abc import Callable, Iterable, Iterator

from corpus.store import read_rows, write_table
from corpus.workspace import Workspace
from filters.base import Flag, Rejection
from pipelines.base import Row, flagged, rejected
from pipelines.build import Build
from pipelines.judging.documents import PART

Reconsidered = Callable[[Row], bool]
_LAST = 1 << 60  # the age of a document whose place is not known any more


def turned_down(workspace: Workspace, reconsidered: Reconsidered) -> Iterator[Row]:
    """Rows of the documents that were turned down and may come back."""
    kept = {row["id"] for row in read_rows(workspace, "documents", ["id"])}  # in both only where a run was killed
    for reject in read_rows(workspace, "rejects", part=PART):
        if reconsidered(reject) and reject["item_id"] not in kept:
            yield json.loads(reject["row"])


def carry_out(
    build: Build, rejections: Iterable[Rejection], reconsidered: Reconsidered, flags: Iterable[Flag] | None = None
) -> None:
    """Rewrite documents, their rejects, the dataset and the manifest; `rejections` are all that does not stay. `flags`
    take the place of the stored ones, where the filters looked again.

    Rejects are written twice, first with those that come back: wherever this is killed, no document is in neither.
    """
    workspace = build.workspace
    why = {rejection.item_id: rejection for rejection in rejections}
    stored = list(read_rows(workspace, "rejects", part=PART))
    others = [row for row in stored if not reconsidered(row)]
    back = [row for row in stored if reconsidered(row) and row["item_id"] not in why]
    failed = [
        rejected("documents", why[row["id"]], row, row["text"])
        for row in _in_order(workspace, reconsidered)
        if row["id"] in why
    ]
    write_table(workspace, "rejects", [*others, *failed, *back], part=PART)
    staying = (row for row in _in_order(workspace, reconsidered) if row["id"] not in why)
    write_table(workspace, "documents", staying)
    write_table(workspace, "rejects", [*others, *failed], part=PART)
    if flags is not None:
        write_table(workspace, "flags", (flagged("documents", flag) for flag in flags), part=PART)
    build.publishable(remade=False)


def _in_order(workspace: Workspace, reconsidered: Reconsidered) -> Iterator[Row]:
    """All that can be kept, in the order of writing; documents that were made elsewhere in that of their table."""
    ages = {row["id"]: age for age, row in enumerate(read_rows(workspace, "ideas", ["id"]))}

    def with_age(rows: Iterator[Row], start: int) -> Iterator[tuple[int, Row]]:
        for place, row in enumerate(rows, start):
            yield ages.get(row["idea_id"] or "", place), row

    kept = with_age(read_rows(workspace, "documents"), len(ages))
    back = sorted(with_age(turned_down(workspace, reconsidered), _LAST), key=lambda pair: pair[0])
    for _, row in heapq.merge(kept, back, key=lambda pair: pair[0]):
        yield row
