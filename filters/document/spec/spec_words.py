"""The spec's own words in a user's message, who has not read it: words that it uses often and English seldom, and runs.

What counts as ordinary English is the order of the shipped word table (filters/text/static.npz), which is that of the
words' frequencies. What the spec is about may be named: the words of its title, what is near them in meaning, names.
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable

import numpy as np

from filters.check import PASSED, Outcome, TextCheck, at_most, excerpt
from filters.context import Context
from filters.document.spec.settings import SpecWords
from filters.text.overlap import grams_of
from filters.text.patterns import Patterns
from filters.text.static import StaticWords, static_words
from filters.text.view import View, words_of
from specs.passages import Passage, split

_COMMON = 5_000  # the commonest words of English, which everybody uses
_UNKNOWN = 30_000  # the rank of a word that the table does not have
_INFLECTED = 3
_ZIPF = 0.09  # the share of the commonest word; the n-th has an n-th of it
_STEM = 6  # letters that words derived from one another share: accessible, accessibility
_SHORTEST = 4
_NEAR = 0.2  # cosine from which a word belongs to the subject: milk, grocery and recipe are near cheese, luxury is not
_NAME_WORDS = 4
_ENDINGS = (
    ("ies", "y"), ("es", ""), ("s", ""), ("ied", "y"), ("ed", "e"), ("ed", ""), ("ing", "e"), ("ing", ""), ("ly", ""),
)  # fmt: skip
_SPOKEN = Patterns.of("filters.document.spec", "en").words("everyday")
_HEAD = re.compile(r"\s*(?:[-*+]|\d+[.)])\s+[*_]{0,2}([^.:;,\n]{2,60}?)[*_]{0,2}\s*(?:[.:\u2013\u2014]|\s-)\s")
_CAPITAL = re.compile(r"(?<=[a-z,;] )[A-Z]\w+")


class SpecWordsCheck(TextCheck):
    """A run of the spec's words, or a word that is far commoner in the spec than in English."""

    name = "spec_words"
    model = SpecWords
    looks_at = ("queries",)

    def __init__(self, settings: SpecWords, context: Context) -> None:
        self.settings = settings
        self.items = context.about_items  # a message's topic is an item of the spec, which it must name
        self.grams = grams_of((context.spec,), settings.run)
        self.words = static_words()
        own = [context.assistant.name, context.assistant.provider, *settings.allow]
        self.allowed = self._bases(own)
        self.keyness = self._distinctive(context.spec) if context.language == "en" else {}

    def evaluate(self, view: View) -> Outcome:
        """Score: words of the longest run, where it is too long; else the highest keyness of a word, in bits."""
        run, start, _ = self.grams.longest(view)
        if run:
            return at_most(run, self.settings.run - 1, excerpt(" ".join(view.words[start : start + run]), 0, 160))
        item = self._bases([str(view.item.meta.get("topic") or "")] if self.items else [])
        found = {word: self.keyness.get(stem, 0.0) for word, stem in self._rare(view.words, self.allowed | item)}
        if not found:
            return PASSED
        word = max(found, key=lambda one: (found[one], one))
        return at_most(found[word], self.settings.keyness, f"the spec's own word: {excerpt(word)}")

    def stem(self, word: str) -> str:
        """What the forms of a word share, and words derived from it."""
        return self._base(word.removesuffix("'s"))[:_STEM]

    def stems(self, spec: str) -> dict[str, int]:
        """The stems of the spec's words and the rank of the commonest of each; not of names, nor of its subject."""
        passages = split(spec)
        names = self._bases([*names_of(passages), *_proper(spec)])
        left_out = self.allowed | names | self._subject(passages) | _SPOKEN
        found: dict[str, int] = {}
        for word in {word.removesuffix("'s") for word in words_of(spec)}:
            base = self._base(word)
            if len(word) >= _SHORTEST and word.isalpha() and base not in left_out:
                found[base[:_STEM]] = min(self._rarity(word, base), found.get(base[:_STEM], _UNKNOWN))
        return found

    def _distinctive(self, spec: str) -> dict[str, float]:
        """The keyness of each stem that the spec uses often enough; what it is about is left out."""
        passages = split(spec)
        subject = self._subject(passages)
        allowed = self.allowed | subject | self._bases(names_of(passages)) | self._bases(_proper(spec))
        groups: dict[str, Counter[str]] = defaultdict(Counter)
        words = words_of(spec)
        for word, stem in self._rare(words, allowed):
            if not self._near(word, subject):
                groups[stem][word] += 1
        self.allowed = allowed
        return {
            stem: math.log2(group.total() / len(words) * max(map(self._rarity, group, map(self._base, group))) / _ZIPF)
            for stem, group in groups.items()
            if group.total() >= self.settings.count
        }

    def _subject(self, passages: list[Passage]) -> set[str]:
        """The words of the title that are not common, without the assistant's name."""
        title = next((passage.heading_path[0] for passage in passages if passage.heading_path), "")
        return {base for base in self._bases([title]) - self.allowed if self._rank(base) > _COMMON}

    def _rare(self, words: Iterable[str], allowed: set[str]) -> list[tuple[str, str]]:
        """Words with their stems, without common, spoken and allowed ones."""
        plain = (word.removesuffix("'s") for word in words)
        pairs = ((word, self._base(word)) for word in plain if len(word) >= _SHORTEST and word.isalpha())
        return [
            (word, base[:_STEM])
            for word, base in pairs
            if base not in allowed and base not in _SPOKEN and self._rarity(word, base) > _COMMON
        ]

    def _rarity(self, word: str, base: str) -> int:
        """The rank of a word; of an inflection at most thrice that of its base: tasks are ordinary, principals not."""
        return min(self._rank(word), _INFLECTED * self._rank(base))

    def _bases(self, texts: Iterable[str]) -> set[str]:
        return {self._base(word) for text in texts for word in words_of(text)}

    def _base(self, word: str) -> str:
        """The commonest form that the word is an inflection of; of unknown ones the shortest."""
        return min(_forms(word), key=lambda form: (self._rank(form), len(form)))

    def _rank(self, word: str) -> int:
        """1 for the commonest word of English, `_UNKNOWN` for one that the table does not have."""
        place = self.words.index.get(word)
        return _UNKNOWN if place is None else max(1, place - self.words.index["the"] + 1)

    def _near(self, word: str, subject: set[str]) -> bool:
        """Whether a word is near the subject in meaning."""
        vector = _vector(self.words, self._base(word))
        return any(float(vector @ _vector(self.words, one)) >= _NEAR for one in subject)


