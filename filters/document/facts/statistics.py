"""Invented statistics: a figure with a source that a writer can only invent, in one sentence.

A story's prices, a roof's slope, the shares of somebody's own savings are a document's own matter and no claim.
"""

import re

from filters.check import Outcome, excerpt
from filters.clauses.found import LANGUAGES, STATISTIC, Clauses
from filters.context import Context
from filters.document.facts.density import DensityCheck
from filters.document.facts.settings import Statistics
from filters.text.gates import Gate, Marks
from filters.text.patterns import Patterns, PerLanguage
from filters.text.view import View

_PACKAGE = "filters.document.facts"
_STOP = re.compile(r"[.!?][\"')\]*_]{0,3}\s+(?=[\"'(\[*_]{0,3}\w)")
_DIGIT = re.compile(r"\d")
_FIGURES = Marks(  # one stands in whatever figure has no digit
    "percent", "per cent", "pour cent", "prozent", "ofold", "efold", "rfold", "nfold", "-fold", "times ", "thirds",
    "quarters", "fifths", "tenths", "out of ", "in ten", "in nine", "in eight", "in seven", "in six", "in five",
    "in four", "in three", "in twenty", "in a hundred", "in every ", "drittel", "viertel", " von ", "doppelt", "mal so",
    "quarts", "tiers", "deux", "trois", " sur ", "fois", "moiti",
)  # fmt: skip


class StatisticsCheck(DensityCheck):
    """Sentences with a figure and its source; a figure that the spec has too is none."""

    name = "statistics"
    model = Statistics
    languages = PerLanguage(_PACKAGE).with_list("source")

    def __init__(self, settings: Statistics, context: Context) -> None:
        super().__init__(settings, context)
        lists = Patterns.of(_PACKAGE, context.language)
        self.figure, self.source = lists.compiled("figure"), lists.compiled("source")
        self.sample = lists.compiled("sample") if "sample" in lists else None
        self.population = lists.compiled("population") if "population" in lists else None
        self.known = frozenset(match.group() for match in self.figure.finditer(context.spec.lower()))
        self.clauses = Clauses(context) if context.language in LANGUAGES and not context.neutral else None
        self.sources = Gate(*filter(None, (self.source, self.sample, self.population)))

    def evaluate(self, view: View) -> Outcome:
        """Score: claims, else of the likeliest sentence with a figure that the model of clauses takes for one."""
        found = super().evaluate(view)
        if found.failed or self.clauses is None:
            return found
        clause = self.clauses.find(view, STATISTIC)
        return Outcome(True, clause.score, STATISTIC.limit, excerpt(clause.text, 0, 160)) if clause else found

    def find(self, view: View) -> list[str]:
        """Claims, as they stand; a sentence counts once."""
        marks = _FIGURES.present(view)
        if not (marks or view.has_digit) or not self.sources.open(view):
            return []
        lines = (line for line in view.lower.split("\n") if _has_figure(line, marks))
        return [sentence for line in lines for sentence in _STOP.split(line) if self._claims(sentence, marks)]

    def _claims(self, sentence: str, marks: list[str]) -> bool:
        """Whether a sentence tells a figure that its source found."""
        if not _has_figure(sentence, marks):
            return False
        digit = _DIGIT.search(sentence)
        if digit and self.sample is not None and self.sample.search(sentence):
            return True
        figures = {match.group() for match in self.figure.finditer(sentence)} - self.known
        if not figures:
            return False
        of_people = self.population is not None and self.population.search(sentence) is not None
        return of_people or self.source.search(sentence) is not None


def _has_figure(piece: str, marks: list[str]) -> bool:
    return any(mark in piece for mark in marks) or _DIGIT.search(piece) is not None
