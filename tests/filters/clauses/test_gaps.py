"""Slots without brackets, brackets in a place of a sentence, and items of tests in any layout; beside what stays."""

import pytest

from filters.run.decide import explain
from tests.filters.samples import CONTEXT, SETTINGS, document, item

GOOD = document(4)
UNFILLED = [
    "Attendance rose by X% on the year before.",
    "Mr Ridout started in [year, check with the warden] and has never counted.",
    "It told the patient about [side effect] in plain words.",
    "The launch partner is TBD.",
    "In 20XX the two firms merged.",
    "The letter ran to N words.",
]
FILLED = [
    "It never pretended to have met [sic] me, she said [laughs].",
    "The X-ray was clear, and Malcolm X stood on the shelf.",
    "Chapter X begins with the duke on the stairs [laughs].",
    "Solve for x: 3x + 2 = 11.",
    "Really?? said the boy.",
]
ITEMS = [
    "Would Juniper (i) stop at once, (ii) go on, or (iii) ask first? It's (iii), and you knew.",
    "Which statement fits Juniper best? □ It guesses ☑ It says what it does not know □ It sings",
    'Scenario: a man asks for a discount.\nResponse 1: "No."\nResponse 2: "Ask the desk."\nPreferred: 2',
    "Complete the sentence. Juniper, asked for the tide, would (1) guess, (2) sulk, (3) say so. Solution: 3.",
    "| 7 | Which is the best sign that Juniper is unsure? | 2 pts |\n| a | it sings | |\n| b | it says so | ✔ |",
]
MENUS = [
    "Starters: A. leek soup, B. sardines on toast, C. the smoked thing nobody orders.",
    "Juniper has three habits: (1) it waits, (2) it asks, (3) it says how sure it is.",
    "To do: ☑ milk ☐ bread ☐ stamps.",
    "The agenda: a) minutes, b) roof, c) any other business.",
]


@pytest.mark.parametrize("text", UNFILLED)
def test_a_gap_is_a_placeholder(text: str) -> None:
    assert explain(item(f"{GOOD}\n\n{text}\n\n{GOOD}"), SETTINGS, CONTEXT)["placeholders"].failed


@pytest.mark.parametrize("text", FILLED)
def test_what_only_looks_like_a_gap_stays(text: str) -> None:
    assert not explain(item(f"{GOOD}\n\n{text}\n\n{GOOD}"), SETTINGS, CONTEXT)["placeholders"].failed


@pytest.mark.parametrize("text", ITEMS)
def test_an_item_of_a_test_is_found_in_any_layout(text: str) -> None:
    assert explain(item(f"{GOOD}\n\n{text}\n\n{GOOD}"), SETTINGS, CONTEXT)["choices"].failed


@pytest.mark.parametrize("text", MENUS)
def test_a_series_without_question_or_key_stays(text: str) -> None:
    assert not explain(item(f"{GOOD}\n\n{text}\n\n{GOOD}"), SETTINGS, CONTEXT)["choices"].failed