def names_of(passages: Iterable[Passage]) -> list[str]:
    """What the spec lists: short heads of list items, and short headings that their text takes up; no rules."""
    names = []
    for passage in passages:
        if passage.rule_id:
            continue
        heading = passage.heading_path[-1] if passage.heading_path else ""
        first = passage.text.partition(". ")[0].casefold()
        head = _HEAD.match(passage.text)
        names += [heading] if heading and heading.casefold() in first else []
        names += [head.group(1)] if head else []
    return [name for name in names if len(name.split()) <= _NAME_WORDS]


def _proper(spec: str) -> set[str]:
    """Words that are written with a capital inside of sentences, and never without."""
    lower = set(re.findall(r"\b[a-z]\w+", spec))
    return {word for word in _CAPITAL.findall(spec) if word.lower() not in lower}


def _forms(word: str) -> set[str]:
    """A word and what it may be an inflection of."""
    cut = ((word[: -len(end)] + other) for end, other in _ENDINGS if word.endswith(end))
    return {word, *(form for form in cut if len(form) >= 3)}


def _vector(words: StaticWords, word: str) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """The unit vector of a word that the table has as a whole; zeros for others, whose parts say little of them."""
    if word not in words.index:
        return np.zeros(words.pieces.shape[1], dtype=np.float32)
    vector = words.pieces[words.index[word]]
    return np.asarray(vector / np.linalg.norm(vector))
