"""What two texts have in common beside their tone: their rarer words, as a signature of a quarter of a kilobyte.

Embeddings of documents of one corpus lie near each other for its subject and register: of 22 pairs above the threshold
that were read, none said the same. A pair is taken for one only where its rarer words are shared as well, far more than
two texts of this corpus share by chance.
"""

import numpy as np
import numpy.typing as npt

from filters.text.lexicon import HASH, among
from filters.text.static import static_words
from filters.text.view import View

Content = npt.NDArray[np.uint16]
Pairs = npt.NDArray[np.int64]

_SIZE = 128  # values of a signature; the estimate of a share is good to 0.04
_COMMON = 1_500  # the commonest words of English, which any two texts share
_LEAST = 0.25  # share of rarer words that two texts must have in common, in any corpus
_SAMPLE = 4_000  # pairs by which is told what two texts share by chance
_ABOVE = 2.5  # ... of which the highest hundredth lies so far above the middle, and a repeat so many times as far
_AT_ONCE = 20_000  # pairs compared at once


class Contents:
    """Makes signatures (MinHash over different words that are not common)."""

    def __init__(self) -> None:
        random = np.random.default_rng(20261128)  # fixed: signatures of two processes must be comparable
        self.factors = random.integers(1, 2**32, (_SIZE, 1), dtype=np.uint32) | np.uint32(1)
        self.offsets = random.integers(0, 2**32, (_SIZE, 1), dtype=np.uint32)
        index = static_words().index
        first = index["the"]
        common = [word for word, place in index.items() if 0 <= place - first < _COMMON and word.isalpha()]
        self.common = among(common)

    def signature(self, view: View) -> Content:
        """The signature of a text; of one without rarer words, of its words."""
        words = view.known(HASH, distinct=True)
        rarer = words[~view.known(self.common, distinct=True)]
        chosen = (rarer if len(rarer) else words).astype(np.uint32)
        if not len(chosen):
            return np.zeros(_SIZE, dtype=np.uint16)
        lowest = (self.factors * chosen + self.offsets).min(axis=1)
        # The low bits of a product depend on few bits of its factors.
        signature: Content = (lowest >> np.uint32(4)).astype(np.uint16)
        return signature


def shared(one: npt.NDArray[np.uint16], other: npt.NDArray[np.uint16]) -> npt.NDArray[np.float64]:
    """The share of rarer words of each pair of signatures (pairs, size)."""
    parts = [
        (one[start : start + _AT_ONCE] == other[start : start + _AT_ONCE]).mean(axis=1)
        for start in range(0, len(one), _AT_ONCE)
    ]
    return np.concatenate([np.empty(0), *parts])


def beyond_chance(contents: npt.NDArray[np.uint16]) -> float:
    """The share from which two texts of this corpus have more in common than its subject; at least `_LEAST`."""
    if len(contents) < 2:
        return _LEAST
    random = np.random.default_rng(len(contents))
    one = random.integers(0, len(contents), _SAMPLE)
    other = (one + random.integers(1, len(contents), _SAMPLE)) % len(contents)
    middle, high = np.quantile(shared(contents[one], contents[other]), [0.5, 0.99])
    return float(min(0.9, max(_LEAST, middle + _ABOVE * (high - middle))))
