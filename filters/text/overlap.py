"""Runs of words that a text shares with other texts."""

from collections.abc import Iterable
from functools import cache, lru_cache

import numpy as np
import numpy.typing as npt

from filters.text.lexicon import Hashes
from filters.text.view import View, hashes_of, ngrams_of, words_of

_BITS = 18


class Lookup:
    """Hashes that are looked for in every text. A table of bits says first which may be among them; few are."""

    def __init__(self, values: Hashes) -> None:
        self.values = np.unique(values)
        self._bits = np.zeros(1 << _BITS, dtype=np.bool_)
        self._bits[slots_of(self.values)] = True

    def __call__(self, hashes: Hashes) -> npt.NDArray[np.bool_]:
        """Whether each hash is one of these."""
        found = self._bits[slots_of(hashes)]
        places = np.flatnonzero(found)
        if len(places):
            found[places] = member(hashes[places], self.values)
        return found


def slots_of(hashes: Hashes) -> npt.NDArray[np.intp]:
    """A place for each hash in a table of 262,144."""
    return (hashes * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(64 - _BITS)).view(np.intp)


def again(hashes: Hashes) -> npt.NDArray[np.intp]:
    """The places of hashes that stood before, in order; without sorting, but for the few that share a slot."""
    slots = slots_of(hashes)
    first = _first()
    order = np.arange(len(hashes), dtype=np.int32)
    first[slots[::-1]] = order[::-1]  # of several the last that is written stays
    leader = first[slots]
    same = hashes[leader] == hashes
    repeated = same & (leader != order)
    if not same.all():
        others = np.flatnonzero(~same)
        found = np.ones(len(others), dtype=np.bool_)
        found[np.unique(hashes[others], return_index=True)[1]] = False
        repeated[others[found]] = True
    return np.flatnonzero(repeated)


@cache
def _first() -> npt.NDArray[np.int32]:
    return np.zeros(1 << _BITS, dtype=np.int32)


class Grams:
    """The n-grams of words of some texts, to be found in others."""

    def __init__(self, texts: Iterable[str], n: int, without: "Grams | None" = None) -> None:
        self.n = n
        found = [ngrams_of(hashes_of(words_of(text)), n) for text in texts]
        grams = np.unique(np.concatenate([np.empty(0, dtype=np.uint64), *found]))
        self.grams: Hashes = grams if without is None else grams[~member(grams, without.grams)]
        self._lookup = Lookup(self.grams)

    def hits(self, view: View) -> npt.NDArray[np.bool_]:
        """For each n-gram of a text, whether it is one of these."""
        return self._lookup(view.ngrams(self.n))

    def longest(self, view: View) -> tuple[int, int, int]:
        """The longest run of words made of these n-grams: its words, its first word's index; and the hits."""
        hits = self.hits(view)
        if not hits.any():
            return 0, 0, 0
        edges = np.flatnonzero(np.diff(np.concatenate([[0], hits.view(np.int8), [0]])))
        starts, ends = edges[::2], edges[1::2]
        best = int((ends - starts).argmax())
        return int(ends[best] - starts[best]) + self.n - 1, int(starts[best]), int(hits.sum())


@lru_cache(maxsize=16)
def grams_of(texts: tuple[str, ...], n: int, without: tuple[str, ...] = ()) -> Grams:
    """`Grams`, kept: each stage of a build makes its checks anew, of the same spec and the same questions."""
    return Grams(texts, n, without=grams_of(without, n) if without else None)


def member(values: Hashes, among: Hashes) -> npt.NDArray[np.bool_]:
    """Whether each value is in `among`, which is sorted."""
    if not len(among):
        return np.zeros(len(values), dtype=np.bool_)
    places = np.minimum(np.searchsorted(among, values), len(among) - 1)
    return np.asarray(among[places] == values)
