"""Families of words and short phrases, counted in a text by its words: no expression is run over the text.

The entries of a list are expressions of a small kind (`writ(?:e|ing)`, `(?:i|we) (?:need|have) to`, `rework\\w*`) that
are spelled out once: every phrase is a row of words, of which each may be the beginning of one, or a number.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from re import _constants as code  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

from specs.errors import SpecmillError

_MOST = 4_000  # phrases that one entry may stand for
_REMEMBERED = 100_000  # words
_NUMBERS = re.compile(r"#+")
_GAP, _REST, _NUMBER = " ", "*", "#"

Phrase = tuple[str, ...]  # words; "revis*" stands for what begins so, "#" for a number


@dataclass(slots=True)
class Found:
    """The families of a text's sentences: how often each is met, and which in each sentence."""

    counts: list[int]
    sentences: list[set[int]] = field(default_factory=list)


class Cues:
    """Some families, by their names; those of `openers` count only at the start of a sentence."""

    def __init__(self, families: Mapping[str, Iterable[str]], openers: Iterable[str] = ()) -> None:
        self.names = tuple(families)
        self._openers = frozenset(map(self.names.index, openers))
        self._exact: dict[str, list[tuple[int, Phrase]]] = {}
        self._begun: list[tuple[str, int, Phrase]] = []
        for place, entries in enumerate(families.values()):
            for phrase in {phrase for entry in entries for phrase in spelled_out(entry)}:
                first, rest = phrase[0], phrase[1:]
                if first.endswith(_REST) or first == _NUMBER:
                    self._begun.append((first, place, rest))
                else:
                    self._exact.setdefault(first, []).append((place, rest))
        self._known: dict[str, tuple[tuple[int, Phrase], ...]] = {}

    def find(self, sentences: Iterable[Sequence[str]]) -> Found:
        """The families in sentences, each a list of words in lower case; of a family the longest phrase counts."""
        found = Found([0] * len(self.names))
        for words in sentences:
            met: set[int] = set()
            ends: dict[int, int] = {}
            for place, word in enumerate(words):
                known = self._known.get(word)
                for family, rest in self._beginning(word) if known is None else known:
                    end = place + 1 + len(rest)
                    if rest and not (end <= len(words) and all(map(_fits, rest, words[place + 1 : end]))):
                        continue
                    last = ends.get(family, 0)
                    if place >= last and (place == 0 or family not in self._openers):
                        found.counts[family] += 1
                        met.add(family)
                    ends[family] = max(last, end)
            found.sentences.append(met)
        return found

    def _beginning(self, word: str) -> tuple[tuple[int, Phrase], ...]:
        """The phrases that begin with a word."""
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        begun = [(family, rest) for first, family, rest in self._begun if _fits(first, word)]
        self._known[word] = known = (*self._exact.get(word, ()), *begun)
        return known


def spelled_out(entry: str) -> list[Phrase]:
    """The phrases that an entry stands for; SpecmillError where it says more than words, choices and beginnings."""
    texts = list(_texts(list(parser.parse(entry)), entry))
    if len(texts) > _MOST:
        raise SpecmillError(f"{entry!r} stands for {len(texts)} phrases, at most {_MOST} are looked for.")
    return [phrase for text in texts if (phrase := tuple(_NUMBERS.sub(_NUMBER, text).split()))]


def _texts(nodes: list[Any], entry: str) -> Iterator[str]:
    for parts in product(*(_choices(kind, value, entry) for kind, value in nodes)):
        yield "".join(parts)


def _choices(kind: Any, value: Any, entry: str) -> list[str]:
    if kind is code.LITERAL:
        letter = chr(value)
        return [letter if letter.isalnum() or letter in "'_" else _GAP]
    if kind is code.IN:
        return _letters(value, entry)
    if kind is code.SUBPATTERN:
        return list(_texts(list(value[3]), entry))
    if kind is code.BRANCH:
        return [text for one in value[1] for text in _texts(list(one), entry)]
    least, most, inner = value if kind is code.MAX_REPEAT else (0, 0, [])
    repeated = _repeated(least, most, inner, entry) if inner else []
    if not repeated:
        raise SpecmillError(f"{entry!r}: {kind} is no word, choice or beginning of a word.")
    return repeated


def _repeated(least: int, most: int, inner: Any, entry: str) -> list[str]:
    once = list(_texts(list(inner), entry))
    if _REST in once or _NUMBER in once:
        return once
    if (least, most) in ((0, 1), (1, 1)):
        return ["", *once] if least == 0 else once
    return [once[0] * least, once[0] * least + _REST] if len(once) == 1 and least else []  # "hm+": so many, or more


def _letters(value: Any, entry: str) -> list[str]:
    if any(one == (code.CATEGORY, code.CATEGORY_WORD) for one in value):
        return [_REST]
    if any(one == (code.CATEGORY, code.CATEGORY_DIGIT) for one in value):
        return [_NUMBER]
    return [text for kind, one in value for text in _choices(kind, one, entry)]


def _fits(wanted: str, word: str) -> bool:
    if wanted == _NUMBER:
        return word[:1].isdigit()
    return word.startswith(wanted[:-1]) if wanted.endswith(_REST) else word == wanted
