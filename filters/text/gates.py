"""Expressions that ask the vocabulary first: most look for words that most texts do not have.

Which words an expression needs is read off the expression itself, as FilteredRE2 of Google's RE2 does, so that no list
of marks beside it can go stale: `\\b(?:survey|poll)s? (?:of|by) users` can match nothing where neither "survey" nor
"poll" is a part of a word, or where "users" is none. A gate is never closed where its expression would match.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, reduce
from operator import or_
from re import _constants as code  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

from filters.text.atoms import ATOMS
from filters.text.static import static_words
from filters.text.view import View

_SHORTEST = 3  # letters of a part of a word that is worth looking for
_CLAUSES = 5  # conditions of a sequence that are asked, the rarest first
_COMMON = 2_000  # the commonest words of English, by which is told how rare a piece is
_WORDS, _TENTH = 2_000, 0.1  # words of a text; the commonest word of English is about a tenth of it
_WORD = re.compile(r"[\w']+")


@dataclass(frozen=True, slots=True)
class Needed:
    """One of these must hold: a word (or what an apostrophe joins in one), a part of a word, all of some others, a
    digit anywhere."""

    words: frozenset[str] = frozenset()
    parts: tuple[str, ...] = ()
    every: tuple[tuple["Needed", ...], ...] = ()
    digit: bool = False

    @property
    def asked(self) -> "Asked":
        """The same in bits."""
        bits = [ATOMS.digit] if self.digit else []
        bits += [*map(ATOMS.word, self.words), *map(ATOMS.part, self.parts)]
        return reduce(or_, bits, 0), tuple(tuple(one.asked for one in clause) for clause in self.every)

    @property
    def often(self) -> float:
        """How many places of an ordinary text do, roughly: what is rarest is asked first."""
        alone = sum(_often(word, whole=True) for word in self.words) + sum(_often(part) for part in self.parts)
        return alone + self.digit + sum(min(one.often for one in clause) for clause in self.every)


Asked = tuple[int, tuple[tuple["Asked", ...], ...]]
"""Bits, one of which a text must have, or else all of one of some others."""


def _all(needed: tuple[Asked, ...], met: int) -> bool:
    """Whether all hold for a text with the bits `met`. Loops, as this is asked a hundred times a text."""
    for bits, every in needed:
        if not bits & met:
            for clause in every:
                if _all(clause, met):
                    break
            else:
                return False
    return True


class Gate:
    """What a text must have for one of some expressions to match; always open where nothing can be said."""

    def __init__(self, *patterns: re.Pattern[str] | str) -> None:
        sources = [pattern if isinstance(pattern, str) else pattern.pattern for pattern in patterns]
        needed = [needed_by(source) for source in sources]
        any_of = tuple(tuple(one.asked for one in clauses) for clauses in needed if clauses)
        self._asked: tuple[Asked, ...] = () if None in needed else ((0, any_of),)

        # One of these bits is set wherever it is open: each expression's rarest need, where that is a word or a part.
        rarest = [clauses[0] for clauses in any_of]
        sure = self._asked and not any(every for _, every in rarest)
        self.hint = reduce(or_, (bits for bits, _ in rarest), 0) if sure else -1

    def open(self, view: View) -> bool:
        """Whether one of them may match anywhere in the text."""
        return _all(self._asked, ATOMS.of(view))


class Marks:
    """Characters in lower case, one of which stands wherever something costly is to be looked for."""

    def __init__(self, *marks: str) -> None:
        self._marks = [(mark, Gate(re.escape(mark))) for mark in marks]
        self._hint = reduce(or_, (gate.hint for _, gate in self._marks), 0)

    def present(self, view: View) -> list[str]:
        """Those that stand in the text."""
        if not self._hint & ATOMS.of(view):
            return []
        return [mark for mark, gate in self._marks if gate.open(view) and mark in view.lower]

    def open(self, view: View) -> bool:
        """Whether one of them does."""
        return bool(self._hint & ATOMS.of(view)) and any(
            gate.open(view) and mark in view.lower for mark, gate in self._marks
        )


class Gated:
    """A compiled expression behind its gate."""

    __slots__ = ("gate", "pattern")

    def __init__(self, source: str | re.Pattern[str], flags: int = 0) -> None:
        self.pattern = re.compile(source, flags) if isinstance(source, str) else source
        self.gate = Gate(self.pattern)

    def search(self, view: View, text: str) -> re.Match[str] | None:
        """The first match in `text`, which is the view's or a part of it."""
        return self.pattern.search(text) if self.gate.open(view) else None

    def finditer(self, view: View, text: str) -> Iterator[re.Match[str]]:
        """All matches in `text`, which is the view's or a part of it."""
        return self.pattern.finditer(text) if self.gate.open(view) else iter(())


