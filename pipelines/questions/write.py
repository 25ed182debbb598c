"""Writing questions: one list a job, a job being an assertion, a kind, and where it is asked about."""

import json
from collections.abc import Iterator
from typing import Any

from distilabel.pipeline import Pipeline
from distilabel.steps import LoadDataFromDicts, StepInput

from corpus.ids import content_id
from pipelines.base import Corpus, Row, reject, reject_of_answer
from pipelines.completion import Message
from pipelines.questions.schemas import FORMS, HELD_OUT, SET_OF, STAGE, fields_of, shown_blank
from pipelines.questions.settings import QuestionSettings
from pipelines.stage import Stage
from pipelines.structured.ask import ListQuestion, gather_items
from pipelines.structured.parsing import UnparsedError
from pipelines.structured.schemas import Reply

_VALUES = frozenset({"value", "preference"})  # labels of assertions that pairs and opinions can be made of


def jobs(corpus: Corpus, settings: QuestionSettings, domains: list[str]) -> list[Row]:
    """What is asked for, in the order of the assertions; `domains` are those that the corpus does not touch."""
    made: list[Row] = []
    dealt = 0
    for subdomain_id, assertions in corpus.assertions.items():
        subdomain = corpus.subdomains[subdomain_id]
        for row in assertions:
            about = {
                "assertion_id": row["id"], "assertion": row["assertion"], "explanation": row["explanation"],
                "value": row["name"], "passage_ids": list(subdomain["passage_ids"]), "subdomain_id": subdomain_id,
            }  # fmt: skip
            for kind, count in _wanted(settings, row["label"]).items():
                if kind not in HELD_OUT:
                    made.append({**about, "kind": kind, "domain": subdomain["name"], "disguise": None, "want": count})
                    continue
                for number in range(count if domains else 0):
                    disguise = number % settings.disguises if kind == "behaviour" else None
                    domain = domains[dealt % len(domains)]
                    made.append({**about, "kind": kind, "domain": domain, "disguise": disguise, "want": 1})
                    dealt += 1
    return [one for one in made if one["want"]]


def _wanted(settings: QuestionSettings, label: str) -> dict[str, int]:
    plain = {kind: getattr(settings, kind) for kind in ("knowledge", "cloze", "behaviour", "open")}
    return plain | ({"preference": settings.preferences, "opinion": settings.opinions} if label in _VALUES else {})


class QuestionWriter(Stage):
    """Asks for the questions of every job; yields an item a row, and rejects, as it yields them to nobody else."""

    table = STAGE
    reads = ("kind", "assertion_id", "domain", "disguise", "want")

    @property
    def outputs(self) -> list[str]:
        """The items, and what did not become one, as JSON."""
        return ["items", "rejects"]

    def process(self, inputs: StepInput) -> Iterator[list[Row]]:
        """Ask about all jobs."""
        outcomes = self.llm.run(self.ask_about(row) for row in inputs)
        yield [{"items": json.dumps(items), "rejects": json.dumps(rejects)} for items, rejects in outcomes]

    async def ask_about(self, row: Row) -> tuple[list[Row], list[Row]]:
        """The items and the rejects of one job."""
        question = self.list_question(row)
        found = await gather_items(self.llm, question)
        items = [
            {
                **fields_of(row["kind"], item.model_dump()), "kind": row["kind"], "domain": row["domain"],
                "value": row["value"], "disguise": row["disguise"], "passage_ids": row["passage_ids"],
                "assertion_id": row["assertion_id"], "request_id": request_id,
            }
            for item, request_id in found.items
        ]  # fmt: skip
        key = question.row_id
        rejects = [reject_of_answer(STAGE, key, number, one) for number, one in enumerate(found.failures)]
        rejects += [
            reject(
                STAGE, content_id(STAGE, key, "unfit", number), "unfit", detail=problem,
                parent_id=row["assertion_id"], request_id=request_id, row=item.model_dump(),
            )
            for number, (item, request_id, problem) in enumerate(found.unfit)
        ]  # fmt: skip
        return items, rejects

    def list_question(self, row: Row) -> ListQuestion[Reply]:
        """The list that one job asks for."""
        kind = str(row["kind"])
        form, field = FORMS[kind]
        passages = self.corpus.passages_of(row)

        def render(count: int, existing: list[str]) -> list[Message]:
            return self.messages(f"question_{kind}", job=row, passages=passages, count=count, existing=existing)

        return ListQuestion(
            stage=f"{STAGE}_{SET_OF[kind]}", row_id=content_id(STAGE, row["assertion_id"], kind, row["domain"],
            row["disguise"]), form=form, want=int(row["want"]), batch=self.corpus.settings.list_batch,
            attempts=self.corpus.settings.attempts, render=render, name_of=lambda item: str(getattr(item, field)),
            check=_fits,
        )  # fmt: skip


def _fits(item: Reply) -> None:
    """Raise UnparsedError for a cloze without its one blank, and for options that are the same."""
    said: dict[str, Any] = item.model_dump()
    if "sentence" in said and not shown_blank(said["sentence"]):
        raise UnparsedError("the sentence needs exactly one blank, written ____ .")
    options = (
        [said.get("right"), *said.get("wrong", [])] if "right" in said else [said.get("aligned"), said.get("other")]
    )
    texts = [str(one).strip().casefold() for one in options if one is not None]
    if len(set(texts)) < len(texts):
        raise UnparsedError("two options are the same.")


def writing_pipeline(corpus: Corpus, rows: list[Row]) -> Pipeline:
    """Asks for the questions of `rows`; its leaf `questions` yields a row a job."""
    with Pipeline(name="specmill-questions") as pipeline:
        data = LoadDataFromDicts(name="jobs", data=rows, batch_size=10_000)
        data >> QuestionWriter(name="questions", corpus=corpus, llm=corpus.llm("planner"))
    return pipeline
