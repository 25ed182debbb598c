"""Judging the documents of a finished workspace, with the criteria of a recipe that may have changed since.

What is judged: the documents that are kept, and those that a judge turned down before. Verdicts are stored; only where
it is asked for, the decision is carried out: who fails goes to the rejects, who passes now comes back to their place.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from distilabel.pipeline import Pipeline
from distilabel.steps import LoadDataFromDicts

from corpus.marks import stored_marks
from corpus.store import read_rows
from corpus.workspace import Workspace
from filters.base import Decision, Flag
from filters.run.marks import Marked
from filters.run.verdicts import REASON, decide_verdicts
from pipelines.base import Corpus, Row
from pipelines.build import Build
from pipelines.decisions.redecide import carry_out, turned_down
from pipelines.judging.documents import PART, STAGE, DocumentJudge, Judged, write_verdicts
from pipelines.judging.judge import verdict_rows
from pipelines.run.supervise import run_pipeline
from specs.errors import SpecmillError, UserError


@dataclass(frozen=True, slots=True)
class Rejudged:
    """What judging a workspace came to."""

    counts: dict[str, Counter[str]]  # criterion -> verdict -> documents
    kept: list[str]  # ids that pass, in the order of the corpus
    dropped: list[str]  # kept before, and fail
    returned: list[str]  # turned down before, and pass


class StoredJudge(DocumentJudge):
    """Judges documents of the tables, whoever made them."""

    reads = ("id", "flags")

    def documents(self, rows: list[Row]) -> Iterator[Judged]:
        """From the tables, in their order."""
        wanted = {row["id"]: tuple(json.loads(row["flags"])) for row in rows}
        for row in stored(self.corpus.folder):
            if row["id"] in wanted:
                yield Judged(row["id"], row["idea_id"] or "", row["text"], wanted[row["id"]])


def stored(workspace: Workspace) -> Iterator[Row]:
    """Rows of the documents that are kept, then of those that a judge turned down."""
    yield from read_rows(workspace, "documents")
    yield from turned_down(workspace, _is_judges)


def judge_workspace(build: Build, *, apply: bool) -> Rejudged:
    """Judge by `build.settings.judge`, store the verdicts, and with `apply` carry the decision out.

    The caller holds the lock. UserError where there are no criteria or no documents, SpecmillError where none passes
    and it should be carried out.
    """
    judge, workspace = build.settings.judge, build.workspace
    if not judge.judged_by:
        raise UserError("judge: there are no criteria. Try --set judge.criteria_sets=[faithfulness,attribution].")
    before = [row["id"] for row in read_rows(workspace, "documents", ["id"])]
    ids = [*before, *(row["id"] for row in turned_down(workspace, _is_judges))]
    if not ids:
        raise UserError(f"{workspace.root} has no documents to judge. Build them first.")
    flags = stored_flags(workspace)
    asked = judge.asked_about(Decision(ids, [], flags))
    if not asked:
        raise UserError(f"{workspace.root}: none of {len(ids)} documents is flagged; `judge.only: all` asks about all.")
    verdicts = _ask_about(build, asked, judge.told(flags))
    _store(workspace, verdicts, replace=set())
    build.describe_again()
    by_people = Marked.of(stored_marks(workspace)).keep
    rejections = [one for one in decide_verdicts(verdicts, asked, judge.required) if one.item_id not in by_people]
    gone = {rejection.item_id for rejection in rejections}
    counts = {name: Counter(row["verdict"] for row in verdicts if row["criterion"] == name) for name in judge.judged_by}
    was_kept = set(before)
    result = Rejudged(
        counts, [one for one in ids if one not in gone], [one for one in before if one in gone],
        [one for one in ids if one not in gone and one not in was_kept],
    )  # fmt: skip
    if apply and not result.kept:
        raise SpecmillError(f"none of {len(ids)} documents passes; nothing was changed. The verdicts say why.")
    if apply:
        _store(workspace, verdicts, replace=set(ids))  # a build with these criteria has no others either
        carry_out(build, rejections, _is_judges)
    return result


def judge_sample(build: Build, ids: list[str]) -> None:
    """Judge some of the kept documents by `build.settings.judge`, and store the verdicts; nothing is decided by them.

    The caller holds the lock.
    """
    _store(build.workspace, _ask_about(build, ids, {}), replace=set())
    build.describe_again()


def stored_flags(workspace: Workspace) -> list[Flag]:
    """What the filters found in the documents of the tables."""
    names = ("item_id", "filter", "detail", "score", "threshold", "other_id")
    return [Flag(*(row[name] for name in names)) for row in read_rows(workspace, "flags", part=PART)]


def _ask_about(build: Build, ids: list[str], told: dict[str, list[str]]) -> list[Row]:
    """The verdicts on documents."""
    build.reporter.stage({STAGE: len(ids)})
    found = run_pipeline(stored_pipeline(build.corpus, ids, told), build.workspace.log)["judge"]
    return [row for one in found for row in verdict_rows("documents", json.loads(one["judgement"]))]


def _store(workspace: Workspace, verdicts: list[Row], *, replace: set[str]) -> None:
    """Put verdicts into their table, in place of older ones on the same criterion, and of all on items in `replace`."""
    new = {row["id"] for row in verdicts}
    old = [
        row
        for row in read_rows(workspace, "verdicts", part=PART)
        if row["id"] not in new and row["item_id"] not in replace
    ]
    write_verdicts(workspace, [*old, *verdicts])


def stored_pipeline(corpus: Corpus, ids: list[str], told: dict[str, list[str]]) -> Pipeline:
    """Judges stored documents, with what the judge is told of each; its leaf `judge` yields a row a document."""
    data = [{"id": one, "flags": json.dumps(told.get(one, []))} for one in ids]
    with Pipeline(name="specmill-judge-stored") as pipeline:
        rows = LoadDataFromDicts(name="documents", data=data, batch_size=2_000)
        rows >> StoredJudge(name="judge", corpus=corpus, llm=corpus.llm("judge"))
    return pipeline


def _is_judges(reject: Row) -> bool:
    return bool(reject["reason"].startswith(REASON) and reject["row"])
