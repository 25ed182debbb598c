"""The kinds of clauses, each scored by a linear model of what a sentence is described by (benchmarks/train_clauses.py).

Trained on sentences that were written for it (benchmarks/clauses/): faulty ones in any wording, sound ones that look
like them, ordinary ones of many genres. A kind that is "plain" knows only what models say most often: one linear model
of both the plain and the subtle would miss the plain.
"""

from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources

import numpy as np

from filters.clauses.features import PACKAGE, Described, Hashed, Numbers, PerWord, Places, unpacked
from filters.text.lexicon import HASH, Hashes, lexicon
from filters.text.static import static_words
from filters.text.threads import one_thread

KINDS = (
    "plan", "talk", "refusal", "first_person", "reasoning", "meta", "statistic", "other_identity", "refused_chat",
    "evaluation_item", "plain_plan", "plain_talk", "plain_refusal", "plain_reasoning", "plain_refused_chat",
)  # fmt: skip

_EVEN = 3.0
_REMEMBERED = 20_000  # combinations of families


@dataclass(frozen=True)
class Weights:
    """What is learned, a column a kind: of words, of pairs of words, of meaning, of families, of form."""

    known: Hashes
    """The hashes of the words and pairs that have a weight, sorted."""
    words: Numbers
    """(known, kinds)"""
    meaning: Numbers
    """(dimensions of the static embedding, kinds)"""
    families: Numbers
    """(families, families, kinds): of each alone on the diagonal, of two that meet above it."""
    form: Numbers
    """(FORMS, kinds)"""
    bias: Numbers
    """(kinds,)"""

    @classmethod
    def load(cls) -> "Weights":
        """The file of the package."""
        with np.load(str(resources.files(PACKAGE).joinpath("clauses.npz"))) as stored:
            learned = {name: stored[name] for name in cls.__dataclass_fields__}
        known = learned.pop("known")
        # In order of rows: of a file's columns a row is gathered five times as slowly.
        return cls(known, **{name: np.ascontiguousarray(part, dtype=np.float32) for name, part in learned.items()})

    @cached_property
    def _places(self) -> Hashed:
        return Hashed(self.known)

    def of(self, hashes: Hashes) -> tuple[Places, Numbers]:
        """Which of some words or pairs, by their hashes, are known, and their weights."""
        met, places = self._places(hashes)
        return met, np.take(self.words, places, axis=0)  # twice as fast as by an index


def meanings(words: list[str]) -> Numbers:
    """The unit vector of each word; zeros of one that is not known."""
    vectors = np.stack([static_words().vector(word) for word in words])
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6), dtype=np.float32)


def evened(met: Numbers) -> Numbers:
    """What the families of a sentence are multiplied by (sentences,), so that many that meet do not outweigh words."""
    count = met.sum(axis=1)
    return np.asarray(_EVEN / np.sqrt(np.maximum(1, count * (count + 7) / 8)), dtype=np.float32)


class _Words(PerWord):
    """What a word adds to each kind, by itself and by its meaning."""

    def __init__(self, weights: Weights) -> None:
        super().__init__(weights.words.shape[1])
        self.weights = weights

    def known(self, words: list[str]) -> Numbers:
        rows = np.asarray(meanings(words) @ self.weights.meaning, dtype=np.float32)
        met, own = self.weights.of(HASH(lexicon().ids(words), lexicon()))
        rows[met] += own
        return rows


class _Families:
    """What the families that a sentence meets add to each kind: most sentences meet such as others have met before."""

    def __init__(self, weights: Weights) -> None:
        self._count, _, self._kinds = weights.families.shape
        self._beside = weights.families.reshape(self._count, -1)
        self._rows: dict[int, int] = {}
        self._table = np.empty((_REMEMBERED, self._kinds), dtype=np.float32)

    def __call__(self, bits: Hashes) -> Numbers:
        """A row a sentence (sentences, kinds)."""
        different, places = np.unique(bits, return_inverse=True)
        known = list(map(self._rows.get, different.tolist()))
        if new := [place for place, row in enumerate(known) if row is None]:
            if len(self._rows) + len(new) > _REMEMBERED:
                self._rows.clear()
                return self._told(different)[places] if len(different) > _REMEMBERED else self(bits)
            first = len(self._rows)
            self._table[first : first + len(new)] = self._told(different[new])
            self._rows.update(zip(different[new].tolist(), range(first, first + len(new)), strict=True))
            known = list(map(self._rows.get, different.tolist()))
        return np.take(self._table, np.array(known, dtype=np.int64)[places], axis=0)

    def _told(self, bits: Hashes) -> Numbers:
        met = unpacked(bits, self._count)
        beside = (met @ self._beside).reshape(len(met), -1, self._kinds)
        return np.asarray(np.einsum("sf,sfk->sk", met, beside) * evened(met)[:, None], dtype=np.float32)


class Model:
    """Scores sentences; above 0 a sentence is rather of a kind than not."""

    def __init__(self, weights: Weights) -> None:
        self.weights = weights
        self._words, self._families = _Words(weights), _Families(weights)

    def scores(self, text: Described) -> Numbers:
        """The score of each sentence for each of `KINDS` (sentences, kinds)."""
        with one_thread():
            return self._scores(text)

    def _scores(self, text: Described) -> Numbers:
        weights = self.weights
        at, known = weights.of(text.pairs)
        words = text.summed(self._words(text.ids, text.lexicon)) + text.summed(known, at)
        words /= np.sqrt(text.ends - text.starts, dtype=np.float32)[:, None]
        words += self._families(text.bits)
        words += text.form @ weights.form + weights.bias
        return words


@cache
def model() -> Model:
    """The trained model, read once a process."""
    return Model(Weights.load())
