"""Brainstorm what to write: subdomains -> document types -> document ideas [MSM, App. B]."""

from distilabel.pipeline import Pipeline

from corpus.ids import content_id
from pipelines.asking import gather_items
from pipelines.base import Corpus, Row, Rows, Stage, table_path
from pipelines.neutral import GivenTypes
from pipelines.replies import DocumentTypeReply, IdeaReply


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
        found = await gather_items(self.llm, self.question(row["id"], IdeaReply, "ideas", "idea", values))
        rows = [
            {
                "id": content_id("ideas", row["id"], item.idea), "document_type_id": row["id"],
                "subdomain_id": row["subdomain_id"], "position": position, "idea": item.idea, "request_id": request_id,
            }
            for position, (item, request_id) in enumerate(found.items)
        ]  # fmt: skip
        return rows, self.failures(found, row["id"])
