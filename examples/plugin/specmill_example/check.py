"""A check of documents."""

import re

from pydantic import Field

from filters.base import CheckSettings
from filters.check import Outcome, TextCheck, at_most
from filters.text.view import View

_CAPITALS = re.compile(r"\b[A-Z]{4,}\b")


class Shouting(CheckSettings):
    """Words in capitals, which calm prose hardly has."""

    maximum: int = Field(3, ge=0, description="words of four capitals and more that a text may have")


class ShoutingCheck(TextCheck):
    """Counts words in capitals. Its name is its key in a recipe, and the entry point's."""

    name = "shouting"
    model = Shouting
    looks_at = ("documents",)

    def evaluate(self, view: View) -> Outcome:
        """Score: words in capitals."""
        found = _CAPITALS.findall(view.text)
        return at_most(len(found), self.settings.maximum, " ".join(found[:5]))
