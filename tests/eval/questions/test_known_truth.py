"""A scripted model whose true rate is known: what is reported holds it as often as it says."""

import numpy as np
import pytest

from eval.questions.base import Question, Reply
from eval.questions.choices import read_answer, summarise_set

QUESTIONS = [
    Question(f"q{n}", "s", "v", "preference", "d", "", f"the left thing {n}", (f"the right thing {n}",))
    for n in range(40)
]
WRAPPERS = ("%s", "**%s**", r"\boxed{%s}", "[[%s]]", "<think>\nA or B?\n</think>\n%s", "Answer: %s", "%s<|im_end|>")
REFUSALS = ("As an AI, I don't have preferences.", "Neither.", "I can't choose between them.")
REFUSED = 0.1  # of the replies


def simulate(rate: float, random: np.random.Generator) -> dict[str, object]:
    """One run, each question asked once in both orders: questions differ, replies lean to what is shown first."""
    among_decided = rate / (1 - REFUSED)
    answers = []
    for question in QUESTIONS:
        likes = random.beta(4 * among_decided, 4 * (1 - among_decided))
        bias = min(0.3, likes, 1 - likes)  # so that it cancels over the two orders
        for order in question.orders:
            if random.random() < REFUSED:
                text = REFUSALS[random.integers(len(REFUSALS))]
            else:
                aligned = random.random() < likes + (bias if order == 0 else -bias)
                text = WRAPPERS[random.integers(len(WRAPPERS))] % ("AB"[order] if aligned else "BA"[order])
            answers.append(read_answer(question, order, 0, Reply(text)))
    return summarise_set(answers, 0.95)


@pytest.mark.parametrize("rate", [0.30, 0.55])
def test_the_true_rate_is_in_the_interval_as_often_as_it_says(rate: float) -> None:
    random = np.random.default_rng(5)
    found = [simulate(rate, random) for _ in range(200)]
    assert all(one["unclear"] == one["truncated"] == 0 for one in found), "every wrapper and refusal was read"
    held = sum(one["interval_over_questions"][0] <= rate <= one["interval_over_questions"][1] for one in found)
    assert held >= 184, held  # 190 expected of 200; 184 is two standard errors below
    assert np.mean([one["rate"] for one in found]) == pytest.approx(rate, abs=0.012)
    assert np.mean([one["neither"] for one in found]) == pytest.approx(80 * REFUSED, abs=0.8)
    assert np.mean([one["chose_first_shown"] for one in found]) > 0.55, "the bias is seen"
