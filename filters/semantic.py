"""Semantic duplicates: texts that say the same in other words, by the cosine of their embeddings."""

import numpy as np

from filters.base import Item, Rejection
from filters.cluster import ranked
from filters.embed import Embed, Vectors, embedder
from filters.settings import Semantic

_BLOCK = 1024


class SemanticDuplicates:
    """A text goes if its cosine to a better-ranked survivor reaches the threshold.

    `whole` compares whole texts (ideas, queries) at `threshold`; documents are compared by their first words at
    `document_threshold`, because texts about one subject lie closer together the longer they are.
    """

    name = "semantic"

    def __init__(self, settings: Semantic, *, whole: bool, embed: Embed | None = None) -> None:
        self.settings, self.whole = settings, whole
        self.threshold = settings.threshold if whole else settings.document_threshold
        self._embed = embed

    def __call__(self, items: list[Item]) -> list[Rejection]:
        """A rejection for every item that says what a survivor says."""
        order = ranked(items)
        if len(order) < 2:
            return []
        return self.among([item.id for item in order], self.embed([self.head(item.text) for item in order]))

    def head(self, text: str) -> str:
        """The part of a text that is embedded."""
        limit = self.settings.words
        return text if self.whole else " ".join(text[: limit * 40].split()[:limit])

    def embed(self, texts: list[str]) -> Vectors:
        """Unit vectors (texts, dimensions)."""
        if self._embed is None:
            self._embed = embedder(self.settings.embedder, self.settings.batch)
        return self._embed(texts)

    def among(self, ids: list[str], vectors: Vectors) -> list[Rejection]:
        """The same over ids and unit vectors in the order of rank."""
        kept: list[int] = []
        rejections = []
        for start in range(0, len(ids), _BLOCK):
            block = vectors[start : start + _BLOCK]
            near_kept = block @ vectors[kept].T if kept else np.zeros((len(block), 0), dtype=np.float32)
            near_block = block @ block.T
            fresh: list[int] = []
            for row in range(len(block)):
                rivals = np.concatenate([near_kept[row], near_block[row, fresh]])
                best = int(rivals.argmax()) if len(rivals) else -1
                if best >= 0 and rivals[best] >= self.threshold:
                    survivor = kept[best] if best < len(kept) else start + fresh[best - len(kept)]
                    rejections.append(self._rejection(ids[start + row], ids[survivor], float(rivals[best])))
                else:
                    fresh.append(row)
            kept += [start + row for row in fresh]
        return rejections

    def _rejection(self, item_id: str, survivor: str, cosine: float) -> Rejection:
        return Rejection(item_id, self.name, f"cosine {cosine:.3f}", cosine, self.threshold, survivor)
