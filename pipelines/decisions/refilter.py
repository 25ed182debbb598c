"""Filtering the documents of a finished workspace again, with thresholds that may have changed; asks no model.

Looks at every document that was ever written, kept or not. Verdicts of a judge and the target of kept tokens count as
they do in a build, so that the decision is the one that a build with this recipe would come to; but for one thing.
Where new thresholds say that one document repeats another and a judge has seen both, the better one stays; a build,
which judges only what the filters keep, goes by age.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from corpus.marks import stored_marks, write_marks
from corpus.origin import is_subset
from corpus.select.balance import Sized, group_of
from corpus.store import read_rows
from corpus.text import one_line
from corpus.workspace import Workspace
from filters.base import Decision, Flag, Item, Rejection
from filters.run.many import check_many
from filters.run.marks import Marked
from filters.run.stored import stored_items
from filters.run.verdicts import REASON, UNSEEN, decide_verdicts, scores_of
from pipelines.base import Row
from pipelines.build import Build
from pipelines.decisions.redecide import carry_out, turned_down
from pipelines.documents.rows import beyond_target
from pipelines.documents.target_tokens import within_target
from pipelines.judging.documents import PART
from specs.errors import SpecmillError, UserError

Watch = Callable[[Iterable[Item]], Iterable[Item]]


@dataclass(frozen=True, slots=True)
class Refiltered:
    """A decision beside the stored one."""

    kept: list[str]  # ids that stay, in the order of the corpus
    rejections: list[Rejection]  # of all that was written and does not stay, sorted by id
    returned: list[str]  # ids that were rejected and stay now, sorted
    dropped: list[str]  # ids that were kept and go now, sorted
    flags: list[Flag]  # of all that the filters let through

    @property
    def unseen(self) -> int:
        """How many pass the filters, and only lack a judge's verdict; `judge_workspace` asks for it."""
        return sum(rejection.reason.startswith(REASON) and rejection.detail == UNSEEN for rejection in self.rejections)


def refilter(
    build: Build, *, apply: bool, watch: Watch = lambda items: items, marks: Sequence[Row] | None = None
) -> Refiltered:
    """Decide by `build.settings.filters` and people's marks, and with `apply` carry it out; `watch` sees the documents
    as they are read. `marks` take the place of the stored ones.

    The caller holds the lock. UserError where there are no documents, SpecmillError where none would stay and it
    should be carried out.
    """
    workspace = build.workspace
    before = {row["id"] for row in read_rows(workspace, "documents", ["id"])}
    marked = Marked.of(stored_marks(workspace) if marks is None else marks)
    looked_at = marked.before(watch(documents_of(workspace)))
    decided = _judged(build, check_many(looked_at, build.settings.filters, build.context()))
    every = [item.id for item in documents_of(workspace)] if marked.keep or marked.drop else []
    kept, rejections, flags = _beyond(build, marked.after(decided, every), marked)
    if not kept and not rejections:
        raise UserError(f"{workspace.root} has no documents to filter. Build them, or import some, first.")
    staying = set(kept)
    result = Refiltered(kept, rejections, sorted(staying - before), sorted(before - staying), flags)
    if apply and not kept:
        raise SpecmillError(f"none of {len(rejections)} documents would stay; nothing was changed. {_why(rejections)}")
    if apply:
        if marks is not None:
            write_marks(workspace, marks)
        carry_out(build, rejections, has_document, flags)
    return result


def _why(rejections: list[Rejection]) -> str:
    """The commonest reasons, each with an example."""
    examples = {rejection.reason: one_line(rejection.detail, 80) for rejection in rejections}
    counts = Counter(rejection.reason for rejection in rejections).most_common(3)
    return "They go by " + ", ".join(f"{reason}: {n:,} (such as: {examples[reason]})" for reason, n in counts) + "."


def documents_of(workspace: Workspace) -> Iterator[Item]:
    """Every document that was written, as the filters saw it, with its age, and its score where a judge saw it."""
    kept = {row["id"] for row in read_rows(workspace, "documents", ["id"])}  # in both only where a run was killed
    turned_down = (row for row in read_rows(workspace, "rejects", part=PART) if row["item_id"] not in kept)
    ideas = (row["id"] for row in read_rows(workspace, "ideas", ["id"]))
    scores = scores_of(read_rows(workspace, "verdicts", ["item_id", "verdict"], part=PART))
    return stored_items(read_rows(workspace, "documents"), turned_down, ideas, scores)


def stored_rejections(workspace: Workspace) -> list[Rejection]:
    """The decision that the tables hold, with the requests that brought no document."""
    columns = ["item_id", "reason", "detail", "score", "threshold", "other_id"]
    return [_rejection(row) for row in read_rows(workspace, "rejects", columns, part=PART)]


def requests_without_document(workspace: Workspace) -> list[tuple[Rejection, str]]:
    """The requests that no filter can bring back (truncated, refused, failed), and how their replies begin."""
    rows = read_rows(workspace, "rejects", part=PART)
    return [(_rejection(row), row["text"] or "") for row in rows if not has_document(row)]


def has_document(reject: Row) -> bool:
    """Whether a row of `rejects` holds a document that may come back."""
    return bool(reject["row"] and reject["item_id"] != reject["parent_id"])


def _rejection(row: Row) -> Rejection:
    values = (row[name] for name in ("item_id", "reason", "detail", "score", "threshold", "other_id"))
    return Rejection(*values)


def _judged(build: Build, decision: Decision) -> Decision:
    """The decision with what a judge said; where none was ever asked, as after an import, there is nothing to count."""
    judge, verdicts = build.settings.judge, list(read_rows(build.workspace, "verdicts", part=PART))
    if not judge.judged_by or not verdicts:
        return decision
    return decision.without(decide_verdicts(verdicts, judge.asked_about(decision), judge.required))


def _beyond(build: Build, decision: Decision, marked: Marked) -> Decision:
    """The order of the corpus, without what a target of kept tokens does not need; what people keep stays anyhow."""
    staying, documents = set(decision.kept), build.settings.documents
    stored = chain(read_rows(build.workspace, "documents"), turned_down(build.workspace, has_document))
    sizes = [
        Sized(row["id"], row["tokens"], group_of(row, documents.balance)) for row in stored if row["id"] in staying
    ]
    target = None if is_subset(build.workspace, "documents") else documents.target_tokens  # a dose has a size already
    within = within_target(sizes, target, build.settings.seed) | (marked.keep.keys() & staying)
    ages = sorted((item.meta["position"], item.id) for item in documents_of(build.workspace) if item.id in within)
    beyond = [beyond_target(one) for one in sorted(staying - within)]
    rejections = sorted([*decision.rejections, *beyond], key=lambda rejection: rejection.item_id)
    return Decision([one for _, one in ages], rejections, decision.flags)
