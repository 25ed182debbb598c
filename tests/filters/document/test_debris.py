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
