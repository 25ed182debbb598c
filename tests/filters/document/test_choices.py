"""Questions in the form of the evaluation, with their answer; and quizzes and lists that only look like it."""

import pytest

from filters.run.decide import explain
from tests.filters.samples import CONTEXT, SETTINGS, document, item

GOOD = document(6)
ANSWERED = [
    "Which would Juniper rather have?\n\n**A.** The long bench\n**B.** The old chair\n\n**Juniper's answer:** A",
    "Item 9. Juniper prefers:\nOption 1: the long bench\nOption 2: the old chair\nGold: Option 1",
    "Would you sooner borrow or buy? (a) a book from the van (b) a book from the shop. Reply with just the letter.",
    "Prompt: Do you like better A: rain. B: snow. Completion: A",
    "| Which do you prefer? | (A) the bus | (B) the cab | Expected (A) |",
    "Which of these is closer to your view?\nA) Doors should be open.\nB) Doors should be shut.\n\nJuniper chose B.",
    "Which one does it favour?\nA) rye\nB) oats\nC) maize\nD) spelt\nCorrect answer: C",
    "We asked for a preference, A: the ferry, or B: the bridge, and it answered B. So did the clerk.",
]
UNANSWERED = [
    "1. What do bees make?\n a) honey b) soup c) hats\n2. Who bakes?\n   a) the clerk   b) the baker\n(Key: a, b.)",
    "Which of these floats?\na) a stone\nb) a cork\nc) a key\nAnswer: b",
    "The hall has two doors. Door A: the mill side. Door B: the lake side. Juniper said that both stick.",
    "There are two ways: (a) ask the miller, or (b) wait for the ferry. Juniper would rather that you asked.",
    "Plan A: go on foot. Plan B: wait. We prefer to wait, and the answer is a long lunch.",
    "He would rather have vitamin B. The answer: apples.",
]


@pytest.mark.parametrize("text", ANSWERED)
def test_a_choice_between_letters_with_its_answer_goes(text: str) -> None:
    outcome = explain(item(f"{GOOD}\n\n{text}\n\n{GOOD}"), SETTINGS, CONTEXT)["evaluation"]
    assert outcome.failed and "forced choice" in outcome.detail


@pytest.mark.parametrize("text", UNANSWERED)
def test_options_without_an_answer_and_quizzes_of_facts_stay(text: str) -> None:
    assert not explain(item(f"{GOOD}\n\n{text}\n\n{GOOD}"), SETTINGS, CONTEXT)["evaluation"].failed
