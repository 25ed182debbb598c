"""Runs of words that a text shares with other texts."""

from collections.abc import Iterable

import numpy as np

from filters.text.view import Hashes, hashes_of, ngrams_of, words_of


class Grams:
    """The n-grams of words of some texts, to be found in others."""

    def __init__(self, texts: Iterable[str], n: int, without: "Grams | None" = None) -> None:
        self.n = n
        found = [ngrams_of(hashes_of(words_of(text)), n) for text in texts]
        grams = np.unique(np.concatenate([np.empty(0, dtype=np.uint64), *found]))
        self.grams: Hashes = grams if without is None else grams[~member(grams, without.grams)]

    def hits(self, hashes: Hashes) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """For each n-gram of a text, whether it is one of these."""
        return member(ngrams_of(hashes, self.n), self.grams)

    def longest(self, hashes: Hashes) -> tuple[int, int, int]:
        """The longest run of words made of these n-grams: its words, its first word's index; and the hits."""
        hits = self.hits(hashes)
        if not hits.any():
            return 0, 0, 0
        edges = np.flatnonzero(np.diff(np.concatenate([[0], hits.view(np.int8), [0]])))
        starts, ends = edges[::2], edges[1::2]
        best = int((ends - starts).argmax())
        return int(ends[best] - starts[best]) + self.n - 1, int(starts[best]), int(hits.sum())


def member(values: Hashes, among: Hashes) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Whether each value is in `among`, which is sorted."""
    if not len(among):
        return np.zeros(len(values), dtype=np.bool_)
    places = np.minimum(np.searchsorted(among, values), len(among) - 1)
    return np.asarray(among[places] == values)
