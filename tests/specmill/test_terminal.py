"""What a model wrote cannot command the terminal."""

from rich.console import Console

from filters.base import Flag, Item, Rejection
from filters.check import at_most
from filters.run.stored import Explanation
from filters.settings import FilterSettings
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
