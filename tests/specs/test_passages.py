"""Passages are whole thoughts: what announces something stays with it."""

import pytest

from specs.passages import split


@pytest.mark.parametrize(
    "text",
    [
        "It should not do the following:\n\n- delete a file\n- send mail",
        "**It never does this:**\n\n1. one\n2. two",
        "**Example**: a hasty request\n\n~~~xml\n<user>\n\nGo!\n</user>\n~~~",
        "**Example:**\n\n> quoted",
        "What it does:\n\n| when | what |\n|---|---|\n| a | b |",
        "A reader asks:\n\nWhy does it wait?",
        "<details>\n<summary>Why</summary>\n\nPeople cannot bring back what is gone.",
        '!!! note "Commentary"\n    For readers.',
        "以下のことはしない：\n\n- 削除",
        "One case:\n\n**Example**: short\n\n```\ncode\n```",
    ],
)
def test_one_thought_is_one_passage(text: str) -> None:
    assert [p.text for p in split(f"# T\n\nBefore.\n\n{text}\n\nAfter.\n")] == ["Before.", text, "After."]


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("The rules:\n\n- R1: ask\n- R2: tell", 3),  # numbered principles are passages of their own
        ("- one\n- two", 2),
        ("**Care** is what it values.\n\nIt asks.", 2),
        ("Ends with a colon:\n\n## Next\n\nText.", 2),
        ("</details>\n\nText.", 1),  # markup without a word is no passage
    ],
)
def test_what_stands_alone_stays_alone(text: str, count: int) -> None:
    assert len(split(text)) == count


def test_a_long_list_is_a_passage_an_item_and_the_first_has_its_announcement() -> None:
    items = [f"- {'word ' * 60}{n}" for n in range(30)]
    passages = split("It avoids:\n\n" + "\n".join(items))
    assert len(passages) == 30 and passages[0].text == f"It avoids:\n\n{items[0]}" and passages[1].text == items[1]
