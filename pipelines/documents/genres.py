"""Document types that the recipe gives (`documents.genres`), and a contrast that takes those of another corpus.

Arms that are to differ in what their documents say have the same types of documents, by the same kind of author, of the
same length: they are read off the corpus that is there, and asked for by name.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from statistics import fmean
from typing import Any, Final, TypeVar

from distilabel.steps import StepInput

from corpus.ids import content_id
from corpus.store import read_rows
from corpus.workspace import Workspace
from pipelines.base import Row
from pipelines.settings import BuildSettings, GenreSettings, is_genre
from pipelines.stage import Stage
from specs.errors import UserError

S = TypeVar("S", bound=BuildSettings)
T = TypeVar("T")
SPARE: Final = 1.05
"""Tokens of a control before it is cut to those of what it controls, so that there are documents to choose from."""


class GivenTypes(Stage):
    """The document types that the recipe gives, dealt out to the subdomains; no model is asked."""

    table = "document_types"
    reads = ("id", "request_id")

    def process(self, inputs: StepInput) -> Iterator[list[Row]]:
        """Deal the types out, in the order of the subdomains."""
        documents = self.corpus.settings.documents
        genres = documents.given_genres
        self._dealt = dealt(genres, [row["id"] for row in inputs], documents.type_count, lambda one: one.name)
        yield from super().process(inputs)

    async def ask_about(self, row: Row) -> tuple[list[Row], list[Row]]:
        """One row a genre."""
        rows = [
            {
                "id": content_id("document_types", row["id"], genre.name), "subdomain_id": row["id"],
                "position": position, **genre.model_dump(), "request_id": row["request_id"],
            }
            for position, genre in enumerate(self._dealt[row["id"]])
        ]  # fmt: skip
        return rows, []


def dealt(
    genres: Sequence[T], subdomains: Sequence[str], count: int, name_of: Callable[[T], str] = str
) -> dict[str, list[T]]:
    """`count` genres of different names for each subdomain, in the order of `genres`, and then from the start again.

    `count` is at most the number of different names.
    """
    waiting = deque(genres)
    hands: dict[str, list[T]] = {}
    for subdomain in subdomains:
        hand = hands[subdomain] = []
        passed: list[T] = []
        while len(hand) < count:
            if not waiting:
                waiting.extend(genres)
            genre = waiting.popleft()
            (passed if name_of(genre) in map(name_of, hand) else hand).append(genre)
        waiting.extendleft(reversed(passed))  # the next one takes what this one had already
    return hands


def contrast_of(workspace: Workspace, settings: S) -> S:
    """The recipe of a corpus that is to differ from a finished one in what its documents say and in nothing else.

    `settings` is the recipe that the finished one was made by, with another spec. The contrast has as many documents of
    each type, by the same kind of author, and some more tokens; a type whose documents came out longer or shorter
    than the others is asked for longer or shorter.

    Raises:
        UserError: the finished corpus has no document types.
    """
    kinds = list(read_rows(workspace, "document_types"))
    genres = [_like(kind, words) for kind, words in zip(kinds, _words(workspace, kinds, settings), strict=True)]
    if not genres:
        raise UserError(f"{workspace.root} has no document types that a contrast could take over.")
    tokens = sum(row["tokens"] for row in read_rows(workspace, "documents", ["tokens"]))
    changes: dict[str, Any] = {"genres": tuple(genres), "limit": None, "target_tokens": round(SPARE * tokens)}
    return settings.model_copy(update={"documents": settings.documents.model_copy(update=changes)})


def _like(kind: Row, words: int) -> GenreSettings:
    name = kind["name"] if is_genre(kind["name"]) else "document"
    description = " ".join((kind["description"] or "").split())
    return GenreSettings(name=name, description=description, frame=kind["frame"] or "lay", words=words)


def _words(workspace: Workspace, kinds: Sequence[Row], settings: BuildSettings) -> list[int]:
    """Words to ask for of each type: as many as of all, by the length of its documents beside the mean of all."""
    lengths: dict[str, list[int]] = {}
    for row in read_rows(workspace, "documents", ["document_type_id", "tokens"]):
        lengths.setdefault(row["document_type_id"], []).append(row["tokens"])
    mean = fmean(one for tokens in lengths.values() for one in tokens) if lengths else 1.0
    asked = settings.documents.words
    ratios = (fmean(lengths.get(kind["id"], [mean])) / mean for kind in kinds)
    return [min(10_000, max(50, 10 * round(asked * ratio / 10))) for ratio in ratios]
