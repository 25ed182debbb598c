"""Brainstorm what to write: subdomains -> document types -> document ideas [MSM, App. B]."""

from collections.abc import Iterator
from dataclasses import replace

from distilabel.pipeline import Pipeline
from distilabel.steps import StepInput

from corpus.ids import content_id
from corpus.store import write_table
from pipelines.base import Corpus, Row
from pipelines.documents.neutral import GivenTypes
from pipelines.stage import Rows, Stage, table_path
from pipelines.structured.ask import ListQuestion, gather_items
from pipelines.structured.schemas import DocumentTypeReply, IdeaReply


def brainstorm_pipeline(corpus: Corpus) -> Pipeline:
    """The pipeline that fills `document_types` and `ideas` from `subdomains` and `assertions`."""
    with Pipeline(name="specmill-brainstorm") as pipeline:
        subdomains = Rows(name="subdomains", path=table_path(corpus, "subdomains"))
        types_of = GivenTypes if corpus.settings.documents.genres else DocumentTypes
        types = types_of(name="document_types", corpus=corpus, llm=corpus.llm("planner"))
        ideas = Ideas(name="ideas", corpus=corpus, llm=corpus.llm("planner"))
        subdomains >> types >> ideas
    return pipeline


class DocumentTypes(Stage):
    """Document types of each subdomain."""

    table = "document_types"
    reads = ("id", "name", "summary")

    async def ask_about(self, row: Row) -> tuple[list[Row], list[Row]]:
        """The types of one subdomain."""
        question = self.question(row["id"], DocumentTypeReply, "types", "name", {"subdomain": row})
        lay = {"frame": "lay"} if self.corpus.settings.documents.style == "neutral" else {}
        found = await gather_items(self.llm, question)
        rows = [
            {
                "id": content_id("document_types", row["id"], item.name), "subdomain_id": row["id"],
                "position": position, **item.model_dump(), **lay, "request_id": request_id,
            }
            for position, (item, request_id) in enumerate(found.items)
        ]  # fmt: skip
        return rows, self.failures(found, row["id"])


class Ideas(Stage):
    """Document ideas of each type."""

    table = "ideas"
    reads = ("id", "subdomain_id", "name", "description")

    async def ask_about(self, row: Row) -> tuple[list[Row], list[Row]]:
        """The ideas for one document type."""
        values = {**self.corpus.about(row["subdomain_id"]), "document_type": row}
        return await self.gather(row, self.question(row["id"], IdeaReply, "ideas", "idea", values), 0)

    async def gather(self, row: Row, question: ListQuestion[IdeaReply], first: int) -> tuple[list[Row], list[Row]]:
        """Rows and rejects of a question about the type `row`, numbered from `first`."""
        found = await gather_items(self.llm, question)
        rows = [
            {
                "id": content_id("ideas", row["id"], item.idea), "document_type_id": row["id"],
                "subdomain_id": row["subdomain_id"], "position": position, "idea": item.idea, "request_id": request_id,
            }
            for position, (item, request_id) in enumerate(found.items, first)
        ]  # fmt: skip
        return rows, self.failures(found, row["id"])


class MoreIdeas(Ideas):
    """Further ideas for some document types, which are told what exists. Yields rows; the table is the caller's."""

    wanted: dict[str, int]  # document type -> ideas
    known: dict[str, list[str]]  # document type -> ideas that it has
    part: str  # of the table `rejects`

    async def ask_about(self, row: Row) -> tuple[list[Row], list[Row]]:
        """Further ideas for one document type."""
        known = self.known.get(row["id"], [])
        values = {**self.corpus.about(row["subdomain_id"]), "document_type": row}
        question = self.question(row["id"], IdeaReply, "ideas", "idea", values)
        return await self.gather(row, replace(question, want=self.wanted[row["id"]], known=known), len(known))

    def process(self, inputs: StepInput) -> Iterator[list[Row]]:
        """Ask about the types that need ideas; where none come, the corpus stays as small as it is."""
        types = [row for row in inputs if row["id"] in self.wanted]
        outcomes = self.llm.run(self.ask_about(row) for row in types)
        write_table(self.corpus.folder, "rejects", [one for _, rejects in outcomes for one in rejects], part=self.part)
        yield [row for made, _ in outcomes for row in made]


def more_ideas_pipeline(corpus: Corpus, wanted: dict[str, int], known: dict[str, list[str]], part: str) -> Pipeline:
    """The pipeline of a round of further ideas; its leaf `more_ideas` yields their rows."""
    with Pipeline(name="specmill-more-ideas") as pipeline:
        types = Rows(name="document_types", path=table_path(corpus, "document_types"))
        ideas = MoreIdeas(
            name="more_ideas", corpus=corpus, llm=corpus.llm("planner"), wanted=wanted, known=known, part=part
        )
        types >> ideas
    return pipeline
