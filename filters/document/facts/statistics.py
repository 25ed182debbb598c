"""Invented statistics: a figure with a source that a writer can only invent, in one sentence.

A story's prices, a roof's slope, the shares of somebody's own savings are a document's own matter and no claim.
"""

import re

from filters.document.facts.density import DensityCheck
from filters.settings import Density
from filters.text.phrases import phrases
from filters.text.view import View

_STOP = re.compile(r"(?<=[.!?])[\"')\]*_]{0,3}\s+(?=[\"'(\[*_]{0,3}\w)|\n+")
_FIGURE_LIKE = re.compile(r"\d|per ?cent|prozent|pour cent|fold\b|times|two|three|ten\b|drei|viertel|drittel|zehn|quarts|tiers")



class StatisticsCheck(DensityCheck):
    """Sentences with a figure and its source; a figure that the spec has too is none."""

    name = "statistics"

    def __init__(self, settings: Density, spec: str, code: str = "en") -> None:
        super().__init__(settings)
        self.lists = phrases("filters.document.facts", "claims", code)
        figure = self.lists.get("figure")
        self.whole = [self.lists[name] for name in ("sample", "population") if name in self.lists]
        self.known = frozenset(match.group() for match in figure.finditer(spec.lower())) if figure else frozenset()

    def find(self, view: View) -> list[str]:
        """Claims, as they stand; a sentence counts once."""
        if not self.lists:
            return []
        return [sentence for sentence in _STOP.split(view.lower) if self._claims(sentence)]

    def _claims(self, sentence: str) -> bool:
        """Whether a sentence tells a figure that its source found."""
        if not _FIGURE_LIKE.search(sentence):
            return False
        if any(pattern.search(sentence) for pattern in self.whole):
            return True
        figures = (match.group() for match in self.lists["figure"].finditer(sentence))
        return any(figure not in self.known for figure in figures) and bool(self.lists["source"].search(sentence))
