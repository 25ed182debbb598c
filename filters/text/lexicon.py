"""The words of all texts that a process has seen, by number: what is known of a word is looked up for a whole text.

A text becomes an array of numbers once; its hashes, its vocabulary and whether its words are among some others are then
one indexing each.
"""

import zlib
from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any, Generic, TypeVar
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]
Ids = npt.NDArray[np.int32]
Flags = npt.NDArray[np.bool_]
Scalar = TypeVar("Scalar", bound=np.generic)

_MOST = 500_000  # words that are remembered; ordinary corpora have a fifth of that
START = 3  # letters by which a name is looked for first


class _Numbers(dict[str, int]):
    """The number of a word, given on first sight."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []

    def __missing__(self, word: str) -> int:
        self[word] = number = len(self.words)
        self.words.append(word)
        return number


def pieces_of(word: str) -> list[str]:
    """What an apostrophe joins in a word, without underscores: where a name may begin."""
    return word.replace("_", "").split("'")


class Lexicon:
    """Words and their numbers."""

    def __init__(self) -> None:
        self._numbers = _Numbers()
        self.words = self._numbers.words
        self.columns: WeakKeyDictionary[Column[Any], tuple[npt.NDArray[Any], int]] = WeakKeyDictionary()
        self.starts: list[tuple[str, ...]] = []
        self._places = np.empty(1 << 12, dtype=np.int32)

    def ids(self, words: list[str]) -> Ids:
        """The number of each word."""
        return np.fromiter(map(self._numbers.__getitem__, words), dtype=np.int32, count=len(words))

    def distinct(self, ids: Ids) -> tuple[Ids, npt.NDArray[np.int64]]:
        """The different numbers among `ids`, in the order in which they stand there last, and how often each does."""
        if len(self._places) < len(self.words):
            self._places = np.empty(2 * len(self.words), dtype=np.int32)
        order = np.arange(len(ids), dtype=np.int32)
        self._places[ids] = order  # of several the last is kept
        found = ids[self._places[ids] == order]
        self._places[found] = order[: len(found)]
        return found, np.bincount(self._places[ids], minlength=len(found))

    def starts_of(self, ids: Ids) -> frozenset[str]:
        """The first letters of words, and of what an apostrophe joins in them; three where they have so many."""
        for word in self.words[len(self.starts) :]:
            self.starts.append(tuple(piece[:START] for piece in pieces_of(word)))
        return frozenset(chain.from_iterable(map(self.starts.__getitem__, ids.tolist())))


class Column(Generic[Scalar]):
    """What is known of each word: computed on first sight, by a function of the words that are new."""

    def __init__(self, known: Callable[[list[str]], Iterable[Any]], dtype: type[Scalar]) -> None:
        self._known, self._dtype = known, dtype

    def __call__(self, ids: Ids, lexicon: Lexicon) -> npt.NDArray[Scalar]:
        """The value for each of `ids`."""
        table, have = lexicon.columns.get(self) or (np.empty(1 << 12, dtype=self._dtype), 0)
        size = len(lexicon.words)
        if have < size:
            if len(table) < size:
                table = np.concatenate([table[:have], np.empty(2 * size - have, dtype=self._dtype)])
            table[have:size] = np.fromiter(self._known(lexicon.words[have:size]), self._dtype, count=size - have)
            lexicon.columns[self] = (table, size)
        found: npt.NDArray[Scalar] = table[ids]
        return found


def among(words: Iterable[str]) -> Column[np.bool_]:
    """Whether a word is one of `words`."""
    mine = frozenset(words)
    return Column(lambda new: map(mine.__contains__, new), np.bool_)


def _hashes(words: list[str]) -> Iterable[int]:
    for word in words:
        data = word.encode("utf-8", "replace")
        yield zlib.crc32(data) << 32 | zlib.adler32(data)


HASH = Column(_hashes, np.uint64)
"""A 64-bit hash of a word, the same in every process."""


class Numbered:
    """A list of words in their numbers, where a text is looked at in another form than its own."""

    def __init__(self, words: list[str]) -> None:
        self._lexicon = lexicon()
        self.ids = self._lexicon.ids(words)

    def known(self, column: Column[Scalar]) -> npt.NDArray[Scalar]:
        """What is known of each word."""
        return column(self.ids, self._lexicon)


_current = [Lexicon()]


def lexicon() -> Lexicon:
    """The lexicon for the next text: a new one when hostile texts have filled it."""
    if len(_current[0].words) > _MOST:
        _current[0] = Lexicon()
    return _current[0]
