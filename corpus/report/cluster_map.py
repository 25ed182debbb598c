"""The cluster map: a sample of documents placed by the likeness of their embeddings."""

import re
from collections import Counter
from typing import Any, Final

import numpy as np

from corpus.report.analyst import Embed

_WORD: Final = re.compile(r"[^\W\d_]{4,}")
_CLUSTERS = 12
_HEAD_WORDS = 100


def cluster_map(texts: list[str], embed: Embed) -> dict[str, Any] | None:
    """Points (x, y in 0..1, cluster) in the order of `texts`, and each cluster's size and telling words.

    Needs scikit-learn, which comes with sentence-transformers. None for fewer than 10 texts: there is nothing to see.
    """
    from sklearn.cluster import KMeans  # type: ignore[import-untyped]
    from sklearn.manifold import TSNE  # type: ignore[import-untyped]

    if len(texts) < 10:
        return None
    vectors = embed([" ".join(text.split()[:_HEAD_WORDS]) for text in texts])
    count = min(_CLUSTERS, max(2, len(texts) // 20))
    clusters = KMeans(count, n_init=4, random_state=0).fit_predict(vectors)
    perplexity = min(30.0, (len(texts) - 1) / 3)
    places = TSNE(2, init="pca", metric="cosine", perplexity=perplexity, random_state=0).fit_transform(vectors)
    low, high = places.min(axis=0), places.max(axis=0)
    scaled = (places - low) / np.maximum(high - low, 1e-9)
    words = telling_words(texts, [int(cluster) for cluster in clusters])
    sizes = Counter(int(cluster) for cluster in clusters)
    return {
        "points": [
            [round(float(x), 4), round(float(y), 4), int(c)] for (x, y), c in zip(scaled, clusters, strict=True)
        ],
        "clusters": [{"size": sizes[i], "words": words.get(i, [])} for i in range(count)],
    }


def telling_words(texts: list[str], clusters: list[int], count: int = 5) -> dict[int, list[str]]:
    """For each cluster the words that more of its texts have than the rest do."""
    overall: Counter[str] = Counter()
    inside: dict[int, Counter[str]] = {}
    for text, cluster in zip(texts, clusters, strict=True):
        words = {word.lower() for word in _WORD.findall(text)}
        overall.update(words)
        inside.setdefault(cluster, Counter()).update(words)
    sizes = Counter(clusters)
    return {
        cluster: sorted(
            counter, key=lambda word: (overall[word] / len(texts) - counter[word] / sizes[cluster], word)
        )[:count]
        for cluster, counter in inside.items()
    }  # fmt: skip
