"""Text that repeats itself: the signals of Gopher (Rae et al. 2021, table A1), over words and lines."""

from collections.abc import Iterator

import numpy as np

from filters.check import Outcome, TextCheck, share_at_most
from filters.document.form.settings import Repetition
from filters.text.overlap import again, slots_of
from filters.text.view import View

_TOP = 4  # words of the most frequent n-gram
_COARSER = 3  # bits
_FEW = 2  # times that a text may say anything
_LONG = 8  # words of the n-grams whose repetition is counted


class RepetitionCheck(TextCheck):
    """The first signal above its limit; otherwise the one that is closest to it."""

    name = "repetition"
    model = Repetition
    looks_at = ("documents", "chats", "reasoning")

    def evaluate(self, view: View) -> Outcome:
        """Score: a share of the text, see the settings."""
        return max(self._signals(view), key=lambda outcome: (outcome.failed, outcome.score - outcome.threshold))

    def _signals(self, view: View) -> Iterator[Outcome]:
        limits = self.settings
        paragraphs = [part for raw in view.text.split("\n\n") if (part := raw.strip())]
        yield share_at_most(*_repeated(view.lines), limits.duplicate_lines, "repeated lines")
        yield share_at_most(*_repeated(paragraphs), limits.duplicate_paragraphs, "repeated paragraphs")
        yield share_at_most(*_top(view), limits.top_ngram, f"one {_TOP}-gram again and again")
        yield share_at_most(*_twice(view), limits.duplicate_ngrams, f"repeated {_LONG}-grams")


def _repeated(pieces: list[str]) -> tuple[int, int]:
    """Characters in pieces that stood before, and all."""
    seen: set[str] = set()
    again = 0
    for piece in pieces:
        if piece in seen:
            again += len(piece)
        seen.add(piece)
    return again, sum(map(len, pieces))


def _top(view: View) -> tuple[int, int]:
    """Words inside of the most frequent n-gram, and all."""
    grams = view.ngrams(_TOP)
    slots = slots_of(grams) >> _COARSER
    often = np.bincount(slots, minlength=1)[slots] > _FEW  # in one slot there may be several
    grams = np.sort(grams[often])
    if not len(grams):
        return 0, 1
    edges = np.flatnonzero(np.concatenate([[True], grams[1:] != grams[:-1], [True]]))
    most = int(np.diff(edges).max())
    words = len(view.words)
    return (min(words, most * _TOP), words) if most > _FEW else (0, 1)


def _twice(view: View) -> tuple[int, int]:
    """Words inside of n-grams that stood before, and all."""
    places = again(view.ngrams(_LONG))
    if not len(places):
        return 0, 1
    covered = np.zeros(len(view.words) + 1, dtype=np.int64)
    np.add.at(covered, places, 1)
    np.add.at(covered, places + _LONG, -1)
    return int((np.cumsum(covered[:-1]) > 0).sum()), len(view.words)
