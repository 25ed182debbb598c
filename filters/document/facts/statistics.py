"""Invented figures: percentages, sample sizes, odds and sums that the spec does not have; a price is no figure."""

import re

from filters.context import Context
from filters.document.facts.density import DensityCheck
from filters.document.facts.settings import Statistics
from filters.text.view import View

_FIGURE = re.compile(
    r"(?<![\w.])\d+(?:[.,]\d+)? ?(?:%|percent\b|per cent\b|percentage points?\b)|\b[nN] ?= ?\d+|\bp ?[<=] ?0?\.\d+|"
    r"\b\d+(?:,\d{3})* (?:out of|in every) (?:every )?\d+|(?<![\w.])\d+(?:\.\d+)?(?:x|-fold)\b|"
    r"[$€£](?:\d{1,3}(?:,\d{3})+|\d{3,}|\d[\d.]*(?= ?(?:million|billion|thousand|k|m|bn)\b))[\d,.]*"
    r"(?: ?(?:million|billion|thousand|k|m|bn)\b)?"
)


class StatisticsCheck(DensityCheck):
    """Figures beyond what a text of this length may have; the spec's own are not counted."""

    name = "statistics"
    model = Statistics

    def __init__(self, settings: Statistics, context: Context) -> None:
        super().__init__(settings, context)
        self.known = frozenset(match.group() for match in _FIGURE.finditer(context.spec))

    def find(self, view: View) -> list[str]:
        """Figures, as they stand."""
        return [found for match in _FIGURE.finditer(view.numeric) if (found := match.group()) not in self.known]
