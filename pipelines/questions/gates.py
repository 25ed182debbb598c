"""Gates by asking: a question measures something if a model without the spec often misses it, and with the spec not.

The thresholds are of science-of-midtraining: at most 0.70 right without, at least 0.90 with (docs/method.md, 7).
"""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

from distilabel.pipeline import Pipeline
from distilabel.steps import LoadDataFromDicts, StepInput

from eval.questions.base import Answer, Choice, Limits, Question, question_id
from eval.questions.choices import ask_all
from filters.base import Rejection
from pipelines.base import Corpus, Row
from pipelines.questions.asking import as_asker
from pipelines.questions.schemas import GATE_STAGE
from pipelines.questions.settings import QuestionSettings
from pipelines.stage import Stage


def gate_question(row: Row) -> Question:
    """An item as it is asked."""
    others = tuple(row.get("others") or ())
    identity = question_id("gate", row["question"], row["aligned"], *others)
    return Question(identity, "gate", row["value"], row["kind"], row["domain"], row["question"], row["aligned"], others)


class QuestionGate(Stage):
    """Asks every item bare and with the spec, as the role `base`; yields what share was right either way, as JSON."""

    table = "questions"
    reads = ("item_id", "item")

    @property
    def outputs(self) -> list[str]:
        """The item's id, and the two shares."""
        return ["item_id", "gate"]

    def process(self, inputs: StepInput) -> Iterator[list[Row]]:
        """Ask about all items."""
        yield self.llm.run(self.ask_item(row) for row in inputs)

    async def ask_item(self, row: Row) -> Row:
        """The shares of one item; None where a reply is missing."""
        question, corpus = gate_question(json.loads(row["item"])), self.corpus
        values = {"assistant": corpus.settings.assistant, "spec_text": corpus.spec.text.strip()}
        spec = [{"role": "system", "content": corpus.prompts.render("spec_in_prompt", **values)}]
        asked = corpus.settings.eval.model_copy(update={"samples": corpus.settings.questions.gate_samples})
        scorer = "logprobs" if asked.scorer == "auto" else asked.scorer
        limits = Limits(choice=asked.max_tokens or Limits().choice, again=1 if asked.max_tokens else 8)
        bare, told = await asyncio.gather(
            ask_all([question], as_asker(self.llm, GATE_STAGE, "bare"), asked, limits, scorer=scorer),
            ask_all([question], as_asker(self.llm, GATE_STAGE, "spec"), asked, limits, spec, scorer),
        )
        return {"item_id": row["item_id"], "gate": json.dumps({"without": _right(bare), "with": _right(told)})}


def _right(answers: list[Answer]) -> float | None:
    if any(one.choice is Choice.MISSING for one in answers):
        return None
    return sum(one.aligned for one in answers) / len(answers)


def gate_problem(item_id: str, gate: dict[str, Any], settings: QuestionSettings) -> Rejection | None:
    """Why an item may not stay, or None."""
    without, with_spec = gate["without"], gate["with"]
    if without is None or with_spec is None:
        return Rejection(item_id, "not_gated", "a reply is missing; run it again to ask only for that")
    if without > settings.most_without:
        detail = "right without the spec"
        return Rejection(item_id, "known_without_spec", detail, without, settings.most_without)
    if with_spec < settings.least_with:
        return Rejection(item_id, "not_decided_by_spec", "wrong with the spec", with_spec, settings.least_with)
    return None


def gate_pipeline(corpus: Corpus, rows: list[Row]) -> Pipeline:
    """Asks items (`item_id`, `item` as JSON); its leaf `gate` yields a row an item."""
    with Pipeline(name="specmill-question-gate") as pipeline:
        data = LoadDataFromDicts(name="items", data=rows, batch_size=10_000)
        llm = corpus.llm("base" if "base" in corpus.settings.roles else "eval")
        data >> QuestionGate(name="gate", corpus=corpus, llm=llm)
    return pipeline
