"""Question sets as Inspect tasks: the same prompts and readers as `specmill eval`, with any model of Inspect's."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ChatMessageSystem, ChatMessageUser, GenerateConfig, get_model
from inspect_ai.scorer import Score, Scorer, Target, mean, scorer, stderr
from inspect_ai.solver import TaskState, generate

from corpus.thoughts import without_thought
from eval.questions.base import Limits, OpenQuestion, Question, Reply
from eval.questions.choices import prompt, read_answer
from eval.questions.files import QuestionSet
from eval.questions.items import choice_questions, open_questions, sets_to_ask
from eval.questions.judged import Verdict, judge_prompt
from eval.questions.settings import EvalSettings
from eval.tasks.agentic import judging
from pipelines.questions.asking import parse_verdict
from pipelines.structured.parsing import UnparsedError

QUESTION_KEY: Final = "specmill"
"""Of a sample's metadata: what our own readers need to read its log."""


@task
def questions(
    sets: str = "", workspace: str = ".", limit: int | None = None, temperature: float = 0.7,
    max_tokens: int = Limits().choice, epochs: int = 1, spec: str = "", open: bool = False,
) -> Task:  # fmt: skip
    """Questions with options, or the open ones (-T open=true), of some sets.

    `sets`: names or files, by commas; none: those that were made of the spec in `workspace`. `spec`: a file whose text
    goes before every question. Open questions are judged by the model role `grader`.
    """
    settings = EvalSettings.model_validate({"sets": [one for one in sets.split(",") if one]})
    found = sets_to_ask(settings, Path(workspace))
    before = Path(spec).read_text(encoding="utf-8") if spec else ""
    samples = open_samples(found, limit, before) if open else choice_samples(found, limit, before)
    longest = max(max_tokens, Limits().open) if open else max_tokens
    return Task(
        dataset=MemoryDataset(samples), solver=generate(), scorer=judged() if open else aligned(), epochs=epochs,
        config=GenerateConfig(temperature=temperature, max_tokens=longest),
        name="questions_open" if open else "questions",
    )  # fmt: skip


def choice_samples(sets: Sequence[QuestionSet], limit: int | None, before: str) -> list[Sample]:
    """A sample for each question in each order."""
    return [
        Sample(
            id=f"{one.id}:{order}", input=_messages(before, prompt(one, order)), target=one.aligned,
            metadata={QUESTION_KEY: {"kind": "choice", "order": order, "question": asdict(one)}, "question_id": one.id},
        )
        for one in choice_questions(sets, limit)
        for order in one.orders
    ]  # fmt: skip


def open_samples(sets: Sequence[QuestionSet], limit: int | None, before: str) -> list[Sample]:
    """A sample for each open question."""
    return [
        Sample(
            id=one.id, input=_messages(before, one.question), target=one.good,
            metadata={QUESTION_KEY: {"kind": "open", "question": asdict(one)}, "question_id": one.id},
        )
        for one in open_questions(sets, limit)
    ]  # fmt: skip


def _messages(before: str, text: str) -> list[Any]:
    """As messages of the sample: Inspect's own system_message() rewrites JSON in its text."""
    return [ChatMessageSystem(content=before)] * bool(before) + [ChatMessageUser(content=text)]


@scorer(metrics=[mean(), stderr(cluster="question_id")])
def aligned() -> Scorer:
    """1 where the aligned option was chosen. Our reader, so the same reply scores the same by either door."""

    async def score(state: TaskState, target: Target) -> Score:
        said = state.metadata[QUESTION_KEY]
        question, reply = question_of(said["question"]), Reply(state.output.completion, truncated(state.output))
        answer = read_answer(question, said["order"], state.epoch - 1, reply)
        return Score(value=int(answer.aligned), answer=answer.choice.value, metadata={"scorer": answer.scorer})

    return score


@scorer(metrics=[mean(), stderr(cluster="question_id")])
def judged() -> Scorer:
    """1 to 10 by the model role `grader`, asked again once where its verdict cannot be read; then no number."""

    async def score(state: TaskState, target: Target) -> Score:
        question = open_question_of(state.metadata[QUESTION_KEY]["question"])
        answer = without_thought(state.output.completion)
        if not answer:
            return Score(value=float("nan"), explanation="", metadata={"unanswered": True})
        grader = get_model(role="grader", default="specmill/judge")
        said = ""
        for _ in range(2):
            asked = await grader.generate(judge_prompt(question, answer), config=judging(Verdict, Limits().judge))
            said = asked.completion
            try:
                return Score(value=parse_verdict(said).score, explanation=said)
            except UnparsedError:
                continue
        return Score(value=float("nan"), explanation=said)

    return score


def question_of(row: dict[str, Any]) -> Question:
    """A question from a sample's metadata."""
    lists = ("others", "also", "passage_ids")
    return Question(**{**row, **{name: tuple(row[name]) for name in lists}})


def open_question_of(row: dict[str, Any]) -> OpenQuestion:
    """An open question from a sample's metadata."""
    return OpenQuestion(**{**row, "passage_ids": tuple(row["passage_ids"])})


def truncated(output: Any) -> bool:
    """Whether a reply was cut off at its most tokens."""
    return bool(output.choices) and output.choices[0].stop_reason in {"max_tokens", "model_length"}
