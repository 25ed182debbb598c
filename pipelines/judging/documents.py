"""Judging documents: what passed the mechanical filters is put before the role `judge`, one request a document.

The request's identity is the document's own id, so that a document judged in a build and again by `specmill judge` with
the same criteria is one request. `filters.run.verdicts` decides; a document of which nothing was heard does not pass.
"""

import json
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

from distilabel.pipeline import Pipeline
from distilabel.steps import LoadDataFromDicts, StepInput

from corpus.ids import content_id
from corpus.store import remove_table, write_table
from corpus.workspace import Workspace
from filters.base import Decision
from filters.run.verdicts import decide_verdicts
from pipelines.base import Corpus, Row
from pipelines.documents.rows import Draft, Drafts
from pipelines.judging.judge import Judge, verdict_rows
from pipelines.ledger.ledger import Ledger, read_completion
from pipelines.run.reporter import Reporter
from pipelines.run.supervise import run_pipeline

STAGE = "document_verdicts"
PART = "documents"  # of the tables `verdicts` and `rejects`; chats have another


@dataclass(frozen=True, slots=True)
class Judged:
    """A document to judge, with its text only while its turn lasts."""

    id: str
    idea_id: str  # empty: a document that was made elsewhere, and is judged without its plan
    text: str
    flags: tuple[str, ...] = ()  # what the judge is told that filters found


class DocumentJudge(Judge):
    """Judges documents; leaves say where the texts are. What it yields: ids, and the judgement as JSON."""

    item_table: ClassVar[str] = "documents"
    kind: ClassVar[str] = "document"
    stage: ClassVar[str] = STAGE

    @property
    def outputs(self) -> list[str]:
        """The document, its idea, and what was found out."""
        return ["id", "idea_id", "judgement"]

    def criteria(self) -> dict[str, str]:
        """The recipe's."""
        return self.corpus.settings.judge.judged_by

    def documents(self, rows: list[Row]) -> Iterator[Judged]:
        """The documents of the rows that came in."""
        raise NotImplementedError

    def process(self, inputs: StepInput) -> Iterator[list[Row]]:
        """Ask about all documents; each text is read when its turn comes."""
        self._ideas, self._types = self.corpus.rows("ideas"), self.corpus.rows("document_types")
        yield self.llm.run(self._questions(inputs))

    def _questions(self, rows: list[Row]) -> Iterator[Coroutine[Any, Any, Row]]:
        return (self.judge_document(document) for document in self.documents(rows))

    async def judge_document(self, document: Judged) -> Row:
        """One document, beside what it was to be where that is known."""
        idea = self._ideas.get(document.idea_id)
        plan: Row = {"idea": None}
        if idea is not None and self.corpus.settings.documents.style != "neutral":  # whose plan is not about the spec
            kind = self._types[idea["document_type_id"]]
            plan = {"idea": idea, "document_type": kind, **self.corpus.about(idea["subdomain_id"])}
        judgement = await self.judge(document.id, document=document.text, flags=document.flags, **plan)
        return {"id": document.id, "idea_id": document.idea_id, "judgement": json.dumps(judgement)}


class DraftJudge(DocumentJudge):
    """Judges documents that are still in the ledger only."""

    reads = ("idea_id", "request_id", "flags")

    def documents(self, rows: list[Row]) -> Iterator[Judged]:
        """From the ledger, those of one document type side by side: their prompts begin alike."""
        order = {idea_id: (row["subdomain_id"], row["document_type_id"]) for idea_id, row in self._ideas.items()}
        with Ledger(self.corpus.folder.ledger) as ledger:
            for row in sorted(rows, key=lambda row: order[row["idea_id"]]):
                reply = read_completion(ledger, row["request_id"]).text
                text = self.corpus.document_in(reply, self._ideas[row["idea_id"]])
                document_id = content_id("documents", row["idea_id"], text)
                yield Judged(document_id, row["idea_id"], text, tuple(json.loads(row["flags"])))


def drafts_pipeline(corpus: Corpus, rows: list[Row]) -> Pipeline:
    """Judges drafts (`idea_id`, `request_id`, `flags` as JSON); its leaf `judge` yields a row a document."""
    with Pipeline(name="specmill-judge-drafts") as pipeline:
        drafts = LoadDataFromDicts(name="drafts", data=rows, batch_size=2_000)
        drafts >> DraftJudge(name="judge", corpus=corpus, llm=corpus.llm("judge"))
    return pipeline


@dataclass
class DraftVerdicts:
    """The verdicts on the drafts of a build, gathered wave by wave; asks nothing where the recipe has no criteria."""

    corpus: Corpus
    workspace: Workspace
    reporter: Reporter
    rows: dict[str, list[Row]] = field(default_factory=dict)  # idea -> rows of the table `verdicts`

    def decide(self, drafts: Drafts, decision: Decision) -> Decision:
        """The filters' decision, and the judge's on what they keep; drafts are known by their idea."""
        if not self.corpus.settings.judge.judged_by:
            return decision
        judge = self.corpus.settings.judge
        asked, told = judge.asked_about(decision), judge.told(decision.flags)
        new = set(asked) - self.rows.keys()
        self._ask_about([draft for draft in drafts.all if draft.idea["id"] in new], told)
        said = [{**row, "item_id": idea_id} for idea_id in asked for row in self.rows[idea_id]]
        return decision.without(decide_verdicts(said, asked, judge.required))

    def _ask_about(self, drafts: list[Draft], told: dict[str, list[str]]) -> None:
        if not drafts:
            return
        self.reporter.stage({STAGE: len(drafts)})
        rows = [
            {
                "idea_id": draft.idea["id"], "request_id": draft.request_id,
                "flags": json.dumps(told.get(draft.idea["id"], [])),
            }
            for draft in drafts
        ]  # fmt: skip
        found = run_pipeline(drafts_pipeline(self.corpus, rows), self.workspace.log)["judge"]
        said = {row["idea_id"]: verdict_rows("documents", json.loads(row["judgement"])) for row in found}
        self.rows |= {row["idea_id"]: said[row["idea_id"]] for row in rows}  # in the order of writing

    def file(self) -> None:
        """Write the verdicts on documents, those that were turned down too; none are left where none are asked for."""
        if self.corpus.settings.judge.judged_by:
            write_verdicts(self.workspace, [row for rows in self.rows.values() for row in rows])
        else:
            remove_table(self.workspace, "verdicts", part=PART)


def write_verdicts(workspace: Workspace, rows: list[Row]) -> None:
    """Write the verdicts on documents, by document: the same bytes in whatever order they were judged."""
    ordered = sorted(rows, key=lambda row: (str(row["item_id"]), str(row["criterion"])))
    write_table(workspace, "verdicts", ordered, part=PART)
