"""References to literature, which a writer can only invent."""

import re

from filters.density import DensityCheck
from filters.view import View

_NAME = r"[A-Z][\w'’-]{1,30}"
_CITATION = re.compile(
    rf"\({_NAME}(?: (?:et al\.?|(?:and|&) {_NAME}))?,? (?:19|20)\d{{2}}[a-z]?(?:; [^)]{{1,120}})?\)|"
    rf"\b{_NAME}(?: (?:and|&) {_NAME}| et al\.?)? \((?:19|20)\d{{2}}[a-z]?\)|\barXiv:\s?\d{{4}}\.\d+|"
    r"(?<=\w)\s?\[\d{1,3}(?:, ?\d{1,3})*\](?!\()|^\[\d{1,3}\] |\b(?:vol|pp)\. ?\d+",
    re.MULTILINE,
)


class CitationsCheck(DensityCheck):
    """Author-year and numbered references, and the marks of a bibliography."""

    name = "citations"

    def find(self, view: View) -> list[str]:
        """Citations, as they stand."""
        found = [match.group().strip() for match in _CITATION.finditer(view.numeric)]
        return found + ["et al"] * (view.lower.count(" et al") - sum("et al" in citation for citation in found))
