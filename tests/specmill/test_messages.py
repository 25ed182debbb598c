"""Messages: whole words at a terminal's edge, whole lines elsewhere."""

import io

import pytest
from rich.console import Console

from specmill.messages import tell

LONG = "Wrote " + "/a/folder" * 12 + " and more. Next: specmill filter out/mine --set filters.identity.action=flag"


def told(text: str, *, terminal: bool) -> list[str]:
    console = Console(file=io.StringIO(), force_terminal=terminal, width=40, color_system=None)
    tell(console, text)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def test_no_word_is_cut_and_a_path_stays_whole_on_a_terminal() -> None:
    lines = told(LONG, terminal=True)
    assert " ".join(lines) == LONG and "/a/folder" * 12 in lines
    assert all(len(line) <= 40 or " " not in line for line in lines)


def test_elsewhere_a_line_stays_one() -> None:
    assert told(LONG, terminal=False) == [LONG]


@pytest.mark.parametrize("text", ["a [red]b[/red]", "one\n\n  two " + "words " * 12 + "end"])
def test_markup_and_lines_stay_as_they_are(text: str) -> None:
    assert " ".join("\n".join(told(text, terminal=True)).split()) == " ".join(text.split())
    assert told("  two " + "words " * 12, terminal=True)[1].startswith("  words")
