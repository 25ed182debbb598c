"""What a model wrote cannot command the terminal; no word is cut at its edge, and elsewhere a line stays whole."""

import io

import pytest
from rich.console import Console

from filters.base import Flag, Item, Rejection
from filters.check import at_most
from filters.run.stored import Explanation
from filters.settings import FilterSettings
from specmill.messages import tell
from specmill.verbs.look import audit, filter

EVIL = "a\x1b]0;pwned\x07\u202e b\nc"


def shown(*printed: object) -> str:
    console = Console(width=200)
    with console.capture() as capture:
        console.print(*printed)
    return capture.get()


def test_explanations_are_safe() -> None:
    item = Item("id", "text", genre=EVIL, meta={"title": EVIL})
    gone = Rejection("other", "exact", EVIL)
    why = Explanation(item, gone, {"dates": at_most(1, 0, EVIL)}, [gone], [Flag("id", "dates", EVIL)])
    console = Console(width=200)
    with console.capture() as capture:
        filter._print_explanation(console, why, FilterSettings())
    assert capture.get().count("pwned") == 6 and not set("\x1b\x07\u202e") & set(capture.get())


def test_patterns_are_safe() -> None:
    row = {"name": EVIL, "kind": "phrase", "share": 0.5, "low": 0.4, "high": 0.6, "read": 9,
           "examples": [{"id": "0123456789", "quote": EVIL}]}  # fmt: skip
    text = shown(audit._table({"documents": 9, "reported": [row], "counted": []}))
    assert text.count("pwned") == 2 and not set("\x1b\x07\u202e") & set(text)


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
