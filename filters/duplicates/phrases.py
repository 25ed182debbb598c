"""Long phrases that documents share, whose words are not the spec's: a few numbers a document say which it has.

The numbers are chosen by winnowing (Schleimer, Wilkerson and Aiken 2003): of the runs of `phrase_words` words that
begin at five words in a row, the one with the smallest hash. Two documents that share four words more than that share a
number; of a shorter phrase they may. So counts of phrases just as long as asked for are too low, and never too high.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from filters.text.overlap import Grams
from filters.text.view import View

Prints = npt.NDArray[np.uint32]
Places = npt.NDArray[np.int64]

_WINDOW = 5
_LEANING = 4  # words of a run that the spec has too; a phrase with half of its runs from the spec is the spec's
_SLOTS = 1 << 20  # in which a piece of work counts what it meets
_COUNTERS = 1 << 22  # in which a corpus is counted, before the few that may be too many are counted exactly
_OFTEN = 3  # documents that had a phrase before, from which on its words are remembered
_SPAN = 200  # documents after which what was met counts half: the slots would fill up otherwise
_REMEMBERED = 5_000  # phrases whose words are remembered


class Phrases:
    """The prints of documents' phrases, and the words of those that are met often, for a person to read."""

    def __init__(self, words: int, spec: str) -> None:
        self.size = words
        self.spec = Grams([spec], _LEANING)
        self.words: dict[int, str] = {}
        self._met = np.zeros(_SLOTS, dtype=np.uint8)
        self._documents = 0

    def prints(self, view: View) -> Prints:
        """The prints of one document, sorted."""
        runs = (view.ngrams(self.size) >> np.uint64(32)).astype(np.uint32)
        places = _winnowed(runs)
        places = places[~self._of_spec(view)[places]]
        found, first = np.unique(runs[places], return_index=True)
        self._remember(view, found, places[first])
        return found

    def _of_spec(self, view: View) -> npt.NDArray[np.bool_]:
        """For each run of words, whether it leans on the spec."""
        hits = np.concatenate([[0], np.cumsum(self.spec.hits(view))])
        inside = max(1, self.size - _LEANING + 1)
        return np.asarray(2 * (hits[inside:] - hits[:-inside]) >= inside)

    def _remember(self, view: View, found: Prints, places: Places) -> None:
        self._documents += 1
        if self._documents % _SPAN == 0:
            self._met >>= 1
        slots = found % _SLOTS
        before = self._met[slots]
        self._met[slots] = np.minimum(before, 254) + 1
        if len(self.words) >= _REMEMBERED:
            return
        for row in np.flatnonzero(before >= _OFTEN).tolist():
            phrase, start = int(found[row]), int(places[row])
            if phrase not in self.words:
                self.words[phrase] = " ".join(view.words[start : start + self.size])


def more_than(limit: int, prints: Sequence[Prints]) -> Prints:
    """The prints that more than `limit` documents have, sorted; memory does not grow with the documents."""
    counters = np.zeros(_COUNTERS, dtype=np.uint32)
    for found in prints:
        counters[found % _COUNTERS] += 1  # once a document, as two prints in one counter are one assignment
    exact: Counter[int] = Counter()
    for found in prints:
        exact.update(found[counters[found % _COUNTERS] > limit].tolist())
    return np.array(sorted(one for one, times in exact.items() if times > limit), dtype=np.uint32)


def _winnowed(runs: Prints) -> Places:
    """The places of the smallest of every `_WINDOW` in a row."""
    if len(runs) < _WINDOW:
        return np.arange(len(runs))
    count = len(runs) - _WINDOW + 1
    lows = runs[:count]
    for offset in range(1, _WINDOW):  # shifted slices: numpy is ten times slower over windows of five
        lows = np.minimum(lows, runs[offset : offset + count])
    highest = np.zeros(len(runs), dtype=np.uint32)
    for offset in range(_WINDOW):
        np.maximum(highest[offset : offset + count], lows, out=highest[offset : offset + count])
    return np.flatnonzero(highest == runs)  # no window's least is above a run in it: equal where it is one of them
