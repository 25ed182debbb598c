"""Cells of vectors that lie near each other, so that a search need not compare all with all."""

import numpy as np
import numpy.typing as npt

from filters.text.static import Vectors

_ROUNDS = 6
_SAMPLE = 20_000
_BLOCK = 16_384
_NEAREST = 2  # cells of one vector: a pair that a border would part is mostly found in the second


def cells_of(vectors: Vectors, size: int) -> npt.NDArray[np.int32]:
    """The nearest cells of each vector (vectors, 1 or 2), the nearest first; about `size` vectors are in a cell.

    Spherical k-means. Up to `size` vectors are one cell: the search over it is exhaustive. The same vectors in the same
    order give the same cells. The assignment costs n * n / size with a small factor: the search itself outweighs it.
    """
    count = -(-len(vectors) * _NEAREST // size)
    if len(vectors) <= size:
        return np.zeros((len(vectors), 1), dtype=np.int32)
    middle = vectors.mean(axis=0)
    centres = _centres(vectors, middle, count)
    parts = [_closest(vectors[start : start + _BLOCK] - middle, centres) for start in range(0, len(vectors), _BLOCK)]
    return np.concatenate(parts)


def _centres(vectors: Vectors, middle: Vectors, count: int) -> Vectors:
    random = np.random.default_rng(0)
    sample = vectors[random.permutation(len(vectors))[:_SAMPLE]] - middle
    centres = _spread(sample, count, random)
    for _ in range(_ROUNDS):
        nearest = (sample @ centres.T).argmax(axis=1)
        for cell in range(count):
            members = sample[nearest == cell]
            if len(members):
                centre = members.sum(axis=0)
                centres[cell] = centre / max(float(np.linalg.norm(centre)), 1e-9)
    return centres


def _spread(sample: Vectors, count: int, random: np.random.Generator) -> Vectors:
    """Vectors to begin with, far from each other: k-means++ (Arthur and Vassilvitskii 2007)."""
    chosen = [0]
    distance = np.full(len(sample), np.inf)
    while len(chosen) < count:
        np.minimum(distance, ((sample - sample[chosen[-1]]) ** 2).sum(axis=1), out=distance)
        total = distance.sum()
        chosen.append(int(random.choice(len(sample), p=distance / total)) if total else len(chosen))
    return sample[chosen].copy()


def _closest(vectors: Vectors, centres: Vectors) -> npt.NDArray[np.int32]:
    near = vectors @ centres.T
    return np.argsort(-near, axis=1, kind="stable")[:, :_NEAREST].astype(np.int32)
