"""The counting side of the pattern audit: what stands in more of the documents than the spec asks for.

Patterns that a model proposed (filters ask no model) are counted over all documents beside those that are found here:
openings, endings, titles, names and phrases.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from filters.base import Item
from filters.duplicates.overused import KINDS, features
from filters.text.overlap import Grams
from filters.text.view import View

_EXAMPLES = 5
_PERSON = re.compile(r"\b(?=([A-Z][a-z]{2,14} [A-Z][a-z]{2,14})\b)")  # overlapping: "Then Elara Voss" has two
_LEANING = 4  # words in a row that a pattern shares with the spec: it leans on the spec then
_FORGET = 400_000  # phrases counted at once; above it those seen once are forgotten (their count is then a lower bound)


@dataclass(frozen=True, slots=True)
class Pattern:
    """Something that many documents share."""

    kind: str  # opening | ending | title | name | phrase | proposed
    text: str
    count: int  # documents that have it
    share: float  # of all documents
    examples: list[str] = field(default_factory=list)  # ids, the smallest first


def count_patterns(
    items: Iterable[Item], spec: str = "", *, least_share: float = 0.2, words: int = 6, known: Sequence[str] = ()
) -> list[Pattern]:
    """Openings, endings, titles, names and phrases of `words` words in at least `least_share` of the documents, and
    at least in three; the most frequent first. What the spec says itself, and the names in `known`, is left out.
    """
    tally, told = _Tally(), Grams([spec], _LEANING)
    allowed = {name.casefold() for name in known}
    for item in items:
        view = View(item)
        marks = {(kind, text) for kind, text in zip(KINDS, features(view, words), strict=True) if text}
        marks |= {("name", name) for name in _PERSON.findall(view.prose) if not _is_known(name, allowed)}
        marks |= {("phrase", " ".join(view.words[n : n + words])) for n in range(len(view.words) - words + 1)}
        tally.add(item.id, marks)
    found = [p for p in tally.patterns(least_share) if not told.hits(View(Item("", p.text))).any()]
    return _without_shifts(found)


def _is_known(name: str, known: set[str]) -> bool:
    """Whether a name is a known one, or has it in it: `Larkfield Labs`, where Larkfield is the provider."""
    words = name.casefold().split()
    return any(words[n : n + len(one.split())] == one.split() for one in known for n in range(len(words)))


def count_proposed(items: Iterable[Item], proposed: dict[str, str]) -> list[Pattern]:
    """How many documents match each proposed pattern: name -> regular expression, looked for whatever the case.

    Raises:
        re.error: a pattern that is none; the caller shows it to whoever proposed it.
    """
    compiled = {name: re.compile(source, re.IGNORECASE) for name, source in proposed.items()}
    tally = _Tally()
    for item in items:
        tally.add(item.id, {("proposed", name) for name, pattern in compiled.items() if pattern.search(item.text)})
    counted = {pattern.text: pattern for pattern in tally.patterns(0.0, least=0)}
    return [counted.get(name, Pattern("proposed", name, 0, 0.0)) for name in proposed]


class _Tally:
    """In how many documents each mark stands, with a few of their ids."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()
        self.examples: dict[tuple[str, str], list[str]] = defaultdict(list)
        self.documents = 0

    def add(self, item_id: str, marks: set[tuple[str, str]]) -> None:
        """Count the marks of one document."""
        self.documents += 1
        self.counts.update(marks)
        for mark in marks:
            kept = self.examples[mark]
            if len(kept) < _EXAMPLES:
                kept.append(item_id)
        if len(self.counts) > _FORGET:
            self._forget()

    def _forget(self) -> None:
        """Drop what is rare so far: at most one document in a thousand."""
        least = max(1, self.documents // 1000)
        self.counts = Counter({mark: times for mark, times in self.counts.items() if times > least})
        self.examples = defaultdict(list, {mark: self.examples[mark] for mark in self.counts})

    def patterns(self, least_share: float, least: int = 3) -> list[Pattern]:
        """The marks in so many documents, the most frequent first."""
        total = max(1, self.documents)
        enough = max(least, least_share * total)
        found = [
            Pattern(kind, text, times, times / total, sorted(self.examples[kind, text]))
            for (kind, text), times in self.counts.items()
            if times >= enough
        ]
        return sorted(found, key=lambda pattern: (-pattern.count, pattern.kind, pattern.text))


def _without_shifts(found: list[Pattern]) -> list[Pattern]:
    """Of phrases that are one longer phrase, shifted by a word, the first."""
    kept: list[Pattern] = []
    heads: set[str] = set()
    for pattern in found:
        words = pattern.text.split()
        shifted = pattern.kind == "phrase" and (" ".join(words[1:]) in heads or " ".join(words[:-1]) in heads)
        if pattern.kind == "phrase":
            heads |= {" ".join(words[:-1]), " ".join(words[1:])}
        if not shifted:
            kept.append(pattern)
    return kept
