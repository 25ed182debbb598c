"""Text that is no prose: signals of Gopher (Rae et al. 2021) and FineWeb (Penedo et al. 2024); the worst stretch."""

import re
from collections.abc import Iterator

import numpy as np

from filters.check import Outcome, TextCheck, at_least, at_most, excerpt, share_at_least, share_at_most
from filters.context import Context
from filters.document.form.language import share_in
from filters.document.form.settings import Gibberish
from filters.text.lexicon import Column, Numbered, among
from filters.text.view import View
from filters.text.windows import COMMON, Held, clashing, held, most, odd_tokens, sentences, unpronounced

_SYMBOL = re.compile(r"[^\w\s.,;:!?'\"’“”()\-–—*#|/]")
_NO_SYMBOLS = str.maketrans({code: None for code in range(128) if not _SYMBOL.match(chr(code))})
_TAIL = r"[\u0080-\u00bf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]"  # how the second byte of UTF-8 looks in Latin-1 or Windows-1252
_MOJIBAKE = re.compile(rf"[ÂÃÄÅÎÏÐÑ×Ø]{_TAIL}|â{_TAIL}{{2}}|ðŸ{_TAIL}{{0,2}}")
_OF_COMMON = among(COMMON)
_LETTERS = Column(lambda new: map(len, new), np.int64)
_DIGITS = Column(lambda new: map(str.isdigit, new), np.bool_)
_FEWEST = 20  # words below which shares mean nothing
_APART = 4.5  # standard deviations; dense notes of three writers reach 4.0, salad inside of prose has 4.5 and more
_ENGLISH = 0.5  # a stretch with less English is another language, which is the business of the filter `language`


class GibberishCheck(TextCheck):
    """The first signal beyond its limit; otherwise the first signal."""

    name = "gibberish"
    model = Gibberish
    settings: Gibberish

    def __init__(self, settings: Gibberish, context: Context) -> None:
        self.settings, self.english = settings, context.language == "en"

    def evaluate(self, view: View) -> Outcome:
        """Score: a count, a share or a mean, see the settings."""
        first = None
        for outcome in self._signals(view):
            if outcome.failed:
                return outcome
            first = first or outcome
        return first or Outcome(failed=False)

    def _signals(self, view: View) -> Iterator[Outcome]:
        limits, words = self.settings, view.words
        symbols = _symbols(view.text)
        yield share_at_most(symbols, len(view.text), limits.maximum_symbols, "characters that are no letters")
        yield from self._decoding(view)
        if len(words) < _FEWEST:
            return
        if self.english:
            common = int(view.known(_OF_COMMON).sum())
            yield share_at_least(common, len(words), limits.minimum_function_words, "common words")
        mean = int(view.known(_LETTERS).sum()) / len(words)
        yield at_least(mean, limits.mean_word[0], "letters a word")
        yield at_most(mean, limits.mean_word[1], "letters a word")
        digits = int(view.known(_DIGITS).sum())
        yield share_at_least(len(words) - digits, len(words), limits.minimum_alphabetic, "words with a letter")
        yield from self._debris(view, symbols)
        if self.english:
            yield from self._salad(view)

    def _decoding(self, view: View) -> Iterator[Outcome]:
        if view.item.text.isascii():
            return
        yield at_most(view.prose.count("\ufffd"), self.settings.maximum_replaced, "replacement characters (U+FFFD)")
        found = _MOJIBAKE.findall(view.item.text)
        yield at_most(len(found), self.settings.maximum_mojibake, "UTF-8 read as Latin: " + " ".join(found[:5]))

    def _debris(self, view: View, symbols: int) -> Iterator[Outcome]:
        limits = self.settings
        if symbols + view.text.count("_") + unpronounced(view) > limits.window_odd * limits.window / 2:
            odd, tokens = odd_tokens(view, limits.window)
            yield share_at_most(odd, tokens, limits.window_odd, f"odd tokens in {limits.window}")

    def _salad(self, view: View) -> Iterator[Outcome]:
        """Words that make no sentence, in the worst window; looked for among the sentences where the whole has some."""
        limits = self.settings
        if len(view.words) < limits.window or not self._is_salad(view):
            return
        words = sentences(view)
        if len(words) < limits.window:
            return
        told = Numbered(words)
        worst = held(told, limits.window)
        stretch = " ".join(words[worst.start : worst.start + limits.window])
        if self._falls_apart(worst) and share_in(stretch, "en") >= _ENGLISH:
            yield Outcome(True, worst.words / worst.size, limits.window_function_words, _said(worst, stretch))
        clashes, _ = most(clashing(told), limits.window)
        yield at_most(clashes, limits.window_clashes, f"pairs of words of no sentence in {limits.window}")

    def _is_salad(self, view: View) -> bool:
        limits = self.settings
        clashes, _ = most(clashing(view), limits.window)
        return clashes > limits.window_clashes or self._few(held(view, limits.window))

    def _falls_apart(self, worst: Held) -> bool:
        """Whether a stretch has few function words, and far fewer than the text around it."""
        return self._few(worst) and worst.deviations > _APART

    def _few(self, worst: Held) -> bool:
        return share_at_least(worst.words, worst.size, self.settings.window_function_words).failed


def _said(worst: Held, stretch: str) -> str:
    return f"function words, beside {worst.around:.2f} around it, in: {excerpt(stretch)}"


def _symbols(text: str) -> int:
    """How many characters `_SYMBOL` finds; by a table where nothing but dashes and quotes is not ASCII."""
    plain = text
    for mark in "—–’“”":
        plain = plain.replace(mark, "")
    return len(plain.translate(_NO_SYMBOLS)) if plain.isascii() else len(_SYMBOL.findall(text))
