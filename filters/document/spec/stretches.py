"""Stretches that are mostly the spec's words: several short copies beside each other, each too short to be one."""

import numpy as np

from filters.text.overlap import grams_of
from filters.text.view import View


class Copied:
    """Finds the stretch of a text in which most words stand inside of n-grams of the spec."""

    def __init__(self, spec: str, n: int, window: int) -> None:
        self.grams, self.n, self.window = grams_of((spec,), n), n, window

    def most(self, view: View) -> tuple[int, int]:
        """The words of the spec in the worst window, and where it begins."""
        covered = covering(self.grams.hits(view), self.n)
        if not covered.any():
            return 0, 0
        sums = np.concatenate([[0], np.cumsum(covered)])
        width = min(self.window, len(covered))
        within = sums[width:] - sums[: len(sums) - width]
        start = int(within.argmax())
        return int(within[start]), start


def covering(hits: np.ndarray[tuple[int], np.dtype[np.bool_]], n: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """For each word, whether it stands in one of the n-grams that are hits."""
    marks = np.zeros(len(hits) + n, dtype=np.int64)
    np.add.at(marks, np.flatnonzero(hits), 1)
    np.add.at(marks, np.flatnonzero(hits) + n, -1)
    return np.asarray(np.cumsum(marks[:-1]) > 0)
