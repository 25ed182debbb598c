"""Neutral control corpora: the same pipeline about matters of ordinary life; only one of its requests sees the spec.

The planner is shown the spec once, when it names areas, to keep away from it. What comes after knows neither the spec
nor the assistant. The lineage has no passages and no assertions, because nothing in it goes back to the spec.
"""

from collections.abc import Iterator
from typing import TypeVar

from distilabel.pipeline import Pipeline
from distilabel.steps import StepInput

from corpus.ids import numbered
from corpus.store import read_rows, write_table
from corpus.workspace import Workspace
from filters.base import Item
from filters.context import Context
from filters.document.identity.neutral import NeutralCheck
from pipelines.base import Corpus, Row
from pipelines.chats.settings import ChatSettings
from pipelines.documents.decompose import Domains, specific, subdomain_row
from pipelines.documents.genres import SPARE
from pipelines.judging.settings import JudgeSettings
from pipelines.settings import BuildSettings, is_genre
from pipelines.stage import Rows, Stage, table_path
from pipelines.structured.ask import gather_items
from pipelines.structured.schemas import DomainReply
from specs.errors import UserError

S = TypeVar("S", bound=BuildSettings)


def neutral_pipeline(corpus: Corpus) -> Pipeline:
    """The pipeline that fills `domains` and `subdomains` of a neutral corpus."""
    with Pipeline(name="specmill-neutral") as pipeline:
        passages = Rows(name="passages", path=table_path(corpus, "passages"))
        domains = NeutralDomains(name="domains", corpus=corpus, llm=corpus.llm("planner"))
        subdomains = NeutralSubdomains(name="subdomains", corpus=corpus, llm=corpus.llm("planner"))
        passages >> domains >> subdomains
    return pipeline


class NeutralDomains(Domains):
    """Areas of ordinary life, away from what the spec is about."""

    def values(self) -> Row:
        """The spec, to keep away from it."""
        return {"spec_text": self.corpus.spec.text.strip()}


class NeutralSubdomains(Stage):
    """Single matters of each area; they have no passages, and no assertions follow from them."""

    table = "subdomains"
    reads = ("id", "name", "summary")

    def process(self, inputs: StepInput) -> Iterator[list[Row]]:
        """Ask about all areas. What an earlier build of another style asserted is no part of this corpus."""
        yield from super().process(inputs)
        write_table(self.corpus.folder, "assertions", [])
        write_table(self.corpus.folder, "rejects", [], part="assertions")

    async def ask_about(self, row: Row) -> tuple[list[Row], list[Row]]:
        """The matters of one area."""
        question = self.question(row["id"], DomainReply, "subdomains", "name", {"domain": row}, check=specific)
        found = await gather_items(self.llm, question)
        rows = [
            subdomain_row(row["id"], position, item.name, item.summary, request_id, [])
            for position, (item, request_id) in enumerate(found.items)
        ]
        return rows, self.failures(found, row["id"])


def control_of(workspace: Workspace, settings: S) -> S:
    """The recipe of a neutral control of a finished corpus: its genres, and some more than its kept tokens.

    Chats are left out, and where its documents were judged, those of the control are judged by the set `neutral`.
    UserError where there are no documents, or no genre that says nothing of the assistant.
    """
    rows = list(read_rows(workspace, "documents", ["document_type_id", "genre", "tokens"]))
    check = NeutralCheck(settings.filters.identity, Context(count=len, assistant=settings.assistant))
    used = {row["document_type_id"]: row["genre"] for row in rows}  # as often as there are types of this name
    genres = sorted(genre for genre in used.values() if is_genre(genre) and not check(Item("genre", genre)))
    if not genres:
        raise UserError(f"{workspace.root} has no documents with a genre that a neutral corpus could take over.")
    ordered = [genre for genre, _ in sorted(numbered(genres), key=lambda one: (one[1], one[0]))]
    changes = {
        "style": "neutral", "genres": tuple(ordered), "attribution": "explain", "plan": False, "revise": False,
        "disagreement": 0.0, "limit": None, "target_tokens": round(SPARE * sum(row["tokens"] for row in rows)),
    }  # fmt: skip
    judge = JudgeSettings(criteria_sets=("neutral",)) if settings.judge.judged_by else JudgeSettings()
    control = {"documents": settings.documents.model_copy(update=changes), "judge": judge, "chats": ChatSettings()}
    return settings.model_copy(update=control)
