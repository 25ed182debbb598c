"""Items of a test in any layout: a series of options, and its key or a question about the assistant.

Options are marked by letters, numbers, Roman numerals, boxes, or as replies that are compared; they stand in lines,
in a table or in a sentence. A menu has a series too: so either it is said which option is right, or the question is
about our assistant.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from filters.check import excerpt
from filters.text.names import OwnName
from filters.text.patterns import Patterns
from filters.text.view import View

_MOST = 400_000  # characters of a text that are looked at
_GAP = 260  # characters from one option to the next
_BEFORE = 300  # characters before the options in which the question stands
_ABOUT = 900  # characters before the options in which the assistant is named, so that the item is no trivia
_AFTER = 260  # characters behind the last in which the key stands
_MARKS = {  # how the places of a series are written
    "letter": re.compile(r"(?<![\w'’.])[\[(\"“|]?\s?(?-i:([a-eA-E]))(?:[).\]:,|]|\s[–—|-])(?=\s)"),
    "roman": re.compile(r"(?<![\w'’.])\((i{1,3}|iv|v)\)(?=\s)"),
    "number": re.compile(r"(?<![\w'’.])\(([1-5])\)(?=\s)|(?:^|\n)[ \t]{0,12}([1-5])[.)]\s"),
    "named": re.compile(r"\b(?:option|choice|response|reply|statement|completion|answer) ([1-5a-e])\b", re.IGNORECASE),
    "box": re.compile(r"([□☐☑☒◻✓✔○◯])"),
}
_ORDER = {"roman": ("i", "ii", "iii", "iv", "v"), "number": "12345", "letter": "abcde", "named": ""}
_NAMED = frozenset(["option", "choice", "response", "reply", "statement", "completion", "answer"])
_TICKED = re.compile(r"[☑☒✓✔]")
_LETTER = (
    r"[\[(\"“*_]{0,3}(?:option |choice |number |response |reply )?(?:[a-e]|[1-5]|i{1,3}|iv|v|one|two|three|four)\b"
)


@dataclass(frozen=True)
class _Series:
    start: int
    end: int
    length: int
    boxes: bool


class TestItems:
    """Finds them in a language whose lists say what a key and a question are called."""

    __test__ = False  # no class of tests

    def __init__(self, name: OwnName, lists: Patterns) -> None:
        self.name = name
        self.key = re.compile(
            rf"(?<!\w){lists.source('item_key')}[\s\"”*_:=>→–—,.-]{{1,6}}(?i:{_LETTER})", re.IGNORECASE
        )
        self.asked = lists.compiled("item_question")
        self.wanted = lists.compiled("item_wanted")

    def find(self, view: View) -> str:
        """The first such item as it stands, or nothing."""
        text = view.text[:_MOST]
        for series in _series(text, _possible(view)):
            before = text[max(0, series.start - _BEFORE) : series.start]
            inside = text[series.start : series.end]
            after = text[series.end : series.end + _AFTER]
            asks = (
                bool(self.asked.search(before[before.rfind("\n\n") + 1 :])) or "?" in before[-_BEFORE // 2 :] + inside
            )
            ours = bool(self.name(before + inside))
            keyed = bool(self.key.search(after) or self.wanted.search(before) or _TICKED.search(inside))
            asked_of = bool(self.name(before[before.rfind("\n\n") + 1 :] + inside))
            near = ours or bool(self.name(text[max(0, series.start - _ABOUT) : series.end + _AFTER]))
            if (keyed and near and (asks or (ours and not series.boxes))) or (
                asks and asked_of and series.length > 2 and self.asked.search(before)
            ):
                return excerpt(text, max(0, series.start - 60), series.end)
        return ""


def _possible(view: View) -> list[str]:
    """The kinds of marks that may stand in a text: its vocabulary is asked, as it is for most documents in vain."""
    words = view.vocabulary
    numbered, lettered = "2" in words, "b" in words
    may = {
        "letter": lettered and ("a" in words or "|" in view.text), "roman": "ii" in words, "number": numbered,
        "named": (numbered or lettered) and not words.isdisjoint(_NAMED), "box": not view.text.isascii(),
    }  # fmt: skip
    return [kind for kind, open_ in may.items() if open_]


def _series(text: str, kinds: Sequence[str]) -> Iterator[_Series]:
    """Runs of marks of one kind, in order, near to each other."""
    for kind in kinds:
        found = list(_MARKS[kind].finditer(text))
        if len(found) < 2:
            continue
        yield from _boxed(found) if kind == "box" else _ordered(kind, found, text)


def _boxed(found: Sequence[re.Match[str]]) -> Iterator[_Series]:
    run = [found[0]]
    for match in found[1:]:
        if match.start() - run[-1].end() > _GAP:
            break
        run.append(match)
    if len(run) > 1:
        yield _Series(run[0].start(), run[-1].end() + 40, len(run), boxes=True)


def _ordered(kind: str, found: Sequence[re.Match[str]], text: str) -> Iterator[_Series]:
    run: list[re.Match[str]] = []
    for match in found:
        place = _place(kind, next(group for group in match.groups() if group))
        if run and place == len(run) and match.start() - run[-1].end() <= _GAP:
            run.append(match)
            continue
        if len(run) > 1:
            yield _ended(run, text)
        run = [match] if place == 0 else []
    if len(run) > 1:
        yield _ended(run, text)


def _ended(run: Sequence[re.Match[str]], text: str) -> _Series:
    last = run[-1].end()
    stop = min((at for mark in (".", ";", "\n", "?") if (at := text.find(mark, last)) >= 0), default=len(text))
    return _Series(run[0].start(), min(stop + 1, last + _GAP), len(run), boxes=False)


def _place(kind: str, mark: str) -> int:
    order: Sequence[str] = _ORDER[kind] or ("12345" if mark.isdigit() else "abcde")
    return order.index(mark.lower())
