"""Marks that belong to nothing, and marks that do."""

import pytest

from filters.run.decide import explain
from tests.filters.samples import CONTEXT, SETTINGS, document, item

GOOD = document(6)
BROKEN = [
    f"{GOOD}\n\nThe *ferry** was **late, and* nobody *on the pier** knew, *but Juniper** had** the list.",
    f"# ## The ferry\n\n##\n\n{GOOD} ### It was late. ## Nobody knew. #### So it goes.",
    f"{GOOD}\n\n| Day | Boat |\n|---|---|\n| Mon | ferry | late |\n| Tue |\n| Wed | raft | | |\n\n{GOOD}",
    f"{GOOD}\n\n| Day | Boat |\n| Mon | ferry | late |\n| Tue |\n| Wed | raft | | |\n\n{GOOD}",
    f"{GOOD}\n\n```python\nask('Juniper')\n\n{GOOD}\n\n{GOOD}",
]
WHOLE = [
    f"{GOOD}\n\n* A *ferry* **late**, ***no one*** knew.\n* Salt*\n\n* It is.\n\n* * *\n\nSo",
    f"{GOOD}\n\nIt *was the ferry\nthat was late*, and **it will be\nlate again**. 3 * 4 * 5. Rated **** by d*mn us",
    f"## The ferry ##\n\n{GOOD} Room #4 and lift # 5, as we say in C#.",
    f"{GOOD}\n\n| Day | Boat |\n|---|:-:|\n| Mon | ferry |\n| Tue | raft |\n| Wed | |\n\n{GOOD}",
    f"{GOOD}\n\nbread | 2\nmilk | 1 | cold\nsalt\n\n{GOOD}",
    f"{GOOD}\n\n```text\n| a | b | c |\n| d |\n## x ## y ## z ##\n```\n\n{GOOD}",
]


@pytest.mark.parametrize("text", BROKEN)
def test_marks_that_belong_to_nothing_are_debris(text: str) -> None:
    found = explain(item(text), SETTINGS, CONTEXT)
    assert found["markdown"].failed and not found["truncation"].failed


@pytest.mark.parametrize("text", WHOLE)
def test_marks_that_fit_stay(text: str) -> None:
    outcome = explain(item(text), SETTINGS, CONTEXT)["markdown"]
    assert not outcome.failed, outcome.detail


def test_a_text_that_is_cut_within_a_code_block_is_cut() -> None:
    found = explain(item(f"{GOOD}\n\n```python\nask('Juniper')\nprint('the ferry"), SETTINGS, CONTEXT)
    assert found["truncation"].failed and not found["markdown"].failed


@pytest.mark.parametrize(
    ("piece", "name"),
    [
        ("<!-- second part, calmer -->", "chatter"),
        ("</section>", "chatter"),
        ('<voice role="guest">', "chatter"),
        ("<answer/>", "chatter"),
        ('and so they left."}, {"speaker": "Ada", "line": "And then?', "chatter"),
        ('{"turn": 3, "text": "The rain went on."}', "chatter"),
        ('She closed the book.", "length": 40', "chatter"),
        ('"Insert a line from the harbour master here, about patience."', "placeholders"),
        ("It took ___ weeks until the valve came.", "placeholders"),
        ("The river rose [N]x in one spring.", "placeholders"),
        ("He asked (NAME 2) for the key.", "placeholders"),
        ("Thanks from all of us at NAME_OF_FIRM for a good year.", "placeholders"),
        ("XX short tale of the first ferry XX", "placeholders"),
    ],
)
def test_what_a_text_was_taken_out_of_and_gaps_in_any_form_are_flagged(piece: str, name: str) -> None:
    assert explain(item(f"{GOOD}\n\n{piece}\n\n{GOOD}"), SETTINGS, CONTEXT)[name].failed


@pytest.mark.parametrize(
    "piece",
    [
        "I waited an hour for the lift. </rant>",
        "Press <kbd>Esc</kbd> and 3 < 5, or 5 > 3; a<b and c>d.",
        "Write to <desk@larkfield.example> or see <https://larkfield.example>.",
        '```json\n{"turn": 3}\n```',
        'She said "no", "never" and "perhaps", and he wrote: {a, b}.',
        "Put the kettle here, she said.",
        "We lived there in the XX century, and XX of us stayed.",
        "Add salt. Here is the rest.",
    ],
)
def test_what_people_write_is_neither(piece: str) -> None:
    found = explain(item(f"{GOOD}\n\n{piece}\n\n{GOOD}"), SETTINGS, CONTEXT)
    assert not found["chatter"].failed and not found["placeholders"].failed
