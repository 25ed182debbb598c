"""Near duplicates: MinHash signatures over word shingles, banded (Broder 1997; Leskovec et al., chapter 3)."""

from collections import defaultdict
from functools import cached_property

import numpy as np
import numpy.typing as npt

from filters.base import Item, Rejection
from filters.duplicates.settings import Near
from filters.duplicates.survivor_rank import ranked
from filters.text.lexicon import Hashes
from filters.text.view import View, hashes_of, ngrams_of, words_of

Signature = npt.NDArray[np.uint32]
_CANDIDATE_RATE = 0.99  # chance that a pair at the threshold is compared
_BLOCK = 4_096  # shingles hashed at once: all of most texts, and a bound for one of 10 MB


class NearDuplicates:
    """A text goes if its estimated Jaccard similarity to a better-ranked survivor reaches the threshold.

    Survivors are chosen in the order of rank, each against those before it, so that no chain of look-alikes empties
    a corpus, and what survives once survives again.
    """

    name = "near"

    def __init__(self, settings: Near) -> None:
        self.settings = settings
        self.rows = _rows(settings.threshold, settings.permutations)
        # Fixed: signatures made by two processes, or on two days, must be comparable.
        random = np.random.default_rng(20260522)
        self.factors = random.integers(1, 2**32, (settings.permutations, 1), dtype=np.uint32) | np.uint32(1)
        self.offsets = random.integers(0, 2**32, (settings.permutations, 1), dtype=np.uint32)

    @cached_property
    def _room(self) -> npt.NDArray[np.uint32]:
        return np.empty((self.settings.permutations, _BLOCK), dtype=np.uint32)

    @cached_property
    def bands(self) -> int:
        """How many bands a signature has."""
        return self.settings.permutations // self.rows

    def __call__(self, items: list[Item]) -> list[Rejection]:
        """A rejection for every item that nearly repeats a survivor."""
        order = ranked(items)
        if not order:
            return []
        return self.among([item.id for item in order], np.stack([self.signature(words_of(i.text)) for i in order]))

    def signature(self, words: list[str]) -> Signature:
        """The MinHash signature of a text; a text shorter than a shingle is one shingle."""
        hashes = hashes_of(words)
        return self._signature(ngrams_of(hashes, min(self.settings.shingle, max(1, len(hashes)))))

    def signature_of(self, view: View) -> Signature:
        """The same of a text that is read already."""
        return self._signature(view.ngrams(min(self.settings.shingle, max(1, len(view.hashes)))))

    def _signature(self, grams: Hashes) -> Signature:
        shingles = grams.astype(np.uint32)
        lowest = np.full(len(self.factors), 2**32 - 1, dtype=np.uint32)
        for start in range(0, len(shingles), _BLOCK):
            block = shingles[start : start + _BLOCK]
            hashed = np.multiply(self.factors, block, out=self._room[:, : len(block)])
            hashed += self.offsets
            np.minimum(lowest, hashed.min(axis=1), out=lowest)
        return lowest

    def among(self, ids: list[str], signatures: npt.NDArray[np.uint32]) -> list[Rejection]:
        """The same over ids and signatures (items, permutations) in the order of rank."""
        buckets = self._shared_buckets(signatures)
        kept_in: dict[tuple[int, int], list[int]] = defaultdict(list)
        rejections = []
        for row in sorted(buckets):
            mine = buckets[row]
            rivals = np.array(sorted({rival for bucket in mine for rival in kept_in[bucket]}), dtype=np.int64)
            if len(rivals):
                alike = (signatures[rivals] == signatures[row]).mean(axis=1)
                best = int(alike.argmax())
                if alike[best] >= self.settings.threshold:
                    rejections.append(self._rejection(ids[row], ids[rivals[best]], float(alike[best])))
                    continue
            for bucket in mine:
                kept_in[bucket].append(row)
        return rejections

    def _shared_buckets(self, signatures: npt.NDArray[np.uint32]) -> dict[int, list[tuple[int, int]]]:
        """For each row that shares a band with another: the (band, bucket) pairs that it shares."""
        shared: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for band in range(self.bands):
            columns = signatures[:, band * self.rows : (band + 1) * self.rows].astype(np.uint64)
            _, bucket, size = np.unique(ngrams_rowwise(columns), return_inverse=True, return_counts=True)
            for row in np.flatnonzero(size[bucket] > 1):
                shared[int(row)].append((band, int(bucket[row])))
        return shared

    def _rejection(self, item_id: str, survivor: str, alike: float) -> Rejection:
        return Rejection(item_id, self.name, f"Jaccard {alike:.2f}", alike, self.settings.threshold, survivor)


def ngrams_rowwise(columns: npt.NDArray[np.uint64]) -> Hashes:
    """A 64-bit hash for each row."""
    total = np.zeros(len(columns), dtype=np.uint64)
    for column in columns.T:
        total = (total ^ column) * np.uint64(0x9E3779B97F4A7C15)
        total ^= total >> np.uint64(29)
    return total


def _rows(threshold: float, permutations: int) -> int:
    """The most rows a band that still find a pair at the threshold nearly always: fewer candidates, same recall."""
    for rows in range(16, 1, -1):
        if 1 - (1 - threshold**rows) ** (permutations // rows) >= _CANDIDATE_RATE:
            return rows
    return 1
