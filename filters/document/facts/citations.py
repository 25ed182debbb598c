"""References to literature, which a writer can only invent."""

import re

from filters.check import Outcome, excerpt
from filters.document.facts.density import DensityCheck
from filters.document.facts.settings import Citations
from filters.document.facts.sources import ascribed
from filters.text.view import View

_NAME = r"[A-Z][\w'’-]{1,30}"
_CITATION = re.compile(
    rf"\({_NAME}(?: (?:et al\.?|(?:and|&) {_NAME}))?,? (?:19|20)\d{{2}}[a-z]?(?:; [^)]{{1,120}})?\)|"
    rf"\b{_NAME}(?: (?:and|&) {_NAME}| et al\.?)? \((?:19|20)\d{{2}}[a-z]?\)|\barXiv:\s?\d{{4}}\.\d+|"
    r"(?<=\w)\s?\[\d{1,3}(?:, ?\d{1,3})*\](?!\()|^\[\d{1,3}\] |\b(?:vol|pp)\. ?\d+",
    re.MULTILINE,
)
_SOURCES = frozenset(["study", "studies", "paper", "trial", "journal", "survey", "researchers", "findings"])
_TITLE = r"(?:[A-Z][\w-]+ (?:(?:of|on|for|and) )?){0,3}"
_STUDY = (
    r"\b(?:[Ss]tudy|[Pp]aper|[Aa]rticle|[Tt]rial|[Ss]urvey|[Rr]esearch(?:ers)?|[Ff]indings?|[Pp]ublished|[Pp]rinted)\b"
)
_NAMED = re.compile(  # told in prose, with a source of its own name, which is invented whole
    r"\b[Aa]n? (?:recent |large |small )?(?:19|20)\d{2} (?:study|paper|trial|meta-analysis|survey (?:by|from))\b|"
    rf"{_STUDY}[^.!?\n]{{0,40}}\bin (?:the )?{_TITLE}(?:Journal|Proceedings|Annals|Transactions) (?:of|on|for)\b|"
    rf"{_STUDY} (?:by|of|from) (?:Dr|Prof|Professor)\b\.? [A-Z]|"
    rf"{_STUDY} (?:at|by|from) (?:the )?(?:University of [A-Z]|{_TITLE}University\b)"
)


class CitationsCheck(DensityCheck):
    """Author-year and numbered references, the marks of a bibliography, studies and figures ascribed in prose."""

    name = "citations"
    model = Citations
    languages = ("en",)

    def evaluate(self, view: View) -> Outcome:
        """Score: citations found; a study named in prose weighs one more than the text may have."""
        outcome = super().evaluate(view)
        if outcome.failed:
            return outcome
        named = _NAMED.search(view.text) if view.vocabulary & _SOURCES else None
        source = named.group() if named else ascribed(view)
        if not source:
            return outcome
        allowed = max(self.settings.maximum, self.settings.per_thousand_words * len(view.words) / 1000)
        return Outcome(True, allowed + 1, allowed, excerpt(source, 0, 160))

    def find(self, view: View) -> list[str]:
        """Citations, as they stand."""
        found = [match.group().strip() for match in _CITATION.finditer(view.numeric)]
        return found + ["et al"] * (view.lower.count(" et al") - sum("et al" in citation for citation in found))
