"""What is kept of a text once it is read: enough to find its duplicates among millions, a kilobyte a text."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from filters.context import Context
from filters.duplicates.content import Content, Contents
from filters.duplicates.exact import fingerprint_of
from filters.duplicates.near import NearDuplicates
from filters.duplicates.overused import KINDS, features
from filters.duplicates.phrases import Phrases, Prints
from filters.duplicates.survivor_rank import Rank, rank
from filters.settings import FilterSettings
from filters.text.people import Mark, People
from filters.text.static import STATIC, Vectors, static_words
from filters.text.view import View


@dataclass(slots=True)
class Sketches:
    """Sketches of texts, a column each; all columns have the same length, but for stages that are off."""

    ids: list[str] = field(default_factory=list)
    ranks: list[Rank] = field(default_factory=list)
    prints: list[bytes] = field(default_factory=list)
    shared: list[list[Mark]] = field(default_factory=list)  # opening, ending, title, people
    phrases: list[Prints] = field(default_factory=list)
    heads: list[str] = field(default_factory=list)  # where a model is still to embed them
    signatures: list[npt.NDArray[np.uint32]] = field(default_factory=list)
    vectors: list[Vectors] = field(default_factory=list)
    contents: list[Content] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)  # writer and genre
    words: dict[int, str] = field(
        init=False, default_factory=dict
    )  # no column: the words of phrases that many texts may have

    def take(self, rows: Sequence[int]) -> "Sketches":
        """These rows, in this order."""
        taken = Sketches(*([column[row] for row in rows] if column else [] for column in self._columns()))
        taken.words = self.words
        return taken

    def extend(self, other: "Sketches") -> None:
        """Append another shard's."""
        for mine, more in zip(self._columns(), other._columns(), strict=True):
            mine.extend(more)
        self.words.update(other.words)

    def ordered(self) -> "Sketches":
        """In the order in which texts survive, whatever order they came in."""
        return self.take(sorted(range(len(self.ids)), key=self.ranks.__getitem__))

    def _columns(self) -> list[list[Any]]:
        return [
            self.ids, self.ranks, self.prints, self.shared, self.phrases, self.heads, self.signatures, self.vectors,
            self.contents, self.groups,
        ]  # fmt: skip


class Sketcher:
    """Makes sketches for the stages that are on."""

    def __init__(self, settings: FilterSettings, context: Context) -> None:
        self.settings = settings
        self.near = NearDuplicates(settings.near)
        self.people = People(context.assistant, context.spec, settings.overused.allow)
        self.contents = Contents()
        self.phrases = Phrases(settings.overused.phrase_words, context.spec)

    def add(self, view: View, to: Sketches) -> None:
        """Append one text's."""
        settings = self.settings
        to.ids.append(view.item.id)
        to.ranks.append(rank(view.item))
        to.prints.append(fingerprint_of(view.words, view.item.text))
        if settings.overused.action != "off":
            edges = zip(KINDS, features(view, settings.overused.words), strict=True)
            to.shared.append([mark for mark in (*edges, *self.people.marks(view)) if mark[1]])
            to.phrases.append(self.phrases.prints(view))
            to.words = self.phrases.words
        if settings.near.action != "off":
            to.signatures.append(self.near.signature_of(view))
        if settings.semantic.action != "off":
            to.contents.append(self.contents.signature(view))
            to.groups.append(f"{view.item.meta.get('writer') or ''}/{view.item.genre}")
        if settings.semantic.action != "off" and settings.semantic.document_embedder == STATIC:
            to.vectors.append(static_words().embed_view(view))
        elif settings.semantic.action != "off":
            to.heads.append(" ".join(view.item.text[: settings.semantic.words * 40].split()[: settings.semantic.words]))
