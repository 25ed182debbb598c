"""The checks for what a writer can only invent."""

from typing import Final

from filters.check import TextCheck
from filters.document.facts.citations import CitationsCheck
from filters.document.facts.dates import DatesCheck
from filters.document.facts.links import LinksCheck
from filters.document.facts.statistics import StatisticsCheck

CHECKS: Final[tuple[type[TextCheck], ...]] = (LinksCheck, CitationsCheck, DatesCheck, StatisticsCheck)
