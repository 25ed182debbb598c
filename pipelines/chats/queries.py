"""The first pipeline of a round of chats: users' messages, by topic and kind (prompts/chats/queries*.j2)."""

import json
from collections.abc import Iterator
from hashlib import sha256
from typing import Annotated

from distilabel.pipeline import Pipeline
from distilabel.steps import LoadDataFromDicts, StepInput
from pydantic import StringConstraints

from corpus.ids import content_id
from pipelines.base import Corpus, Row, reject, reject_of_answer
from pipelines.chats.styles import shipped
from pipelines.completion import Message
from pipelines.stage import Stage
from pipelines.structured.ask import Gathered, ListQuestion, gather_items
from pipelines.structured.parsing import UnparsedError
from pipelines.structured.schemas import Label, Reply

EXISTING_SHOWN = 30  # earlier queries of a cell that a prompt repeats; near-duplicates of others are filtered out later


def manners_of(key: str, start: int, count: int) -> list[str]:
    """How the users of `count` messages write, from message `start` on: the shipped manners, mixed by `key`."""
    manners = shipped()["manners"]["users"].values()
    mixed = sorted(manners, key=lambda manner: sha256(f"{key}:{manner}".encode()).digest())
    return [mixed[(start + n) % len(mixed)] for n in range(min(count, len(mixed)))]


class QueryReply(Reply):
    """A user's message."""

    query: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=8, max_length=1999)
    ]  # llama.cpp refuses 2,000


class TopicReply(Reply):
    """An item that the spec names."""

    name: Label


def topics_pipeline(corpus: Corpus) -> Pipeline:
    """Asks once which items the spec names; its leaf `topics` yields them."""
    with Pipeline(name="specmill-chat-topics") as pipeline:
        spec = LoadDataFromDicts(name="spec", data=[{"spec_hash": corpus.spec.hash}])
        spec >> Topics(name="topics", corpus=corpus, llm=corpus.llm("planner"))
    return pipeline


def queries_pipeline(corpus: Corpus, cells: list[Row]) -> Pipeline:
    """Asks for the queries of one round; its leaf `queries` yields a row a cell."""
    with Pipeline(name="specmill-chat-queries") as pipeline:
        asked = LoadDataFromDicts(name="cells", data=cells, batch_size=len(cells))
        asked >> Queries(name="queries", corpus=corpus, llm=corpus.llm("planner"))
    return pipeline


class Topics(Stage):
    """Proposes the items of opaque preferences."""

    table = "queries"
    reads = ("spec_hash",)

    @property
    def outputs(self) -> list[str]:
        """The items."""
        return ["name"]

    def process(self, inputs: StepInput) -> Iterator[list[Row]]:
        """Items that the spec names in these words."""
        settings = self.corpus.settings

        def render(count: int, existing: list[str]) -> list[Message]:
            return self.messages("topics", count=count, existing=existing)

        question = ListQuestion(
            stage="topics", row_id=inputs[0]["spec_hash"], form=TopicReply, want=settings.chats.topic_count,
            batch=settings.chats.topic_count, attempts=settings.attempts, render=render,
            name_of=lambda item: item.name, check=self.check,
        )  # fmt: skip
        [found] = self.llm.run([gather_items(self.llm, question)])
        yield [{"name": item.name} for item, _ in found.items]

    def check(self, item: TopicReply) -> None:
        """Only what the spec really names."""
        if not any(item.name.casefold() in passage.text.casefold() for passage in self.corpus.spec.passages):
            raise UnparsedError(f"{item.name!r} does not stand in the spec in these words.")


class Queries(Stage):
    """The users' messages of each cell."""

    table = "queries"
    reads = ("row_id", "count", "existing", "domain_id", "topic", "summary", "query_type")

    @property
    def outputs(self) -> list[str]:
        """A row a cell: what was made and what was not, as JSON."""
        return ["number", "made", "rejects"]

    def process(self, inputs: StepInput) -> Iterator[list[Row]]:
        """Ask about all cells side by side."""
        found = self.llm.run(self.gather(row) for row in inputs)
        yield [self.outcome(row, one) for row, one in zip(inputs, found, strict=True)]

    async def gather(self, row: Row) -> Gathered[QueryReply]:
        """The queries of one cell, told which exist from earlier rounds."""
        settings = self.corpus.settings
        template = settings.chats.chosen.queries
        values = {
            "topic": row["topic"], "summary": row["summary"], "query_type": row["query_type"],
            "query_kind": settings.chats.kinds[row["query_type"]],
        }  # fmt: skip

        def render(count: int, existing: list[str]) -> list[Message]:
            told = [*json.loads(row["existing"]), *existing][-EXISTING_SHOWN:]
            manners = manners_of(row["row_id"], len(existing), count)
            return self.messages(template, count=count, existing=told, manners=manners, **values)

        question = ListQuestion(
            stage=self.table, row_id=row["row_id"], form=QueryReply, want=row["count"], batch=settings.list_batch,
            attempts=settings.attempts, render=render, name_of=lambda item: item.query,
        )  # fmt: skip
        return await gather_items(self.llm, question)

    def outcome(self, row: Row, found: Gathered[QueryReply]) -> Row:
        """What came of one cell."""
        items = [*found.items, *found.repeats]  # repeats are filed with the near-duplicates
        made = [{"query": item.query, "request_id": request_id} for item, request_id in items]
        failed = [reject_of_answer(self.table, row["row_id"], n, answer) for n, answer in enumerate(found.failures)]
        unfit = [
            reject(
                self.table, content_id(self.table, row["row_id"], "unfit", number), "unfit", detail=problem,
                parent_id=row["row_id"], request_id=request_id, row=item.model_dump(),
            )
            for number, (item, request_id, problem) in enumerate(found.unfit)
        ]  # fmt: skip
        return {"number": row["number"], "made": json.dumps(made), "rejects": json.dumps([*failed, *unfit])}
