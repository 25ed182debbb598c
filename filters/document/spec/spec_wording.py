"""Lay authors who say what the spec says in its own words: many of its rarer ones in a few sentences, or its principles
counted out (docs/method.md, 5.7). Who only lives with the assistant has its words by chance, and scattered.
"""

import math
from collections import Counter

from filters.check import PASSED, Outcome, TextCheck, at_most, excerpt
from filters.context import Context
from filters.document.spec.settings import SpecWording, SpecWords
from filters.document.spec.spec_words import SpecWordsCheck
from filters.text.patterns import Patterns
from filters.text.view import View

_EN = Patterns.of("filters.document.spec", "en")
_COUNTED = _EN.expression("counted")
_COUNTABLE = frozenset(word + ending for word in _EN.words("counted_noun") for ending in ("", "s"))
_ZIPF = 0.09  # the share of English that its commonest word has; the n-th has an n-th of it
# The densest window of a text that never saw the spec has at most so often the bits that are expected of a window:
# measured for seven specs of 500 to 2,200 words, 95% to 99% of such texts stay below.
_PER_EXPECTED = 33.0
_MEMORY = 200_000  # words whose weight is kept


class SpecWordingCheck(TextCheck):
    """The weight of the spec's rarer words in the worst window of a lay text, else its principles by number."""

    name = "spec_wording"
    model = SpecWording
    languages = ("en",)

    def __init__(self, settings: SpecWording, context: Context) -> None:
        self.settings = settings
        self.lexicon = SpecWordsCheck(SpecWords(), context)
        self.ranks = self.lexicon.stems(context.spec)
        self.known: dict[str, tuple[str, float]] = {}
        self.limit = max(settings.bits, _PER_EXPECTED * settings.window * self._expected())

    @classmethod
    def is_for(cls, context: Context) -> bool:
        """Not of a control corpus, which may cite a spec of its own."""
        return not context.neutral

    def evaluate(self, view: View) -> Outcome:
        """Score: bits of the window; where that is allowed, the different principles that are counted."""
        if view.insider:
            return PASSED
        bits, stretch = self._densest(view) if self.ranks else (0.0, "")
        outcome = at_most(bits, self.limit, f"the spec's words: {excerpt(stretch, 0, 160)}")
        if outcome.failed or not view.vocabulary & _COUNTABLE:
            return outcome
        counted = {match["after"] or match["before"] for match in _COUNTED.finditer(view.lower)}
        return at_most(len(counted), self.settings.counted, "counts principles: " + ", ".join(sorted(counted)))

    def _densest(self, view: View) -> tuple[float, str]:
        """The largest sum of the weights of different stems in a window, and the words that have them."""
        words = view.words
        heaviest = sum(dict(map(self._weight, view.vocabulary)).values())  # a bound: no window has more
        if heaviest <= self.limit:
            return heaviest, ""
        hits = [(place, *found) for place, word in enumerate(words) if (found := self._weight(word))[1]]
        within: Counter[str] = Counter()
        total, best, first, stretch = 0.0, 0.0, 0, (0, 0)
        for n, (place, stem, weight) in enumerate(hits):
            total += weight if not within[stem] else 0.0
            within[stem] += 1
            while place - hits[first][0] >= self.settings.window:
                _, gone, lighter = hits[first]
                within[gone] -= 1
                total -= lighter if not within[gone] else 0.0
                first += 1
            if total > best:
                best, stretch = total, (first, n)
        return best, " ".join(words[hit[0]] for hit in hits[stretch[0] : stretch[1] + 1])

    def _expected(self) -> float:
        """The bits that a word of ordinary English weighs on average: a long spec has more of anybody's words."""
        return sum(_ZIPF / rank * self._bits(rank) for rank in self.ranks.values())

    def _bits(self, rank: int) -> float:
        bits = min(self.settings.per_word, 1 + math.log2(rank / self.settings.rank)) if rank else 0.0
        return max(0.0, bits)

    def _weight(self, word: str) -> tuple[str, float]:
        """The stem of a word, and the bits that it weighs: 1 for the commonest that counts, at most `per_word`."""
        if word not in self.known:
            if len(self.known) >= _MEMORY:
                self.known.clear()
            stem = self.lexicon.stem(word)
            self.known[word] = (stem, self._bits(self.ranks.get(stem, 0)))
        return self.known[word]
