"""Base of the checks that count findings and allow some, more in a longer text."""

from abc import abstractmethod

from filters.check import Outcome, TextCheck, at_most, excerpt
from filters.document.facts.settings import Density
from filters.text.view import View


class DensityCheck(TextCheck):
    """Rejects where the findings are more than an absolute number and more than a number per 1,000 words."""

    settings: Density

    @abstractmethod
    def find(self, view: View) -> list[str]:
        """What is counted, as it stands in the text."""

    def evaluate(self, view: View) -> Outcome:
        """Score: findings; the threshold is what a text of this length may have."""
        found = self.find(view)
        allowed = max(self.settings.maximum, self.settings.per_thousand_words * len(view.words) / 1000) if found else 0
        return at_most(len(found), allowed, excerpt(" | ".join(found[:5]), 0, 200))
