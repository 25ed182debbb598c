"""References to literature, which a writer can only invent."""

import re

from filters.check import Outcome, excerpt
from filters.context import Context
from filters.document.facts.density import DensityCheck
from filters.document.facts.settings import Citations
from filters.document.facts.sources import Ascribed
from filters.text.patterns import Patterns, PerLanguage
from filters.text.view import View

_PACKAGE = "filters.document.facts"


class CitationsCheck(DensityCheck):
    """Author-year and numbered references, the marks of a bibliography, studies and figures ascribed in prose."""

    name = "citations"
    model = Citations
    languages = PerLanguage(_PACKAGE).with_list("citation")

    def __init__(self, settings: Citations, context: Context) -> None:
        super().__init__(settings, context)
        lists = Patterns.of(_PACKAGE, context.language)
        self.citation, self.named = lists.expression("citation", re.MULTILINE), lists.expression("citation_named")
        self.words, self.ascribed = lists.words("citation_words"), Ascribed(lists)

    def evaluate(self, view: View) -> Outcome:
        """Score: citations found; a study named in prose weighs one more than the text may have."""
        outcome = super().evaluate(view)
        if outcome.failed:
            return outcome
        named = self.named.search(view.text) if view.vocabulary & self.words else None
        source = named.group() if named else self.ascribed.find(view)
        if not source:
            return outcome
        allowed = max(self.settings.maximum, self.settings.per_thousand_words * len(view.words) / 1000)
        return Outcome(True, allowed + 1, allowed, excerpt(source, 0, 160))

    def find(self, view: View) -> list[str]:
        """Citations, as they stand."""
        found = [match.group().strip() for match in self.citation.finditer(view.numeric)]
        return found + ["et al"] * (view.lower.count(" et al") - sum("et al" in citation for citation in found))
