"""What planning lost: rows of one level of the lineage that brought no row of the next, and why.

A domain whose one request failed is half of a small corpus (docs/method.md, 5.11). So what is lost is said, and where a
rerun may bring it the build stops, before the documents are paid for.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from corpus.store import read_rows
from corpus.text import one_line
from corpus.workspace import Workspace
from pipelines.base import Row
from pipelines.completion import State
from pipelines.run.reporter import Reporter
from specs.errors import SpecmillError

_PARENTS = {
    "subdomains": ("domains", "domain_id"),
    "assertions": ("subdomains", "subdomain_id"),
    "document_types": ("subdomains", "subdomain_id"),
    "ideas": ("document_types", "document_type_id"),
}
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Loss:
    """A row that brought fewer rows of the next level than were asked for, or none."""

    name: str
    none: bool  # it brought none at all
    reason: str  # failed: the endpoint brought no reply, and a rerun asks again; else of the table `rejects`
    detail: str

    @property
    def retriable(self) -> bool:
        """Whether a rerun may bring what is missing."""
        return self.reason == State.FAILED.value


def losses(workspace: Workspace, table: str) -> list[Loss]:
    """The rows above `table` that have none in it, and those that a failed request has left with fewer."""
    above, key = _PARENTS[table]
    counts = Counter(row[key] for row in read_rows(workspace, table, [key]))
    why: dict[str, list[Row]] = {}
    for row in read_rows(workspace, "rejects", ["parent_id", "reason", "detail"], part=table):
        why.setdefault(row["parent_id"], []).append(row)
    found = []
    for parent in read_rows(workspace, above, ["id", "name"]):
        # What failed comes first: it can be mended.
        reasons = sorted(why.get(parent["id"], []), key=lambda row: row["reason"] != State.FAILED.value)
        first = reasons[0] if reasons else {"reason": "empty", "detail": "the list had no entry"}
        loss = Loss(parent["name"], not counts[parent["id"]], first["reason"], first["detail"] or "")
        if loss.none or (reasons and loss.retriable):
            found.append(loss)
    return found


def check_plan(workspace: Workspace, tables: Iterable[str], reporter: Reporter, *, accept: bool) -> None:
    """Say what was lost in planning `tables`; SpecmillError where a rerun may bring what is missing altogether, unless
    the recipe accepts it."""
    retriable = 0
    for table in tables:
        found = losses(workspace, table)
        if none := [loss for loss in found if loss.none]:
            reporter.say(_none_said(workspace, table, none))
            retriable += sum(loss.retriable for loss in none)
        if short := [loss for loss in found if not loss.none]:
            reporter.say(
                f"{len(short):,} lists of {_plain(table)} are shorter than was asked for: a request failed "
                f"({one_line(short[0].detail, 120)}). A rerun asks for it again."
            )
    if retriable and not accept:
        raise SpecmillError(
            f"{retriable:,} parts of the plan are missing because the endpoint failed; no document was asked for. Run "
            "again: only they are asked for. Where they fail each time, `--set planning_failures=accept` goes on."
        )


def _none_said(workspace: Workspace, table: str, none: list[Loss]) -> str:
    above = _PARENTS[table][0]
    total = sum(1 for _ in read_rows(workspace, above, ["id"]))
    named = [f"{one_line(loss.name, 60)} ({one_line(f'{loss.reason}: {loss.detail}', 120)})" for loss in none[:_SHOWN]]
    more = f", and {len(none) - _SHOWN:,} more" if len(none) > _SHOWN else ""
    return f"{len(none):,} of {total:,} {_plain(above)} brought no {_plain(table)}: {', '.join(named)}{more}"


def _plain(table: str) -> str:
    return table.replace("_", " ")
