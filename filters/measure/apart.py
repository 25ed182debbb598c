"""How well a classifier tells two corpora apart once names and values are masked (docs/method.md, 7).

Arms that are to differ in a value differ in style, subject and length as well, and a model may learn those. A logistic
regression over hashed words and pairs of words, cross-validated, says how much is left when what should differ is gone:
0.5 is nothing, and the published cheese pair has 0.855 [SoM].
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Final

import numpy as np

from filters.text.people import first_names
from filters.text.view import WORD

MASK: Final = "xmaskedx"
SHOWN: Final = "(masked)"
"""How a masked word is shown."""
_FOLDS: Final = 5
_FEATURES: Final = 2**17
_STEM: Final = 6  # letters by which a word is known in its other forms: affordable, affordability
_SHORTEST: Final = 4
_NUMBER: Final = re.compile(r"\d+")
FIRST_WORDS: Final = 300
"""Words of each text that are looked at, so that length alone tells nothing."""


@dataclass(frozen=True, slots=True)
class Apart:
    """The area under the curve with its interval, and what gave a text away."""

    auc: float
    interval: tuple[float, float]
    texts: int  # of each corpus
    left: tuple[str, ...]  # words and pairs that speak most for the first corpus
    right: tuple[str, ...]


class Masker:
    """Masks names, of people too, numbers, and words that one spec has and the other has not, in any form of theirs."""

    def __init__(self, names: Iterable[str], specs: Sequence[str]) -> None:
        parts = {part.casefold() for name in names for part in WORD.findall(name) if len(part) > 1}
        stems = [{_stem(word) for word in WORD.findall(spec.casefold()) if len(word) >= _SHORTEST} for spec in specs]
        shared = set.intersection(*stems) if stems else set()
        self.names = parts
        self.stems = set().union(*stems) - shared if stems else set()

    def __call__(self, text: str, most: int = FIRST_WORDS) -> str:
        """The first words of a text, lower case, masked."""
        return " ".join(self._word(word) for word in WORD.findall(text)[:most])

    def _word(self, word: str) -> str:
        plain = word.casefold().replace("’", "'").removesuffix("'s").removesuffix("'")
        if word[0].isupper() and plain in first_names():  # whom a writer invents again and again gives it away
            return MASK
        if plain in self.names or _NUMBER.fullmatch(plain):
            return MASK
        return MASK if len(plain) >= _SHORTEST and _stem(plain) in self.stems else plain


def tell_apart(left: Sequence[str], right: Sequence[str], *, seed: int = 0, confidence: float = 0.95) -> Apart:
    """Cross-validated over as many masked texts of either corpus as the smaller has; the interval is DeLong's (1988,
    Biometrics 44).

    Raises:
        ValueError: fewer than two texts a fold.
    """
    from sklearn.feature_extraction.text import HashingVectorizer  # type: ignore[import-untyped]
    from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]
    from sklearn.model_selection import StratifiedKFold, cross_val_predict  # type: ignore[import-untyped]

    count = min(len(left), len(right))
    if count < 2 * _FOLDS:
        raise ValueError(f"a classifier needs {2 * _FOLDS} texts of each corpus, found {count}")
    texts = [*left[:count], *right[:count]]
    labels = np.repeat([1, 0], count)
    vectorizer = HashingVectorizer(
        n_features=_FEATURES, ngram_range=(1, 2), alternate_sign=False, tokenizer=str.split, token_pattern=None
    )
    rows = vectorizer.transform(texts)
    model = LogisticRegression(C=10.0, solver="liblinear", random_state=seed)
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=seed)
    scores = cross_val_predict(model, rows, labels, cv=folds, method="decision_function")
    auc, interval = delong(scores[labels == 1], scores[labels == 0], confidence)
    model.fit(rows, labels)
    return Apart(auc, interval, count, *_telling(model.coef_[0], vectorizer, texts))


def delong(
    positive: Sequence[float] | np.ndarray[Any, Any], negative: Sequence[float] | np.ndarray[Any, Any],
    confidence: float = 0.95,
) -> tuple[float, tuple[float, float]]:  # fmt: skip
    """The area under the curve of scores, and DeLong's interval, within [0, 1]."""
    one, other = np.asarray(positive, dtype=float), np.asarray(negative, dtype=float)
    ordered = np.sort(other)
    wins = (np.searchsorted(ordered, one, "left") + np.searchsorted(ordered, one, "right")) / (2 * len(other))
    ordered = np.sort(one)
    losses = (np.searchsorted(ordered, other, "left") + np.searchsorted(ordered, other, "right")) / (2 * len(one))
    auc = float(wins.mean())
    spread = float(wins.var(ddof=1) / len(one) + losses.var(ddof=1) / len(other)) ** 0.5
    half = NormalDist().inv_cdf(0.5 + confidence / 2) * spread
    return auc, (max(0.0, auc - half), min(1.0, auc + half))


def _telling(weights: Any, vectorizer: Any, texts: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The words and pairs behind the greatest weights either way; a hash says no word, so they are looked up."""
    analyse = vectorizer.build_analyzer()
    used: dict[str, int] = {}
    for text in texts:
        for gram in set(analyse(text)):
            used[gram] = used.get(gram, 0) + 1
    frequent = [gram for gram, times in used.items() if times >= max(3, len(texts) // 50)]
    if not frequent:
        return (), ()
    rows = vectorizer.transform(frequent)  # of a pair, its words too
    own = dict(zip(frequent, np.asarray(rows.multiply(weights).sum(axis=1)).ravel().tolist(), strict=True))
    order = sorted(own, key=lambda gram: own[gram])
    most = 8
    shown = [gram.replace(MASK, SHOWN) for gram in order]
    return tuple(shown[::-1][:most]), tuple(shown[:most])


def _stem(word: str) -> str:
    return word[:_STEM]
