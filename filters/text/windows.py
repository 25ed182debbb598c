"""The worst stretch of a text: a paragraph of word salad or debris does not show in a mean over the whole."""

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from filters.text.lexicon import Column, Numbered, among
from filters.text.patterns import Patterns
from filters.text.view import View, words_of

Flags = npt.NDArray[np.bool_]
_USUAL = 0.45  # the share of function words in English prose
_CLASH = 3  # function words that a pair of no sentence weighs: sentences of few function words have none
_EN = Patterns.of("filters.text", "en")
COMMON = _EN.words("commonest")
_FUNCTION = among(COMMON | _EN.words("function_words"))  # words that hold a sentence together
_DETERMINERS, _NEVER_AFTER = among(_EN.words("determiners")), among(_EN.words("never_after"))
_ODD = re.compile(
    r"[^\w\s.,;:!?'\"’“”‘()\-–—*#|/$£€%&+=°~@…•×·\u2600-\u27bf\U0001f000-\U0001faff\u200d\ufe0f]|"
    r"(?<=\w)_|_(?=\w)|\b[bcdfghjklmnpqrstvwxz]{4,}\b"
)
_VOWELLESS = re.compile(r"\b[bcdfghjklmnpqrstvwxz]{4,}\b")
_UNPRONOUNCED = Column(lambda new: (_VOWELLESS.fullmatch(word) is not None for word in new), np.bool_)
_SKIPPED = _EN.expression("unit", form=r"^(?:[|#>]|[-*+•–] |\d{1,3}[.)] |[\d.,/½¼¾]{1,6} ?{}\b)")
_JOINED = re.compile(  # "an in-house cook" has no "an in", 'the "of"' no "the of"
    r"(?<=\w)[-‐‑](?=\w)|[\"“‘(\[*]+(?=\w)"
)
_PUNCTUATION = re.compile(r"[,;:/|()=]")
_WORDS_A_MARK = 4  # a line with more marks than one in so many words is a list of terms or a reference, not sentences


def most(flags: Flags | npt.NDArray[np.int64], size: int) -> tuple[int, int]:
    """How many there are in the worst window of `size`, and where that begins."""
    sums = np.concatenate([[0], np.cumsum(flags)])
    width = min(size, len(flags))
    within = sums[width:] - sums[: len(sums) - width]
    start = int(within.argmax())
    return int(within[start]), start


def odd_tokens(view: View, size: int) -> tuple[int, int]:
    """The most tokens, in `size` outside code, with a symbol that prose has not, or without vowel; and of how many."""
    tokens = view.prose.split()
    if len(tokens) < size // 2:
        return 0, size
    flags = np.fromiter((_ODD.search(token) is not None for token in tokens), np.bool_, len(tokens))
    return most(flags, size)[0], min(size, len(tokens))


def unpronounced(view: View) -> int:
    """How many words have no vowel: a cheap question to ask before `odd_tokens`."""
    return int(view.known(_UNPRONOUNCED).sum())


def sentences(view: View) -> list[str]:
    """The words without digits of the lines that are sentences: no code, table, heading, item or list of terms."""
    lines = [line for raw in view.prose.splitlines() if (line := raw.strip()) and not _listed(line)]
    return [word for word in words_of(_JOINED.sub("q", "\n".join(lines))) if word.isalpha() or "'" in word]


def clashing(text: View | Numbered) -> Flags:
    """Which words stand before one that no sentence has there, such as "the of": words in no order."""
    return text.known(_DETERMINERS)[:-1] & text.known(_NEVER_AFTER)[1:]


@dataclass(frozen=True, slots=True)
class Held:
    """The stretch of a text that function words hold together least."""

    words: int  # its function words, less three for a clash; below zero where there are many
    size: int  # all of its words
    start: int
    around: float  # the share of function words in the rest of the text

    @property
    def deviations(self) -> float:
        """How many standard deviations it lies below the rest: a dense style is dense all over, salad is not."""
        spread = max(self.around * (1 - self.around) / self.size, 1e-9) ** 0.5
        return float((self.around - self.words / self.size) / spread)


def held(text: View | Numbered, size: int) -> Held:
    """The worst stretch of `size` words; of a text that is no longer than two, beside what English has."""
    holes = ~text.known(_FUNCTION)
    lacking, start = most(holes + _CLASH * np.append(clashing(text), False), size)
    width = min(size, len(holes))
    rest = len(holes) - width
    outside = rest - int(holes.sum() - holes[start : start + width].sum())
    return Held(width - lacking, width, start, outside / rest if rest >= size else _USUAL)


def _listed(line: str) -> bool:
    return bool(_SKIPPED.match(line)) or len(_PUNCTUATION.findall(line)) * _WORDS_A_MARK > line.count(" ") + 1