@cache
def needed_by(source: str) -> tuple[Needed, ...] | None:
    """What must all hold for a text in which `source` matches, the rarest first; None where nothing must."""
    return _sequence(list(parser.parse(source)), (False, False)) or None


def _sequence(nodes: list[Any], bounded: tuple[bool, bool]) -> tuple[Needed, ...]:
    """What a sequence needs; `bounded`: whether a word may only begin before it, and end behind it."""
    needs: list[Needed] = []
    place = 0
    while place < len(nodes):
        end = place + 1
        if nodes[place][0] is code.LITERAL:
            while end < len(nodes) and nodes[end][0] is code.LITERAL:
                end += 1
        before = _ends_words(*nodes[place - 1]) if place else bounded[0]
        after = _ends_words(*nodes[end]) if end < len(nodes) else bounded[1]
        if nodes[place][0] is code.LITERAL:
            needs += _literal("".join(chr(value) for _, value in nodes[place:end]), before, after)
        else:
            kind, value = nodes[place]
            needs += _node(kind, value, (before, after))
        place = end
    return tuple(sorted(dict.fromkeys(needs), key=lambda need: need.often)[:_CLAUSES])


def _node(kind: Any, value: Any, bounded: tuple[bool, bool]) -> tuple[Needed, ...]:
    if kind is code.SUBPATTERN:
        return _sequence(list(value[3]), bounded)
    if kind is code.ATOMIC_GROUP:
        return _sequence(list(value), bounded)
    if kind in (code.MAX_REPEAT, code.MIN_REPEAT, code.POSSESSIVE_REPEAT):
        least, most, inner = value
        return _sequence(list(inner), bounded if most == 1 else (False, False)) if least else ()
    if kind is code.IN and list(value) == [(code.CATEGORY, code.CATEGORY_DIGIT)]:
        return (Needed(digit=True),)
    return _either([_sequence(list(one), bounded) for one in value[1]]) if kind is code.BRANCH else ()


def _either(choices: list[tuple[Needed, ...]]) -> tuple[Needed, ...]:
    """What is needed where one of several sequences matches."""
    if not all(choices):
        return ()
    words: set[str] = set()
    parts: dict[str, None] = {}
    every: dict[tuple[Needed, ...], None] = {}
    digit = False
    for choice in choices:
        if len(choice) == 1:
            words |= choice[0].words
            parts |= dict.fromkeys(choice[0].parts)
            every |= dict.fromkeys(choice[0].every)
            digit |= choice[0].digit
        else:
            every[choice] = None
    return (Needed(frozenset(words), tuple(parts), tuple(every), digit),)


def _literal(letters: str, starts: bool, ends: bool) -> Iterator[Needed]:
    """Each word of a run of characters; those inside of it are whole."""
    lower = letters.lower().replace("’", "'")
    for match in _WORD.finditer(lower):
        left, right = match.start() > 0 or starts, match.end() < len(lower) or ends
        word = match.group().strip("'")
        if not word.isascii():
            continue
        if left and right and "'" not in match.group():
            yield Needed(frozenset({word}))
        elif len(word) >= _SHORTEST:
            yield Needed(parts=(word,))


def _ends_words(kind: Any, value: Any) -> bool:
    """Whether no word goes on across a node: a bound, a character of no word, a look around for one."""
    if kind is code.LITERAL:
        return not (chr(value).isalnum() or chr(value) in "_'’")
    if kind is code.AT:
        return value in (code.AT_BOUNDARY, code.AT_BEGINNING_STRING, code.AT_END_STRING)
    return kind is code.ASSERT_NOT and list(value[1]) == [(code.IN, [(code.CATEGORY, code.CATEGORY_WORD)])]


@cache
def _often(letters: str, whole: bool = False) -> float:
    """How often a word, or a part of one, stands in an ordinary text, by the ranks of words (Zipf's law)."""
    if whole:
        return _WORDS * _TENTH / (_ranks().get(letters, _COMMON) + 1)
    with_it = (rank for word, rank in _ranks().items() if letters in word)
    return _WORDS * _TENTH * (1 / _COMMON + sum(1 / (rank + 1) for rank in with_it))


@cache
def _ranks() -> dict[str, int]:
    index = static_words().index
    first = index["the"]
    return {word: place - first for word, place in index.items() if 0 <= place - first < _COMMON}
