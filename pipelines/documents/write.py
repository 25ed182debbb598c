"""Write the documents: one for each idea, with the spec in context [MSM, App. B].

Where the recipe asks for it, a plan comes first, and a critic and a rewriter come after (docs/method.md, 6).
The step hands on where each document is in the ledger, not the text itself: a corpus of any size passes through
Distilabel as small rows, and the texts are read back one by one.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from distilabel.pipeline import Pipeline
from distilabel.steps import StepInput

from filters.base import Item
from filters.check import TextCheck
from filters.checks import checks_for
from filters.run.decide import decide_one
from filters.text.view import View
from pipelines.base import TAG, Corpus, Row
from pipelines.completion import CompletionRequest, State
from pipelines.engine.llm import EndpointLLM
from pipelines.filtering import SecondTries, context_of
from pipelines.stage import Rows, Stage, table_path
from pipelines.structured.ask import Answer, ask_until_parsed
from pipelines.structured.form import filled
from pipelines.structured.parsing import json_items, tagged
from pipelines.structured.schemas import CritiqueReply, items_schema

PLAN_TAG = "plan"
_POINTS = 6  # most points of a critique


def write_pipeline(corpus: Corpus, start: int, count: int | None) -> Pipeline:
    """The pipeline that writes documents for `count` ideas from the `start`-th on, in the order of their table."""
    with Pipeline(name="specmill-write") as pipeline:
        ideas = Rows(name="ideas", path=table_path(corpus, "ideas"), start=start, count=count)
        documents = Documents(
            name="documents", corpus=corpus, llm=corpus.llm("writer"), planner=corpus.llm("planner"),
            critic=corpus.llm("critic"), rewriter=corpus.llm("rewriter"),
        )  # fmt: skip
        ideas >> documents
    return pipeline


@dataclass(slots=True)
class Writing:
    """How writing one document went, and where each of its parts is in the ledger."""

    answer: Answer[str]
    plan: str = ""
    first: str = ""  # the version that was criticised; empty where there was no critique
    critique: str = ""

    def row(self, idea_id: str) -> Row:
        """What the step yields."""
        answer = self.answer
        return {
            "idea_id": idea_id, "request_id": answer.completion.request_id, "state": answer.state.value,
            "problem": answer.problem, "attempts": answer.attempts, "plan_request_id": self.plan,
            "first_request_id": self.first, "critique_request_id": self.critique,
        }  # fmt: skip


class Documents(Stage):
    """One document an idea. What it yields: idea, state and problem of each, and where its parts are."""

    table = "documents"
    reads = ("id", "document_type_id", "subdomain_id", "idea")

    planner: EndpointLLM
    critic: EndpointLLM
    rewriter: EndpointLLM

    @property
    def outputs(self) -> list[str]:
        """Where each document is in the ledger."""
        parts = ["plan_request_id", "first_request_id", "critique_request_id"]
        return ["idea_id", "request_id", "state", "problem", "attempts", *parts]

    def load(self) -> None:
        """Open the clients that this recipe needs, on one event loop."""
        super().load()
        for helper in self._helpers():
            helper.load_beside(self.llm)

    def unload(self) -> None:
        """Close them."""
        for helper in self._helpers():
            helper.unload()
        super().unload()

    def _helpers(self) -> list[EndpointLLM]:
        settings = self.corpus.settings.documents
        return [*([self.planner] if settings.plan else []), *([self.critic, self.rewriter] if settings.revise else [])]

    def process(self, inputs: StepInput) -> Iterator[list[Row]]:
        """Ask about all ideas, those of one document type side by side: their prompts differ in the idea alone."""
        types = self.corpus.rows("document_types")
        ordered = sorted(inputs, key=lambda row: (row["subdomain_id"], row["document_type_id"]))
        yield self.llm.run(self.write(row, types[row["document_type_id"]]) for row in ordered)

    async def write(self, idea: Row, document_type: Row) -> Row:
        """Plan, write, criticise, rewrite, as the recipe asks; the row keeps no text."""
        settings = self.corpus.settings.documents
        task: Row = {"idea": idea, "document_type": document_type, **self.corpus.about(idea["subdomain_id"])}
        plan = await self.make_plan(idea["id"], task) if settings.plan else None
        if plan is not None and plan.value is None:
            return Writing(plan, plan.completion.request_id).row(idea["id"])
        answer = await self.write_once(idea["id"], task, plan.value if plan else None)
        writing = Writing(answer, plan.completion.request_id if plan else "")
        if settings.revise and answer.value is not None:
            await self.revise(writing, idea["id"], task, answer.value)
        return writing.row(idea["id"])

    async def make_plan(self, idea_id: str, task: Row) -> Answer[str]:
        """What the document shows, how, and why."""
        request = CompletionRequest("plans", idea_id, self.messages("plan", **task))
        return await self._ask(self.planner, request, PLAN_TAG)

    async def write_once(self, idea_id: str, task: Row, plan: str | None) -> Answer[str]:
        """The document, or its first version."""
        settings = self.corpus.settings.documents
        given, kind, blank = self.corpus.given(task["idea"]), task["document_type"], self.corpus.blank(task["idea"])
        messages = self.messages(
            self.corpus.template(self.table), scratchpad=settings.scratchpad, words=self.words_of(task), plan=plan,
            given=given, **task,
        )  # fmt: skip
        schema = blank.json_schema if blank else None
        request = CompletionRequest(self.table, idea_id, messages, json_schema=schema)
        tries = SecondTries(self.corpus.settings.second_tries)

        def read(text: str) -> str:
            if blank:
                filled(text, blank, self.corpus.settings.assistant.name)
            document = self.corpus.document_in(text, task["idea"])
            meta = {"position": 0, "title": ""}
            item = Item(idea_id, document, frame=kind["frame"], genre=kind["name"], meta=meta)
            tries.raise_if(lambda: decide_one(View(item), self.checks)[0])
            return document

        attempts = self.corpus.settings.attempts + self.corpus.settings.second_tries
        return await ask_until_parsed(self.llm, request, read, attempts, echo=False)

    def words_of(self, task: Row) -> int:
        """The words that are asked for."""
        return int(task["document_type"]["words"] or self.corpus.settings.documents.words)

    @cached_property
    def checks(self) -> list[TextCheck]:
        """The filters of one document that drop what they find."""
        context = replace(context_of(self.corpus), prompts=self.corpus.instructions)
        found = checks_for("documents", self.corpus.settings.filters, context)
        return [check for check in found if check.settings.action == "drop"]

    async def revise(self, writing: Writing, idea_id: str, task: Row, document: str) -> None:
        """A critique, then the document anew. Where either does not come, the first version stands."""
        messages = self.messages("critique", document=document, count=_POINTS, **task)
        request = CompletionRequest("critiques", idea_id, messages, json_schema=items_schema(CritiqueReply, _POINTS))
        attempts = self.corpus.settings.attempts
        critique = await ask_until_parsed(self.critic, request, lambda text: json_items(text, CritiqueReply), attempts)
        writing.first, writing.critique = writing.answer.completion.request_id, critique.completion.request_id
        if critique.value is None:
            return
        words = self.words_of(task)
        messages = self.messages("revise", document=document, critique=critique.value.items, words=words, **task)
        revised = await self._ask(self.rewriter, CompletionRequest("revisions", idea_id, messages), TAG)
        if revised.state is State.OK:
            writing.answer = revised

    async def _ask(self, llm: EndpointLLM, request: CompletionRequest, tag: str) -> Answer[str]:
        attempts = self.corpus.settings.attempts
        return await ask_until_parsed(llm, request, lambda text: tagged(text, tag), attempts, echo=False)
