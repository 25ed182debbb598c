"""Calendar dates: a writer's invented days cluster on the day of generation (docs/method.md, 5.8)."""

import re

from filters.check import PASSED, Outcome
from filters.context import Context
from filters.document.facts.density import DensityCheck
from filters.document.facts.settings import Dates
from filters.text.view import View

_MONTH = (
    r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?|"
    r"Nov(?:ember)?|Dec(?:ember)?)\.?"
)
_DATE = re.compile(
    rf"\b{_MONTH} \d{{1,2}}(?:st|nd|rd|th)?(?:,? \d{{4}})?\b|\b{_MONTH},? \d{{4}}\b|\bQ[1-4],? \d{{4}}\b"
)
_DAY_FIRST = re.compile(rf"\b\d{{1,2}}(?:st|nd|rd|th)?(?: of)? {_MONTH}(?:,? \d{{4}})?\b")
_NUMERIC = re.compile(r"\b\d{4}[-/]\d{1,2}[-/]\d{1,2}\b|\b\d{1,2}[./-]\d{1,2}[./-](?:19|20)\d{2}\b")
_YEAR = re.compile(
    r"\b(?:in|since|of|by|during|until|from|early|late|mid|spring|summer|fall|autumn|winter) (?:19|20)\d{2}\b"
)
_STAMP = re.compile(  # a line's head: marks, one or two words ("On", "Posted:"), and a date
    rf"[\W_]*(?:[\w#.'’-]+[:,.)\]]?[\W_]{{1,3}}){{0,3}}(?:{_MONTH} \d|\d{{1,2}}(?:st|nd|rd|th)?(?: of)? {_MONTH}\b|"
    r"(?:19|20)\d\d[-/.]\d|\d{1,2}[./-]\d{1,2}[./-]\d\d)(?![\d,. /-]* [a-z])|[|>]"
)
_TIME = re.compile(r"\b\d{1,2}[:.]\d\d(?::\d\d)?(?: ?[ap]\.?m\b| ?[A-Z]{3}\b|Z\b)|\d\d:\d\d")
_DIGIT = re.compile(r"\d")
_SENTENCE = 5  # words of a line from which on it tells something
_MONTHS = frozenset(
    re.findall(
        r"\w+",
        "january february march april may june july august september october november december "
        "jan feb mar apr jun jul aug sep sept oct nov dec q1 q2 q3 q4",
    )
)


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
