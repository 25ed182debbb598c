"""What a sentence is described by: its words, pairs of words, the meaning of its words, families of words that meet.

All sentences of a text at once: a word has a number (`filters.text.lexicon`), and what is known of it is looked up. The
assistant's name, other assistants, other makers and numbers are one word each, so that no name is learned.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from filters.clauses.sentences import Sentences
from filters.text.cues import spelled_out
from filters.text.lexicon import HASH, Column, Hashes, Ids, Lexicon
from filters.text.patterns import Patterns
from filters.text.view import View, hashes_of, ngrams_of

PACKAGE = "filters.clauses"
NAME, MAKER, OTHER, RIVAL, NUMBER = "_name_", "_maker_", "_other_", "_rival_", "#"
_FIRST = np.uint64(0x9E3779B97F4A7C15)  # makes the hash of a word that of a beginning
_LONGEST = 4  # words of a phrase
_MARKS = '?!":;([_,*'
_LENGTHS = (6, 10, 15, 21, 30)  # words, up to which a sentence belongs to a class of length
FORMS = len(_MARKS) + len(_LENGTHS) + 2
_NUMERIC = Column(lambda words: (word[:1].isdigit() for word in words), np.bool_)

Numbers = npt.NDArray[np.float32]
Places = npt.NDArray[np.int64]


class Families:
    """The families of a language, as bits: of words, of beginnings of words, and of phrases by their hashes."""

    def __init__(self, code: str) -> None:
        lists = Patterns.of(PACKAGE, code)
        self.names = tuple(lists.names)
        self.opener = np.uint64(1 << self.names.index("opener"))
        self._words: dict[str, int] = {}
        self._begun: dict[str, list[tuple[str, int]]] = {}
        phrases: dict[tuple[str, ...], int] = {}
        for place, name in enumerate(self.names):
            for phrase in {one for entry in lists.entries(name) for one in spelled_out(entry)}:
                bit = 1 << place
                if len(phrase) > 1:
                    phrases[phrase] = phrases.get(phrase, 0) | bit
                elif phrase[0].endswith("*"):
                    self._begun.setdefault(phrase[0][:2], []).append((phrase[0][:-1], bit))
                else:
                    self._words[phrase[0]] = self._words.get(phrase[0], 0) | bit
        self.bits = Column(self._bits, np.uint64)
        self.phrases = [_hashed(phrases, length) for length in range(2, _LONGEST + 1)]

    def _bits(self, words: list[str]) -> Iterable[int]:
        for word in words:
            begun = (bit for start, bit in self._begun.get(word[:2], ()) if word.startswith(start))
            found = self._words.get(word, 0)
            for bit in begun:
                found |= bit
            yield found

    def of(self, ids: Ids, hashes: Hashes, lexicon: Lexicon) -> Hashes:
        """The families of each word, and of the phrases that begin with it."""
        found = self.bits(ids, lexicon).copy()
        for length, (known, bits) in enumerate(self.phrases, start=2):
            met, places = known(ngrams_of(hashes, length))
            found[met] |= bits[places]
        return found


class Hashed:
    """A known list of hashes, sorted, and where it is met among others: by a table of their first bits, and by search
    for the few that share these with another."""

    def __init__(self, known: Hashes) -> None:
        bits = min(20, max(16, 4 + len(known).bit_length()))
        self._known, self._rest = known, np.uint64(64 - bits)
        self._places = np.zeros(1 << bits, dtype=np.int64)  # an index of another type is copied first
        self._places[known >> self._rest] = np.arange(len(known))
        self._shared = np.bincount((known >> self._rest).view(np.int64), minlength=1 << bits) > 1

    def __call__(self, hashes: Hashes) -> tuple[Places, Places]:
        """Which of `hashes` are known, and the place of each in the list."""
        slots = (hashes >> self._rest).view(np.int64)
        places = np.take(self._places, slots)
        shared = np.flatnonzero(np.take(self._shared, slots))
        places[shared] = np.minimum(np.searchsorted(self._known, hashes[shared]), len(self._known) - 1)
        at = np.flatnonzero(np.take(self._known, places) == hashes)
        return at, places[at]


def _hashed(phrases: dict[tuple[str, ...], int], length: int) -> tuple[Hashed, Hashes]:
    """The hashes of phrases of a length, and their bits."""
    chosen = {phrase: bits for phrase, bits in phrases.items() if len(phrase) == length}
    hashes = [ngrams_of(hashes_of(list(phrase)), length) for phrase in chosen]
    known = np.concatenate(hashes) if hashes else np.zeros(1, dtype=np.uint64)
    order = np.argsort(known)
    return Hashed(known[order]), np.array(list(chosen.values()) or [0], dtype=np.uint64)[order]


@cache
def families(code: str) -> Families:
    """The families of a language, read once a process."""
    return Families(code)


@dataclass(frozen=True)
class Described:
    """The sentences of a text in numbers: rows are sentences, but `ids`, `hashes` and `pairs` are by word."""

    ids: Ids
    """Words by number, names and numbers replaced."""
    hashes: Hashes
    pairs: Hashes
    """The hash of each word with the next one; of the last of a sentence with its beginning."""
    starts: Places
    """The first word of each sentence."""
    ends: Places
    bits: Hashes
    """Which families are met by each sentence."""
    form: Numbers
    """Marks, length, beginning (sentences, FORMS)."""
    sentences: Sentences
    lexicon: Lexicon

    @property
    def met(self) -> Numbers:
        """The same as numbers (sentences, families)."""
        return unpacked(self.bits, len(families("en").names))

    def has(self, family: str) -> npt.NDArray[np.bool_]:
        """Which sentences meet a family."""
        return np.asarray(self.bits & np.uint64(1 << families("en").names.index(family)) != 0)

    def summed(self, values: Numbers, at: Places | None = None) -> Numbers:
        """The sum over the words of each sentence (sentences, columns) of what is known by word, or of the words `at`
        some places, which are sorted."""
        padded = np.concatenate([values, np.zeros((1, values.shape[1]), dtype=values.dtype)])
        starts, ends = (self.starts, self.ends) if at is None else np.searchsorted(at, [self.starts, self.ends])
        sums = np.add.reduceat(padded, _bounds(starts, ends), axis=0)[::2]
        sums[starts == ends] = 0
        return np.asarray(sums)


def unpacked(bits: Hashes, count: int) -> Numbers:
    """Each of the first `count` bits as 0 or 1 (rows, count)."""
    return np.asarray((bits[:, None] >> np.arange(count, dtype=np.uint64)) & np.uint64(1), dtype=np.float32)


def _bounds(starts: Places, ends: Places) -> Places:
    return np.stack([starts, ends], axis=1).ravel()


def described(view: View, names: dict[str, list[int]], code: str, *, whole: bool = False) -> Described | None:
    """The sentences of a text (or the `whole` as one), or None where it has none; `names` are places in the text by
    what stands there."""
    sentences, at = Sentences.whole(view) if whole else Sentences.of(view), view.word_starts
    if not len(sentences) or len(at) != len(view.ids):
        return None
    starts, ends = np.searchsorted(at, sentences.starts), np.searchsorted(at, sentences.ends)
    some = ends > starts
    sentences, starts, ends = sentences.among(some), starts[some], ends[some]
    if not len(starts):
        return None
    known, ids = view.lexicon, view.ids.copy()
    slots = known.ids([NUMBER, *names])
    ids[_NUMERIC(ids, known)] = slots[0]
    for slot, places in zip(slots[1:], names.values(), strict=True):
        if places:
            ids[np.searchsorted(at, places, side="right") - 1] = slot
    hashes = HASH(ids, known)
    mine = families(code)
    bits = mine.of(ids, hashes, known)
    first = bits[starts] & mine.opener
    bits &= ~mine.opener
    met = np.bitwise_or.reduceat(np.append(bits, np.uint64(0)), _bounds(starts, ends))[::2] | first
    pairs = np.zeros(len(ids), dtype=np.uint64)
    pairs[:-1] = ngrams_of(hashes, 2)
    pairs[ends - 1] = hashes[starts] ^ _FIRST
    return Described(ids, hashes, pairs, starts, ends, met, _forms(sentences, ends - starts), sentences, known)


def _forms(sentences: Sentences, words: Places) -> Numbers:
    """Marks that a sentence has, how long it is, how it begins."""
    rows = np.zeros((len(words), FORMS), dtype=np.float32)
    rows[:, : len(_MARKS)] = np.minimum(sentences.counts(_MARKS), 2) / 2
    rows[np.arange(len(words)), len(_MARKS) + np.searchsorted(_LENGTHS, words)] = 1
    rows[:, -1] = sentences.begins("([*_")
    return rows


class PerWord:
    """Rows of numbers that are known of words: computed on first sight, by a function of the words that are new."""

    def __init__(self, columns: int) -> None:
        self.columns = columns
        self._tables: WeakKeyDictionary[Lexicon, Numbers] = WeakKeyDictionary()
        self._have: WeakKeyDictionary[Lexicon, int] = WeakKeyDictionary()

    def known(self, words: list[str]) -> Numbers:
        """The rows of words that are new."""
        raise NotImplementedError

    def __call__(self, ids: Ids, lexicon: Lexicon) -> Numbers:
        """The row of each of `ids`."""
        table, have, size = self._tables.get(lexicon), self._have.get(lexicon, 0), len(lexicon.words)
        if table is None or len(table) < size:
            grown = np.empty((2 * size, self.columns), dtype=np.float32)
            if table is not None:
                grown[:have] = table[:have]
            table = self._tables[lexicon] = grown
        if have < size:
            table[have:size] = self.known(lexicon.words[have:size])
            self._have[lexicon] = size
        found: Numbers = np.take(table, ids, axis=0)
        return found
