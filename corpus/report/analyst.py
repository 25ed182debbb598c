"""What the report wants to know of texts and does not find out itself: the filters, in a package above, can."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from corpus.report.health import Health

Vectors = npt.NDArray[np.float32]
Embed = Callable[[list[str]], Vectors]
"""Texts to unit vectors."""
Watch = Callable[[str, int, int], None]
"""Told what is done, how many of it, and of how many."""

_AT_ONCE = 64  # texts that are embedded between two signs of life


@dataclass(frozen=True, slots=True)
class Sampled:
    """A kept document of the sample that is looked at."""

    id: str
    title: str
    genre: str
    text: str


@dataclass(frozen=True, slots=True)
class Shared:
    """A phrase, a name, an opening, an ending or a title (its kind) that so many documents of the sample have."""

    kind: str
    text: str
    documents: int


class Analyst(Protocol):
    """Looks at a sample of texts, as `filters.measure.analyst` does. `embed` is None where no map is wanted."""

    embed: Embed | None

    def shared(self, sample: Sequence[Sampled], spec: str, known: Sequence[str]) -> list[Shared]:
        """What documents share beyond the spec's own words and the `known` names, the most shared first."""
        ...

    def health(self, sample: Sequence[Sampled], spec: str) -> list[Health]:
        """Figures of the texts."""
        ...


def watched(embed: Embed, watch: Watch) -> Embed:
    """The same, some texts at a time, so that a slow embedder shows how far it is."""

    def embed_some(texts: list[str]) -> Vectors:
        found = []
        for start in range(0, len(texts), _AT_ONCE):
            watch("embedding texts", start, len(texts))
            found.append(embed(texts[start : start + _AT_ONCE]))
        watch("placing them", 0, len(texts))
        return np.concatenate(found)

    return embed_some
