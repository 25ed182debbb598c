"""Where texts lie: two coordinates and the nearest neighbours of each, from their embeddings."""

import importlib.util
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from corpus.report.analyst import Vectors

NEIGHBOURS: Final = 15
_AT_ONCE = 1_000  # rows of the matrix of similarities
_TSNE_MOST = 5_000  # texts; beyond, t-SNE takes minutes
_FEW = 10  # texts, for which neither UMAP nor t-SNE says anything


@dataclass(frozen=True, slots=True)
class Places:
    """In the order of the texts."""

    vectors: Vectors  # (texts, dimensions), unit length
    xy: npt.NDArray[np.float64]  # (texts, 2)
    method: str  # umap | tsne | pca
    neighbours: npt.NDArray[np.int64]  # (texts, k) rows, the text itself first, then the nearest
    distances: npt.NDArray[np.float64]  # (texts, k) cosine distances


def places_of(vectors: Vectors) -> Places:
    """Coordinates by UMAP where it is installed, else by t-SNE for up to 5,000 texts, else by PCA; exact neighbours.

    The same vectors give the same places on the same machine.
    """
    xy, method = _projected(vectors)
    neighbours, distances = _nearest(vectors, min(NEIGHBOURS + 1, len(vectors)))
    return Places(vectors, xy, method, neighbours, distances)


def _projected(vectors: Vectors) -> tuple[npt.NDArray[np.float64], str]:
    found: Any
    if len(vectors) >= _FEW and importlib.util.find_spec("umap") is not None:
        from umap import UMAP

        neighbours = min(NEIGHBOURS, len(vectors) - 1)
        found = UMAP(n_neighbors=neighbours, metric="cosine", random_state=0, n_jobs=1).fit_transform(vectors)
        return np.asarray(found, dtype=np.float64), "umap"
    if _FEW <= len(vectors) <= _TSNE_MOST and importlib.util.find_spec("sklearn") is not None:
        from sklearn.manifold import TSNE  # type: ignore[import-untyped]

        perplexity = min(30.0, (len(vectors) - 1) / 3)
        found = TSNE(2, init="pca", metric="cosine", perplexity=perplexity, random_state=0).fit_transform(vectors)
        return np.asarray(found, dtype=np.float64), "tsne"
    return _pca(vectors), "pca"


def _pca(vectors: Vectors) -> npt.NDArray[np.float64]:
    """The first two principal components, each with the sign that makes its largest weight positive."""
    centred = vectors - vectors.mean(axis=0)
    _, _, axes = np.linalg.svd(np.asarray(centred.T @ centred, dtype=np.float64))
    axes = axes[:2] * np.sign(axes[:2][np.arange(len(axes[:2])), np.abs(axes[:2]).argmax(axis=1)])[:, None]
    found = np.zeros((len(vectors), 2))
    found[:, : len(axes)] = centred @ axes.T
    return found


def _nearest(vectors: Vectors, count: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Rows of the `count` nearest by cosine, ties by row; a text is its own nearest."""
    rows, distances = [], []
    for start in range(0, len(vectors), _AT_ONCE):
        likeness = np.asarray(vectors[start : start + _AT_ONCE] @ vectors.T, dtype=np.float64)
        likeness[np.arange(len(likeness)), np.arange(start, start + len(likeness))] = 2
        order = np.argsort(-likeness, axis=1, kind="stable")[:, :count]
        rows.append(order)
        distances.append(np.clip(1 - np.take_along_axis(likeness, order, axis=1), 0, 2))
    return np.concatenate(rows), np.concatenate(distances)
