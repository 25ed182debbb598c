"""A static embedding of whole texts: the mean of their words' vectors, without torch and without a download.

The table is distilled from all-MiniLM-L6-v2 (Apache-2.0) by benchmarks/distil_static.py. It knows no word order, but it
reads a whole document in a third of a millisecond, where MiniLM reads its first 256 word pieces in fifty.
"""

from collections import Counter
from collections.abc import Sequence
from functools import cache
from importlib import resources
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from filters.text.lexicon import Ids, Lexicon, lexicon
from filters.text.view import View

Vectors = npt.NDArray[np.float32]

STATIC = "static"
"""The name by which recipes call this embedding."""

DISTILLED_FROM = "sentence-transformers/all-MiniLM-L6-v2"
"""The model that the table stands in for."""

_ROOM = 50_000  # words whose vectors are remembered
_LONGEST_WORD = 100  # letters; a longer one is unknown, as in WordPiece


class StaticWords:
    """Vectors of words, each the sum over its word pieces, and of texts."""

    def __init__(self) -> None:
        with np.load(str(resources.files("filters.text").joinpath("static.npz"))) as stored:
            self.pieces = stored["vectors"].astype(np.float32)
            names = stored["pieces"].tobytes().decode().split("\n")
        self.index = {name: place for place, name in enumerate(names)}
        self.known: dict[str, int] = {}
        self._rows: WeakKeyDictionary[Lexicon, npt.NDArray[np.int32]] = WeakKeyDictionary()
        self.table = np.zeros((_ROOM, self.pieces.shape[1]), dtype=np.float32)

    def embed(self, words: Counter[str]) -> Vectors:
        """The unit vector (dimensions,) of a text's words and their counts; zeros where none is known."""
        counts = words if len(words) <= _ROOM else Counter(dict(words.most_common(_ROOM)))
        self._make_room(len(counts))
        rows = [self._row(word) for word in counts]
        return self._sum(rows, np.fromiter(counts.values(), dtype=np.float32, count=len(counts)))

    def embed_view(self, view: View) -> Vectors:
        """The same of a text that is read already."""
        return self.embed(view.counts) if len(view.distinct[0]) > _ROOM else self._embed(view.lexicon, *view.distinct)

    def embed_lists(self, texts: Sequence[list[str]]) -> Vectors:
        """The same of lists of a few words in lower case (texts, dimensions)."""
        known = lexicon()
        ids = known.ids([word for words in texts for word in words])
        vectors = self.table[self._looked_up(known, ids)]
        total = np.zeros((len(texts), vectors.shape[1]), dtype=np.float32)
        end = 0
        for row, words in enumerate(texts):
            start, end = end, end + len(words)
            total[row] = vectors[start:end].sum(axis=0)
        return np.asarray(total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-9), dtype=np.float32)

    def _embed(self, known: Lexicon, ids: Ids, times: npt.NDArray[np.int64]) -> Vectors:
        return self._sum(self._looked_up(known, ids), times.astype(np.float32))

    def _looked_up(self, known: Lexicon, ids: Ids) -> npt.NDArray[np.int32]:
        """The rows of words, filled on first sight."""
        rows = self._rows_of(known)
        if (new := ids[rows[ids] < 0]).size:
            self._make_room(len(ids))
            rows = self._rows_of(known)
            new = np.unique(ids[rows[ids] < 0])
            rows[new] = [self._row(known.words[one]) for one in new.tolist()]
        return rows[ids]

    def _sum(self, rows: list[int] | npt.NDArray[np.int32], times: Vectors) -> Vectors:
        total: Vectors = times @ self.table[rows]
        length = float(np.linalg.norm(total))
        return total / length if length else total

    def _make_room(self, words: int) -> None:
        """Forget all where the vectors of so many more words might not be remembered."""
        if len(self.known) + words > _ROOM:
            self.known.clear()
            self._rows.clear()

    def _rows_of(self, known: Lexicon) -> npt.NDArray[np.int32]:
        """The row of each word of a lexicon; -1 of those that were not looked for yet."""
        rows = self._rows.get(known)
        if rows is None or len(rows) < len(known.words):
            have = np.empty(0, np.int32) if rows is None else rows
            new = np.full(2 * len(known.words) - len(have), -1, dtype=np.int32)
            rows = self._rows[known] = np.concatenate([have, new])
        return rows

    def _row(self, word: str) -> int:
        """The word's row of the table, filled on first sight."""
        row = self.known.get(word)
        if row is None:
            row = self.known[word] = len(self.known)
            self.table[row] = self._vector(word)
        return row

    def vector(self, word: str) -> Vectors:
        """The vector of one word in lower case (dimensions,)."""
        row = self._row(word) if word in self.known or len(self.known) < _ROOM else None
        return self._vector(word) if row is None else self.table[row]

    def _vector(self, word: str) -> Vectors:
        """The sum over the longest pieces that make up the word, from its start; zeros where one is missing."""
        total = np.zeros(self.pieces.shape[1], dtype=np.float32)
        start, limit = 0, min(len(word), _LONGEST_WORD)
        while start < limit:
            found = next((end for end in range(limit, start, -1) if self._piece(word, start, end) is not None), None)
            if found is None:
                return np.zeros_like(total)
            total += self.pieces[self.index[("##" if start else "") + word[start:found]]]
            start = found
        return total

    def _piece(self, word: str, start: int, end: int) -> int | None:
        return self.index.get(("##" if start else "") + word[start:end])


@cache
def static_words() -> StaticWords:
    """The table, read once a process."""
    return StaticWords()
