"""Brainstorm what to write: subdomains -> document types -> document ideas [MSM, App. B]."""

from collections.abc import Iterator
from dataclasses import replace

from distilabel.pipeline import Pipeline
from distilabel.steps import StepInput

from corpus.ids import content_id
from corpus.store import write_table
from pipelines.base import Corpus, Row
from pipelines.documents.disagreement import shares
from pipelines.documents.genres import GivenTypes
from pipelines.stage import Rows, Stage, table_path
from pipelines.structured.ask import Gathered, gather_items
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
                "position": position, **item.model_dump(), **lay, "words": None, "request_id": request_id,
            }
            for position, (item, request_id) in enumerate(found.items)
        ]  # fmt: skip
        return rows, self.failures(found, row["id"])


class Ideas(Stage):
    """Document ideas of each type; in a share of them somebody disagrees."""

    table = "ideas"
    reads = ("id", "subdomain_id", "name", "description")

    def process(self, inputs: StepInput) -> Iterator[list[Row]]:
        """Ask about all types."""
        self._share_out({row["id"]: self.corpus.settings.documents.ideas for row in inputs})
        yield from super().process(inputs)

    def _share_out(self, wanted: dict[str, int]) -> None:
        """Say of how many ideas of each type somebody is to disagree in."""
        settings = self.corpus.settings
        self._argued = shares(wanted, settings.sized.documents.disagreement, settings.seed)

    async def ask_about(self, row: Row) -> tuple[list[Row], list[Row]]:
        """The ideas for one document type."""
        return await self.gather(row, self.corpus.settings.documents.ideas, [])

    async def gather(self, row: Row, want: int, known: list[str]) -> tuple[list[Row], list[Row]]:
        """Rows and rejects of `want` ideas for the type `row`, which has `known` ones."""
        found: Gathered[IdeaReply] = Gathered()
        rows: list[Row] = []
        argued = self._argued[row["id"]]
        for disagreement, count in ((False, want - argued), (True, argued)):
            values = {**self.corpus.about(row["subdomain_id"]), "document_type": row, "disagreement": disagreement}
            question = self.question(row["id"], IdeaReply, "ideas", "idea", values)
            have = [*known, *(one["idea"] for one in rows)]
            part = await gather_items(self.llm, replace(question, want=count, known=have))
            rows += [
                {
                    "id": content_id("ideas", row["id"], item.idea), "document_type_id": row["id"],
                    "subdomain_id": row["subdomain_id"], "position": position, "idea": item.idea,
                    "disagreement": disagreement, "request_id": request_id,
                }
                for position, (item, request_id) in enumerate(part.items, len(have))
            ]  # fmt: skip
            found = found.with_(part)
        return rows, self.failures(found, row["id"])


class MoreIdeas(Ideas):
    """Further ideas for some document types, which are told what exists. Yields rows; the table is the caller's."""

    wanted: dict[str, int]  # document type -> ideas
    known: dict[str, list[str]]  # document type -> ideas that it has
    part: str  # of the table `rejects`

    async def ask_about(self, row: Row) -> tuple[list[Row], list[Row]]:
        """Further ideas for one document type."""
        return await self.gather(row, self.wanted[row["id"]], self.known.get(row["id"], []))

    def process(self, inputs: StepInput) -> Iterator[list[Row]]:
        """Ask about the types that need ideas; where none come, the corpus stays as small as it is."""
        self._share_out(self.wanted)
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
