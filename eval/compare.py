"""Two results side by side: paired by question, so that what makes a question easy for both models cancels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eval.questions.base import Answer
from eval.questions.choices import question_rates
from eval.questions.intervals import Interval, bootstrap_mean
from eval.questions.judged import SCALE, question_scores
from eval.questions.settings import EvalSettings
from eval.results import Stored, differences


@dataclass(frozen=True, slots=True)
class Gap:
    """The mean difference over the questions that both answered, its interval, and the number of these questions."""

    label: str  # the set, or "score"
    mean: float
    interval: Interval
    questions: int


def compare(ours: Stored, theirs: Stored, settings: EvalSettings) -> list[Gap]:
    """The gap in the aligned rate of every set, and in the score of the open questions, where both have any."""
    pairs = [
        (name, _rates(ours.answers, name), _rates(theirs.answers, name), (-1.0, 1.0))
        for name in dict.fromkeys(one.question.set for one in ours.answers)
    ]
    widest = SCALE[1] - SCALE[0]
    pairs.append(("score", question_scores(ours.judged), question_scores(theirs.judged), (-widest, widest)))
    found = [_gap(label, mine, other, bounds, settings) for label, mine, other, bounds in pairs]
    return [gap for gap in found if gap is not None]


def unlike(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[str]:
    """How two results were not come by alike, beside the model and its address: what the gap may be due to instead.

    A judge counts where both had one, with its name: scores of different judges are not comparable.
    """
    found = differences({"parameters": ours["parameters"]}, theirs)
    if isinstance(ours.get("judge"), dict) and isinstance(theirs.get("judge"), dict):
        mine, other = ({k: v for k, v in one["judge"].items() if k != "address"} for one in (ours, theirs))
        found += [f"judge: {text}" for text in differences(mine, other)]
    return found


def _rates(answers: Sequence[Answer], name: str) -> dict[str, float]:
    return question_rates([one for one in answers if one.question.set == name])


def _gap(
    label: str, mine: Mapping[str, float], other: Mapping[str, float], bounds: Interval, settings: EvalSettings
) -> Gap | None:
    gaps = [mine[key] - other[key] for key in mine if key in other]
    if not gaps:
        return None
    spread = bootstrap_mean(
        gaps, bounds, confidence=settings.confidence, resamples=settings.resamples, seed=settings.seed
    )
    return Gap(label, sum(gaps) / len(gaps), spread, len(gaps))
