"""Decide again on what is stored, with other thresholds and without asking any model; and say why.

Works on the rows of the tables `documents` and `rejects`, as dicts; reads and writes nothing itself.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from filters.base import Item, Rejection
from filters.check import Outcome, excerpt
from filters.context import Context
from filters.decide import explain
from filters.parquet import item_of
from filters.processes import check_many
from filters.settings import FilterSettings
from specs.errors import UserError

Row = Mapping[str, Any]
EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class Rerun:
    """A decision beside the stored one."""

    kept: list[str]  # ids that stay now, sorted
    rejections: list[Rejection]  # of all that does not, sorted by id
    returned: list[str]  # ids that were rejected and stay now
    dropped: list[str]  # ids that were kept and go now


@dataclass(frozen=True, slots=True)
class Reason:
    """A row of the table of reasons."""

    reason: str
    count: int
    share: float  # of all documents decided on
    examples: list[tuple[Rejection, str]] = field(default_factory=list)  # the rejection, and how the text begins


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a document stays or goes."""

    item: Item
    rejection: Rejection | None  # the decision over the whole corpus
    outcomes: dict[str, Outcome]  # every check of this one document, whether it rejects or not
    gave_way: list[Rejection]  # documents that went because this one stays


def stored_items(documents: Iterable[Row], rejects: Iterable[Row], ideas: Iterable[str] = ()) -> Iterator[Item]:
    """Every document that was ever written: what is kept, and what is in `rejects` with its whole row.

    `ideas` are the ids of the ideas in the order in which they were written: a document's age is its idea's place.
    Draws that brought no document (truncated, refused, failed) have no row and are left out.
    """
    ages = {idea: age for age, idea in enumerate(ideas)}
    rows = [*documents, *_rejected_documents(rejects)]
    for place, row in enumerate(rows):
        yield item_of(row, ages.get(row.get("idea_id") or "", len(ages) + place))


def rerun(documents: Callable[[], Iterable[Item]], kept: set[str], settings: FilterSettings, context: Context) -> Rerun:
    """Decide on `documents()`; `kept` are the ids that stay by the stored decision."""
    now, rejections = check_many(documents(), settings, context)
    gone = {rejection.item_id for rejection in rejections}
    return Rerun(now, rejections, sorted(set(now) - kept), sorted(kept & gone))


def reasons(rejections: Iterable[Rejection], items: Iterable[Item], total: int) -> list[Reason]:
    """Counts and up to five examples a reason, the commonest first; examples are the first by id."""
    by_reason: dict[str, list[Rejection]] = defaultdict(list)
    for rejection in sorted(rejections, key=lambda rejection: rejection.item_id):
        by_reason[rejection.reason].append(rejection)
    wanted = {rejection.item_id for found in by_reason.values() for rejection in found[:EXAMPLES]}
    begins = {item.id: excerpt(item.text, 0, 160) for item in items if item.id in wanted}
    table = [
        Reason(
            reason, len(found), len(found) / max(1, total), [(r, begins.get(r.item_id, "")) for r in found[:EXAMPLES]]
        )
        for reason, found in by_reason.items()
    ]
    return sorted(table, key=lambda row: (-row.count, row.reason))


def explain_document(
    item_id: str, documents: Callable[[], Iterable[Item]], settings: FilterSettings, context: Context
) -> Explanation:
    """Why the document `item_id` stays or goes, among all of `documents()`; UserError if there is none."""
    item = next((item for item in documents() if item.id == item_id), None)
    if item is None:
        near = [other.id for other in documents() if other.id.startswith(item_id[:4])][:5]
        hint = f" Ids that begin alike: {', '.join(near)}." if near else ""
        raise UserError(f"no document has the id {item_id!r}.{hint} `specmill show` lists ids.")
    _, rejections = check_many(documents(), settings, context)
    rejection = next((rejection for rejection in rejections if rejection.item_id == item_id), None)
    gave_way = [rejection for rejection in rejections if rejection.other_id == item_id]
    return Explanation(item, rejection, explain(item, settings, context), gave_way)


def _rejected_documents(rejects: Iterable[Row]) -> Iterator[Row]:
    for reject in rejects:
        if reject["stage"] == "documents" and reject.get("row"):
            row = json.loads(reject["row"])
            if row.get("text") and row.get("id"):
                yield row
