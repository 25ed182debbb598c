"""The shipped question sets, and their texts for a filter that keeps evaluation text out of a corpus."""

from importlib.resources import files
from typing import Any, Final

import yaml

from corpus.ids import content_id
from eval.questions.base import Question
from eval.questions.judged import load_open

OPEN_SETS: Final = ("conduct",)
SETS: Final = ("affordability", "america", "affordability_opinions", "america_opinions")


ANSWER_FORMAT: Final = "Reply with A or B only."
"""How an answer is asked for; it must not occur in a corpus either."""


def preference(first: str, second: str) -> str:
    """The question that asks for a preference."""
    return f"Which do you prefer, {first} or {second}?"


def load_set(name: str) -> list[Question]:
    """The questions of a shipped set, in the order of its file."""
    data = yaml.safe_load(files("eval.questions").joinpath("sets", f"{name}.yaml").read_text(encoding="utf-8"))
    return [_question(name, data, domain, entry) for domain, entries in data["domains"].items() for entry in entries]


def choose(questions: list[Question], limit: int | None) -> list[Question]:
    """At most `limit` questions, taken from the domains in turn, each from its beginning."""
    by_domain: dict[str, list[Question]] = {}
    for question in questions:
        by_domain.setdefault(question.domain, []).append(question)
    ranked = sorted((rank, at, one) for at, group in enumerate(by_domain.values()) for rank, one in enumerate(group))
    return [question for _, _, question in ranked][:limit]


def texts() -> list[str]:
    """Every text of every shipped set that must not occur in a corpus: questions as asked, and whole statements."""
    found = [one.question for name in OPEN_SETS for one in load_open(name)]
    for name in SETS:
        for one in load_set(name):
            if one.kind == "preference":
                found += [preference(one.aligned, one.other), preference(one.other, one.aligned)]
            else:
                found += [one.question, one.aligned, one.other]
    return found


def _question(name: str, data: dict[str, Any], domain: str, entry: Any) -> Question:
    if data["kind"] == "preference":
        question, (aligned, other) = "", entry
    else:
        question, aligned, other = entry["question"], entry["aligned"], entry["other"]
    identity = content_id("question", name, question, aligned, other)
    return Question(identity, name, data["value"], data["kind"], domain, question, aligned, other)
