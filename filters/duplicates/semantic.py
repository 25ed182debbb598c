"""Semantic duplicates: texts that say the same in other words, by the cosine of their embeddings.

Loading a model takes seconds, and most small sets hold nothing that is worth asking it about. So the static words,
which are distilled from the default model, say first which texts lie near each other; the model reads only those.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from filters.base import Item, Rejection, Watch
from filters.duplicates.cells import cells_of
from filters.duplicates.content import beyond_chance, shared
from filters.duplicates.settings import Semantic
from filters.duplicates.survivor_rank import ranked
from filters.text.embeddings import embedder
from filters.text.static import DISTILLED_FROM, STATIC, Vectors

_BLOCK = 1024
_TOLD = 512  # texts that are embedded between two signs of life; a model's batches are cut from within
_PRIOR = 50  # texts as which the corpus counts in the mean of a writer and genre: a few texts have no tone of their own
_NEAR = 0.75
"""Cosine of static words from which the model is asked. 98% of the pairs that MiniLM puts at 0.91 and more lie above,
and 0.2% of all pairs of short texts (design/filters.md)."""
_LEAST_THRESHOLD = 0.9  # pairs that the model puts lower may lie anywhere for the static words


class SemanticDuplicates:
    """A text goes if its cosine to a better-ranked survivor reaches the threshold."""

    name = "semantic"

    def __init__(
        self, settings: Semantic, model: str, threshold: float, *, centred: bool, watch: Watch | None = None
    ) -> None:
        self.settings, self.model, self.threshold, self.centred = settings, model, threshold, centred
        self.watch = watch

    @classmethod
    def of_texts(cls, settings: Semantic, watch: Watch | None = None) -> "SemanticDuplicates":
        """For ideas and queries; `watch` is told how many have been embedded."""
        return cls(settings, settings.embedder, settings.threshold, centred=False, watch=watch)

    @classmethod
    def of_documents(cls, settings: Semantic) -> "SemanticDuplicates":
        """For documents. They lie the closer together the longer they are and the more they have in common, so the
        mean of the corpus is taken off first: measured, unrelated documents then stay below 0.7 at any length.
        """
        return cls(settings, settings.document_embedder, settings.document_threshold, centred=True)

    def __call__(self, items: list[Item]) -> list[Rejection]:
        """A rejection for every item that says what a survivor says."""
        order = ranked(items)
        if not self.centred and self.model == DISTILLED_FROM and self.threshold >= _LEAST_THRESHOLD:
            order = _near_another(order)
        if len(order) < 2:
            return []
        return self.among([item.id for item in order], self.embed([item.text for item in order]))

    def embed(self, texts: list[str]) -> Vectors:
        """Unit vectors (texts, dimensions)."""
        embed, tell = embedder(self.model, self.settings.batch), self.watch or (lambda done, total: None)
        found = []
        for start in range(0, max(1, len(texts)), _TOLD):  # whoever watches: the last bits depend on what is beside
            tell(start, len(texts))
            found.append(embed(texts[start : start + _TOLD]))
        tell(len(texts), len(texts))
        return np.concatenate(found)

    def among(
        self,
        ids: list[str],
        vectors: Vectors,
        contents: npt.NDArray[np.uint16] | None = None,
        groups: Sequence[str] = (),
    ) -> list[Rejection]:
        """The same over ids and unit vectors in the order of rank.

        `contents` are signatures of the texts' words (content.py), a second witness; `groups` are their writers and
        genres, whose tone is taken off.

        The mean and the cells depend on the choice of texts: repeated until a pass finds nothing, so that what
        survives once survives again.
        """
        rows = np.arange(len(ids))
        limit = beyond_chance(contents) if contents is not None else 0.0
        rejections: list[Rejection] = []
        while True:
            mine = [groups[int(row)] for row in rows] if groups else []
            chosen = _centred(vectors[rows], mine) if self.centred else vectors[rows]
            witness = None if contents is None else _Witness(contents[rows], limit)
            gone = self._pass(chosen, cells_of(chosen, self.settings.cell), witness)
            gone = _without_hubs(gone, witness, self.settings.hub)
            rejections += [self._rejection(ids[rows[row]], ids[rows[other]], cosine) for row, other, cosine in gone]
            rows = np.delete(rows, [row for row, _, _ in gone])
            if not gone:
                return rejections

    def _pass(
        self, vectors: Vectors, cells: npt.NDArray[np.int32], witness: "_Witness | None"
    ) -> list[tuple[int, int, float]]:
        """(row, survivor, cosine) for each row that repeats a survivor in one of its cells."""
        kept = [_Survivors(int(size), vectors.shape[1]) for size in np.bincount(cells.ravel())]
        gone: list[tuple[int, int, float]] = []
        for start in range(0, len(vectors), _BLOCK):
            block = np.arange(start, min(start + _BLOCK, len(vectors)))
            best, who = self._nearest_kept(vectors, cells, block, kept, witness)
            for row in block[best >= self.threshold]:
                gone.append((int(row), int(who[row - start]), float(best[row - start])))
            open_rows = block[best < self.threshold]
            repeated: set[int] = set()
            gone += self._within(vectors, open_rows, repeated, witness)
            staying = open_rows[[row not in repeated for row in open_rows.tolist()]]
            for cell in np.unique(cells[staying]):
                mine = staying[(cells[staying] == cell).any(axis=1)]
                kept[cell].add(mine, vectors[mine])
        return gone

    def _nearest_kept(
        self,
        vectors: Vectors,
        cells: npt.NDArray[np.int32],
        block: npt.NDArray[np.int64],
        kept: list["_Survivors"],
        witness: "_Witness | None",
    ) -> tuple[Vectors, npt.NDArray[np.int64]]:
        """For each row of the block its nearest survivor so far: the cosine and the row."""
        best = np.full(len(block), -1.0, dtype=np.float32)
        who = np.full(len(block), -1, dtype=np.int64)
        for cell in np.unique(cells[block]):
            survivors = kept[cell]
            if not survivors.count:
                continue
            mine = np.flatnonzero((cells[block] == cell).any(axis=1))
            near = vectors[block[mine]] @ survivors.vectors[: survivors.count].T
            if witness is not None:
                witness.deny(near, self.threshold, block[mine], survivors.rows[: survivors.count])
            nearest = near.argmax(axis=1)
            cosines = near[np.arange(len(mine)), nearest]
            better = cosines > best[mine]
            best[mine[better]] = cosines[better]
            who[mine[better]] = survivors.rows[nearest[better]]
        return best, who

    def _within(
        self, vectors: Vectors, rows: npt.NDArray[np.int64], repeated: set[int], witness: "_Witness | None"
    ) -> list[tuple[int, int, float]]:
        """The same among the rows of one block, each against the survivors before it; fills `repeated`."""
        near = np.tril(vectors[rows] @ vectors[rows].T, -1)
        if witness is not None:
            witness.deny(near, self.threshold, rows, rows)
        found: list[tuple[int, int, float]] = []
        for place, other in zip(*np.nonzero(near >= self.threshold), strict=True):
            row, survivor = int(rows[place]), int(rows[other])
            if row not in repeated and survivor not in repeated:
                repeated.add(row)
                found.append((row, survivor, float(near[place, other])))
        return found

    def _rejection(self, item_id: str, survivor: str, cosine: float) -> Rejection:
        return Rejection(item_id, self.name, f"cosine {cosine:.3f}", cosine, self.threshold, survivor)


class _Survivors:
    """The survivors of one cell, side by side in memory: gathering them for every block would cost n * n."""

    def __init__(self, most: int, dimensions: int) -> None:
        self.count = 0
        self.rows = np.empty(most, dtype=np.int64)
        self.vectors: Vectors = np.empty((most, dimensions), dtype=np.float32)

    def add(self, rows: npt.NDArray[np.int64], vectors: Vectors) -> None:
        """Append; there is room for all rows of the cell."""
        end = self.count + len(rows)
        self.rows[self.count : end], self.vectors[self.count : end] = rows, vectors
        self.count = end


def _near_another(items: list[Item]) -> list[Item]:
    """Those of `items` with another near them for the static words, or without a word that those know."""
    if len(items) < 2:
        return []
    vectors = embedder(STATIC)([item.text for item in items])
    near = np.linalg.norm(vectors, axis=1) == 0
    for start in range(0, len(vectors), _BLOCK // 4):
        cosines = vectors[start : start + _BLOCK // 4] @ vectors.T
        np.fill_diagonal(cosines[:, start:], 0.0)
        near[start : start + _BLOCK // 4] |= (cosines >= _NEAR).any(axis=1)
    return [item for item, keep in zip(items, near.tolist(), strict=True) if keep]


class _Witness:
    """Whether texts that lie near each other share their words too."""

    def __init__(self, contents: npt.NDArray[np.uint16], limit: float) -> None:
        self.contents, self.limit = contents, limit

    def deny(self, near: Vectors, threshold: float, rows: npt.NDArray[np.int64], others: npt.NDArray[np.int64]) -> None:
        """Take away, from cosines (rows, others), those of pairs that are near each other and share too little."""
        one, other = np.nonzero(near >= threshold)
        alone = shared(self.contents[rows[one]], self.contents[others[other]]) < self.limit
        near[one[alone], other[alone]] = -1.0

    def surely(self, row: int, other: int) -> bool:
        """Whether two texts share so much that it does not matter how many others are near."""
        return bool(shared(self.contents[[row]], self.contents[[other]])[0] >= (1 + self.limit) / 2)


def _without_hubs(
    gone: list[tuple[int, int, float]], witness: _Witness | None, most: int
) -> list[tuple[int, int, float]]:
    """`gone` without what a text that is near to many would take away: it is near to them for its tone."""
    if witness is None:
        return gone
    taken = Counter(survivor for _, survivor, _ in gone)
    return [one for one in gone if taken[one[1]] <= most or witness.surely(one[0], one[1])]


def _centred(vectors: Vectors, groups: Sequence[str]) -> Vectors:
    """Unit vectors of what sets each text apart from the mean of all, and from that of its writer and genre."""
    apart = vectors - vectors.mean(axis=0)
    if len(set(groups)) > 1:
        _, member_of, sizes = np.unique(np.array(groups), return_inverse=True, return_counts=True)
        sums = np.zeros((len(sizes), vectors.shape[1]), dtype=np.float32)
        np.add.at(sums, member_of, apart)
        apart -= (sums / (sizes + _PRIOR)[:, None])[member_of]
    lengths = np.linalg.norm(apart, axis=1, keepdims=True)
    return np.asarray(apart / np.maximum(lengths, 1e-6), dtype=np.float32)
