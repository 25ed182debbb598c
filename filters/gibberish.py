"""Text that is no prose: signals of Gopher (Rae et al. 2021) and FineWeb (Penedo et al. 2024)."""

import re
from collections.abc import Iterator

from filters.check import Outcome, TextCheck, at_least, at_most
from filters.settings import Gibberish
from filters.view import View

_COMMON = frozenset(
    re.findall(
        r"\S+",
        "the be to of and a in that have i it for not on with he as you do at this but his by from they we say her she "
        "or an will my one all would there their what so up out if about who get which go me when make can like no "
        "just him know is are was were been has had its it's than then these those into our your also more other some",
    )
)
_SYMBOL = re.compile(r"[^\w\s.,;:!?'\"’“”()\-–—*#|/]")
_FEWEST = 20  # words below which shares mean nothing


class GibberishCheck(TextCheck):
    """The first signal beyond its limit; otherwise the first signal."""

    name = "gibberish"

    def __init__(self, settings: Gibberish, language: str) -> None:
        self.settings, self.english = settings, language == "en"

    def look(self, view: View) -> Outcome:
        """Score: a share or a mean, see the settings."""
        outcomes = list(self._signals(view))
        return next((outcome for outcome in outcomes if outcome.failed), outcomes[0])

    def _signals(self, view: View) -> Iterator[Outcome]:
        limits, words = self.settings, view.words
        yield at_most(_symbols(view.text), limits.maximum_symbols, "characters that are no letters")
        if len(words) < _FEWEST:
            return
        if self.english:
            share = sum(map(view.counts.__getitem__, _COMMON)) / len(words)
            yield at_least(share, limits.minimum_function_words, "common words")
        mean = sum(map(len, words)) / len(words)
        yield at_least(mean, limits.mean_word[0], "letters a word")
        yield at_most(mean, limits.mean_word[1], "letters a word")
        alphabetic = sum(times for word, times in view.counts.items() if not word.isdigit()) / len(words)
        yield at_least(alphabetic, limits.minimum_alphabetic, "words with a letter")


def _symbols(text: str) -> float:
    """Share of the characters that are neither letters, digits, spaces nor common punctuation."""
    if not text:
        return 0.0
    return len(_SYMBOL.findall(text)) / len(text)
