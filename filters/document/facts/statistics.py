"""Invented statistics: a figure with a source that a writer can only invent, in one sentence.

A story's prices, a roof's slope, the shares of somebody's own savings are a document's own matter and no claim.
"""

import re

from filters.context import Context
from filters.document.facts.density import DensityCheck
from filters.document.facts.settings import Statistics
from filters.text.patterns import Patterns, PerLanguage
from filters.text.view import View

_PACKAGE = "filters.document.facts"
_STOP = re.compile(r"(?<=[.!?])[\"')\]*_]{0,3}\s+(?=[\"'(\[*_]{0,3}\w)|\n+")
_FIGURE_LIKE = re.compile(
    r"\d|per ?cent|prozent|pour cent|fold\b|times|two|three|ten\b|drei|viertel|drittel|zehn|quarts|tiers"
)


class StatisticsCheck(DensityCheck):
    """Sentences with a figure and its source; a figure that the spec has too is none."""

    name = "statistics"
    model = Statistics
    languages = PerLanguage(_PACKAGE).with_list("source")

    def __init__(self, settings: Statistics, context: Context) -> None:
        super().__init__(settings, context)
        lists = Patterns.of(_PACKAGE, context.language)
        self.figure, self.source = lists.compiled("figure"), lists.compiled("source")
        self.whole = [lists.compiled(name) for name in ("sample", "population") if name in lists]
        self.known = frozenset(match.group() for match in self.figure.finditer(context.spec.lower()))

    def find(self, view: View) -> list[str]:
        """Claims, as they stand; a sentence counts once."""
        return [sentence for sentence in _STOP.split(view.lower) if self._claims(sentence)]

    def _claims(self, sentence: str) -> bool:
        """Whether a sentence tells a figure that its source found."""
        if not _FIGURE_LIKE.search(sentence):
            return False
        if any(pattern.search(sentence) for pattern in self.whole):
            return True
        figures = (match.group() for match in self.figure.finditer(sentence))
        return any(figure not in self.known for figure in figures) and bool(self.source.search(sentence))
