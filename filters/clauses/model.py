"""The kinds of clauses, each scored by a linear model of what a sentence is described by (benchmarks/train_clauses.py).

Trained on sentences that were written for it (benchmarks/clauses/): faulty ones in any wording, sound ones that look
like them, ordinary ones of many genres.
"""

from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources

import numpy as np

from filters.clauses.features import PACKAGE, Described, Hashed, Numbers, PerWord
from filters.text.lexicon import HASH, Hashes, lexicon
from filters.text.static import static_words
from filters.text.threads import one_thread

KINDS = (
    "plan", "talk", "refusal", "first_person", "reasoning", "meta", "statistic", "other_identity", "refused_chat",
    "evaluation_item", "placeholder",
)  # fmt: skip

_EVEN = 3.0
_BITS = 20  # of a hash, by which the place of a word or pair is looked up


@dataclass(frozen=True)
class Weights:
    """What is learned, a column a kind: of words, of pairs of words, of meaning, of families, of form."""

    known: Hashes
    """The hashes of the words and pairs that have a weight, sorted."""
    words: Numbers
    """(known + 1, kinds); the last row is of all that are not known, and zero."""
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
        return cls(known, **{name: part.astype(np.float32) for name, part in learned.items()})

    @cached_property
    def _places(self) -> Hashed:
        return Hashed(self.known, _BITS)

    def of(self, hashes: Hashes) -> Numbers:
        """The weights of words or pairs by their hashes."""
        found: Numbers = self.words[self._places(hashes)]  # the last row, of -1, is zero
        return found


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
        own = self.weights.of(HASH(lexicon().ids(words), lexicon()))
        return np.asarray(own + meanings(words) @ self.weights.meaning, dtype=np.float32)


class Model:
    """Scores sentences; above 0 a sentence is rather of a kind than not."""

    def __init__(self, weights: Weights) -> None:
        self.weights = weights
        self._words = _Words(weights)
        count = len(weights.families)
        self._met = weights.families.reshape(count, -1)

    def scores(self, text: Described) -> Numbers:
        """The score of each sentence for each of `KINDS` (sentences, kinds)."""
        with one_thread():
            return self._scores(text)

    def _scores(self, text: Described) -> Numbers:
        weights = self.weights
        by_word = self._words(text.ids, text.lexicon) + weights.of(text.pairs)
        summed = text.summed(by_word) / np.sqrt(text.ends - text.starts, dtype=np.float32)[:, None]
        pairs = (text.met @ self._met).reshape(len(text.met), -1, weights.bias.size)
        met = np.einsum("sf,sfk->sk", text.met, pairs, optimize=False) * evened(text.met)[:, None]
        return np.asarray(summed + met + text.form @ weights.form + weights.bias, dtype=np.float32)


@cache
def model() -> Model:
    """The trained model, read once a process."""
    return Model(Weights.load())
