"""Calendar dates: a writer's invented days cluster on the day of generation (docs/method.md, 5.8)."""

import re

from filters.check import PASSED, Outcome
from filters.context import Context
from filters.document.facts.density import DensityCheck
from filters.document.facts.settings import Dates
from filters.text.patterns import Patterns
from filters.text.view import View

_EN = Patterns.of("filters.document.facts", "en")
_DATE, _DAY_FIRST = _EN.expression("date"), _EN.expression("date_day_first")
_NUMERIC = re.compile(r"\b\d{4}[-/]\d{1,2}[-/]\d{1,2}\b|\b\d{1,2}[./-]\d{1,2}[./-](?:19|20)\d{2}\b")
_YEAR = _EN.expression("date_year")
_STAMP = _EN.expression("date_stamp")
_TIME = re.compile(r"\b\d{1,2}[:.]\d\d(?::\d\d)?(?: ?[ap]\.?m\b| ?[A-Z]{3}\b|Z\b)|\d\d:\d\d")
_DIGIT = re.compile(r"\d")
_SENTENCE = 5  # words of a line from which on it tells something
_MONTHS = _EN.words("month_words")


class DatesCheck(DensityCheck):
    """Dates beyond what a text of this length may have, outside the genres that live by them."""

    name = "dates"
    model = Dates
    languages = ("en",)

    def __init__(self, settings: Dates, context: Context) -> None:
        super().__init__(settings, context)
        words = "|".join(re.escape(word) for word in settings.exempt_genres)
        self.exempt = re.compile(rf"\b(?:{words})s?\b", re.IGNORECASE) if words else None

    def evaluate(self, view: View) -> Outcome:
        """Score: dates found."""
        if self.exempt and self.exempt.search(view.item.genre):
            return PASSED
        return super().evaluate(view)

    def find(self, view: View) -> list[str]:
        """Dates, months with a year, quarters and years, in what the text tells; its stamps are not looked at."""
        if not view.has_digit:
            return []
        patterns = [_NUMERIC, _YEAR]
        if view.vocabulary & _MONTHS:
            patterns += [_DATE, _DAY_FIRST]
        told = "\n".join(line for line in view.lines if not _stamped(line))
        places = {m.start(): m.group() for p in patterns for m in p.finditer(told)}
        return [places[start] for start in sorted(places)]


def _stamped(line: str) -> bool:
    """Whether a line is a stamp, or opens with one: of a ticket, a thread, a mail, a log, a plan, a table."""
    return not _DIGIT.search(line) or len(line.split()) < _SENTENCE or bool(_STAMP.match(line) or _TIME.search(line))
