"""Write the documents: one for each idea, with the spec in context [MSM, App. B].

The step hands on where each document is in the ledger, not the text itself: a corpus of any size passes through
Distilabel as small rows, and the texts are read back one by one.
"""

from collections.abc import Iterator

from distilabel.pipeline import Pipeline
from distilabel.steps import StepInput

from pipelines.asking import Answer, ask_until_parsed
from pipelines.base import Corpus, Row, Rows, Stage, table_path
from pipelines.draw import Draw
from pipelines.parsing import tagged

TAG = "document"


def write_pipeline(corpus: Corpus, start: int, count: int | None) -> Pipeline:
    """The pipeline that writes documents for `count` ideas from the `start`-th on, in the order of their table."""
    with Pipeline(name="specmill-write") as pipeline:
        ideas = Rows(name="ideas", path=table_path(corpus, "ideas"), start=start, count=count)
        documents = Documents(name="documents", corpus=corpus, llm=corpus.llm("writer"))
        ideas >> documents
    return pipeline


class Documents(Stage):
    """One document an idea. What it yields: idea, request, state and problem of each."""

    table = "documents"
    reads = ("id", "document_type_id", "subdomain_id", "idea")

    @property
    def outputs(self) -> list[str]:
        """Where each document is in the ledger."""
        return ["idea_id", "request_id", "state", "problem", "attempts"]

    def process(self, inputs: StepInput) -> Iterator[list[Row]]:
        """Ask about all ideas, those of one document type side by side: their prompts differ in the idea alone."""
        types = self.corpus.rows("document_types")
        ordered = sorted(inputs, key=lambda row: (row["subdomain_id"], row["document_type_id"]))
        answers = self.llm.run(self.write(row, types[row["document_type_id"]]) for row in ordered)
        yield [
            {
                "idea_id": row["id"], "request_id": answer.completion.request_id, "state": answer.state.value,
                "problem": answer.problem, "attempts": answer.attempts,
            }
            for row, answer in zip(ordered, answers, strict=True)
        ]  # fmt: skip

    async def write(self, idea: Row, document_type: Row) -> Answer[None]:
        """Ask for one document; the answer keeps no text."""
        settings = self.corpus.settings
        messages = self.messages(
            "documents", scratchpad=settings.documents.scratchpad, words=settings.documents.words,
            idea=idea, document_type=document_type, **self.corpus.about(idea["subdomain_id"]),
        )  # fmt: skip
        draw = Draw(self.table, idea["id"], messages)
        answer = await ask_until_parsed(self.llm, draw, lambda text: tagged(text, TAG), settings.attempts, echo=False)
        return answer.without_text()
