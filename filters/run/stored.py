"""What is stored, for the filters to look at again, and the words for a decision: reasons with examples, and why.

Works on the rows of the tables `documents` and `rejects`, as dicts; reads and writes nothing itself.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from filters.base import Flag, Item, Rejection
from filters.check import Outcome, excerpt
from filters.context import Context
from filters.run.decide import explain
from filters.run.parquet import item_of
from filters.settings import FilterSettings
from specs.errors import UserError

Row = Mapping[str, Any]
EXAMPLES = 5
_BEGINS = 160  # characters of an example
_NONE: Mapping[str, float] = {}


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
    flags: list[Flag] = field(default_factory=list)  # of the decision over the whole corpus


def stored_items(
    documents: Iterable[Row], rejects: Iterable[Row], ideas: Iterable[str] = (), scores: Mapping[str, float] = _NONE
) -> Iterator[Item]:
    """Every document that was ever written: what is kept, and what is in `rejects` with its whole row.

    `ideas` are the ids of the ideas in the order in which they were written: a document's age is its idea's place.
    `scores` are of the documents that a judge has seen: of two duplicates the better one stays (`survivor_rank`).
    Requests that brought no document (truncated, refused, failed) have no row and are left out.
    """
    ages = {idea: age for age, idea in enumerate(ideas)}
    for place, row in enumerate(chain(documents, _rejected_documents(rejects))):
        age = ages.get(row.get("idea_id") or "", len(ages) + place)
        yield item_of({**row, "score": scores.get(row["id"])}, age)


def reasons(
    rejections: Iterable[Rejection],
    items: Iterable[Item],
    total: int,
    requests: Iterable[tuple[Rejection, str]] = (),
) -> list[Reason]:
    """Counts and up to five examples a reason, the commonest first; examples are the first by id.

    `requests` brought no document, so their texts come with them; `total` counts them too.
    """
    begins: dict[str, str] = {}
    by_reason: dict[str, list[Rejection]] = defaultdict(list)
    for rejection, text in requests:
        by_reason[rejection.reason].append(rejection)
        begins[rejection.item_id] = excerpt(text, 0, _BEGINS)
    for rejection in sorted(rejections, key=lambda rejection: rejection.item_id):
        by_reason[rejection.reason].append(rejection)
    wanted = {rejection.item_id for found in by_reason.values() for rejection in found[:EXAMPLES]} - begins.keys()
    begins |= {item.id: excerpt(item.text, 0, _BEGINS) for item in items if item.id in wanted}
    table = [
        Reason(
            reason, len(found), len(found) / max(1, total), [(r, begins.get(r.item_id, "")) for r in found[:EXAMPLES]]
        )
        for reason, found in by_reason.items()
    ]
    return sorted(table, key=lambda row: (-row.count, row.reason))


def explain_document(
    item_id: str,
    documents: Callable[[], Iterable[Item]],
    rejections: Iterable[Rejection],
    settings: FilterSettings,
    context: Context,
    flags: Iterable[Flag] = (),
) -> Explanation:
    """Why the document `item_id` stays or goes by the decision `rejections` on all of `documents()`.

    UserError if there is no such document.
    """
    item = next((item for item in documents() if item.id == item_id), None)
    if item is None:
        near = sorted({other.id for other in documents() if other.id.startswith(item_id[:4])})[:5]
        hint = f" Ids that begin alike: {', '.join(near)}." if near else ""
        raise UserError(f"no document has the id {item_id!r}.{hint} `specmill show` lists ids.")
    decided = [rejection for rejection in rejections if item_id in {rejection.item_id, rejection.other_id}]
    rejection = next((rejection for rejection in decided if rejection.item_id == item_id), None)
    gave_way = [rejection for rejection in decided if rejection.other_id == item_id]
    mine = [flag for flag in flags if flag.item_id == item_id]
    return Explanation(item, rejection, explain(item, settings, context), gave_way, mine)


def _rejected_documents(rejects: Iterable[Row]) -> Iterator[Row]:
    for reject in rejects:
        if reject["stage"] == "documents" and reject.get("row"):
            row = json.loads(reject["row"])
            if row.get("text") and row.get("id"):
                yield row
