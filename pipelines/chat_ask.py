"""The Distilabel pipelines of one round of chats: queries for cells, then responses to queries, judged.

As with documents, texts stay in the ledger: steps hand on where a reply is. What a step found out beside that travels
as JSON in one column, because Distilabel loses columns that are empty in a batch.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, ClassVar

from distilabel.pipeline import Pipeline
from distilabel.steps import LoadDataFromDicts, StepInput
from pydantic import StringConstraints

from corpus.ids import content_id
from pipelines.asking import Answer, Gathered, ListQuestion, ask_until_parsed, gather_items
from pipelines.base import Corpus, Row, Rows, Stage, reject_of_answer
from pipelines.checking import ChatChecks
from pipelines.draw import Completion, Draw, Message
from pipelines.judge import Judge
from pipelines.ledger import Ledger
from pipelines.parsing import UnparsedError, thought_and_answer
from pipelines.replies import Label, Reply

EXISTING_SHOWN = 30  # earlier queries of a cell that a prompt repeats; near-duplicates of others are filtered out later


class QueryReply(Reply):
    """A user's message."""

    query: Annotated[str, StringConstraints(strip_whitespace=True, min_length=8, max_length=1200)]


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


def answers_pipeline(corpus: Corpus, queries: Path, start: int) -> Pipeline:
    """Responds to the queries of a Parquet file from the `start`-th on, checks and judges; its leaf `judge` yields a
    row a query."""
    with Pipeline(name="specmill-chat-answers") as pipeline:
        rows = Rows(name="queries", path=str(queries), start=start)
        responses = Responses(name="responses", corpus=corpus, llm=corpus.llm("writer"))
        judge = ChatJudge(name="judge", corpus=corpus, llm=corpus.llm("judge"))
        rows >> responses >> judge
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

        def render(count: int, existing: list[TopicReply]) -> list[Message]:
            return self.messages("topics", count=count, existing=[item.name for item in existing])

        question = ListQuestion(
            stage="topics", row_id=inputs[0]["spec_hash"], form=TopicReply, want=settings.chats.topic_count,
            batch=settings.chats.topic_count, attempts=settings.attempts, render=render,
            name_of=lambda item: item.name, check=self.check,
        )  # fmt: skip
        [found] = self.llm.run([gather_items(self.llm, question)])
        yield [{"name": item.name} for item, _ in found.items]

    def check(self, item: TopicReply) -> None:
        """Only what the spec really names."""
        if item.name.casefold() not in self.corpus.spec.text.casefold():
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
        template = "queries_opaque" if settings.chats.style == "opaque" else "queries"
        values = {
            "topic": row["topic"], "summary": row["summary"], "query_type": row["query_type"],
            "query_kind": settings.chats.kinds[row["query_type"]],
        }  # fmt: skip

        def render(count: int, existing: list[QueryReply]) -> list[Message]:
            told = [*json.loads(row["existing"]), *(item.query for item in existing)][-EXISTING_SHOWN:]
            return self.messages(template, count=count, existing=told, **values)

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
        return {"number": row["number"], "made": json.dumps(made), "rejects": json.dumps(failed)}


class Responses(Stage):
    """One response a query: reasoning in think tags, then the reply."""

    table = "chats"
    reads = ("id", "query", "query_type", "topic")

    @property
    def outputs(self) -> list[str]:
        """Where each response is in the ledger."""
        return ["query_id", "query", "topic", "request_id", "state", "problem", "attempts"]

    def process(self, inputs: StepInput) -> Iterator[list[Row]]:
        """Ask about all queries."""
        answers = self.llm.run(self.respond(row) for row in inputs)
        yield [
            {
                "query_id": row["id"], "query": row["query"], "topic": row["topic"],
                "request_id": answer.completion.request_id, "state": answer.state.value, "problem": answer.problem,
                "attempts": answer.attempts,
            }
            for row, answer in zip(inputs, answers, strict=True)
        ]  # fmt: skip

    async def respond(self, row: Row) -> Answer[None]:
        """Ask for one response; the answer keeps no text."""
        draw = Draw(self.table, row["id"], response_messages(self, row["query"], row["topic"]))
        attempts = self.corpus.settings.attempts
        answer = await ask_until_parsed(self.llm, draw, thought_and_answer, attempts, echo=False)
        return answer.without_text()


class ChatJudge(Judge):
    """Checks each response mechanically, and asks the judge about those that pass."""

    item_table: ClassVar[str] = "chats"
    template: ClassVar[str] = "judge_chat"
    reads = ("query_id", "query", "topic", "request_id", "state", "problem", "attempts")

    def criteria(self) -> dict[str, str]:
        """The recipe's."""
        return self.corpus.settings.chats.judged_by

    def process(self, inputs: StepInput) -> Iterator[list[Row]]:
        """A row a query: as it came, with rejection and judgement as JSON."""
        checks = ChatChecks(self.corpus, response_messages(self, "", ""))
        with Ledger(self.corpus.folder.ledger) as ledger:
            outcomes = self.llm.run(self.judge_response(row, ledger, checks) for row in inputs)
        yield outcomes

    async def judge_response(self, row: Row, ledger: Ledger, checks: ChatChecks) -> Row:
        """One response: nothing more is asked where there is none, or where it may not stay anyway."""
        answer = {key: row[key] for key in ("query_id", "request_id", "state", "problem", "attempts")}
        if row["state"] != "ok":
            return {**answer, "rejection": "", "judgement": ""}
        thought, reply = thought_and_answer(read_completion(ledger, row["request_id"]).text)
        item_id = chat_id(row["query_id"], thought, reply)
        if rejection := checks.reject(item_id, thought, reply):
            return {**answer, "rejection": json.dumps(asdict(rejection)), "judgement": ""}
        judgement = await self.judge(item_id, query=row["query"], topic=row["topic"], thought=thought, reply=reply)
        return {**answer, "rejection": "", "judgement": json.dumps(judgement)}


def response_messages(stage: Stage, query: str, topic: str) -> list[Message]:
    """The request for one response."""
    chats = stage.corpus.settings.chats
    return stage.messages(
        response_template(stage.corpus), words=chats.words, think_words=chats.think_words, query=query, topic=topic
    )


def response_template(corpus: Corpus) -> str:
    """The template of the recipe's style."""
    return f"responses_{corpus.settings.chats.style}"


def chat_id(query_id: str, thought: str, reply: str) -> str:
    """The id of a chat."""
    return content_id("chats", query_id, thought, reply)


def read_completion(ledger: Ledger, request_id: str) -> Completion:
    """A completion that an earlier step paid for."""
    found = ledger.find([bytes.fromhex(request_id)])
    if found is None:
        raise LookupError(f"the ledger has no completion {request_id}")
    return found
