"""The writer about its own text, below it: notes on how it was made, and offers to change it.

No single phrase tells. A recipe has notes and a letter has an offer; only a writer speaks, in one last paragraph, of
the text as a text, of its own choices, and of what it was asked to show.
"""

import re

from filters.check import excerpt
from filters.text.patterns import PerLanguage
from filters.text.view import View

_PACKAGE = "filters.document.writer"
_FAMILIES = ("text", "choice", "task", "manner")  # of what a writer says of its work; a mark of a family counts once
_RULE = re.compile(r"\n\s*(?:-{3,}|\*{3,}|_{3,}|={3,}|(?:\* ){2,}\*)\s*\n")
_TAIL = 1_500
_SPEECH = re.compile(r"\s*(?:>|\**[\w .']{1,30}:\**|[\"“])")
_NEEDED, _NEEDED_APART = 3, 2  # families that must be there; in a paragraph that is set apart by a rule or a label


class Asides:
    """Finds the paragraph in which a writer speaks of its text at the end of it."""

    def __init__(self, language: str) -> None:
        lists = PerLanguage(_PACKAGE).nearest(language, "aside_text")
        self.families = [lists.expression(f"aside_{family}") for family in _FAMILIES]
        self.label = lists.expression("aside_label")
        self.offer, self.change = (lists.expression(f"aside_{name}", form=r"\b{}\b") for name in ("offer", "change"))
        self.signed = lists.expression("letter_end", form=r"\n\W*{}\b[^\n]{0,40}(?:\n[^\n]{1,60}){0,3}\n\n")

    def find(self, view: View) -> str:
        """The paragraph, or nothing."""
        tail = "\n\n" + view.lower[-_TAIL:].rstrip() + "\n\n"
        rules = list(_RULE.finditer(tail))
        apart = tail[rules[-1].end() :].strip() if rules else ""
        if apart and (self._notes(apart, _NEEDED_APART) or self._offers(apart)):
            return excerpt(apart)
        paragraphs = [part.strip() for part in tail.split("\n\n") if part.strip()]
        last = paragraphs[-1] if len(paragraphs) > 1 else ""
        for paragraph in paragraphs[-3:-1]:
            if self.label.match(paragraph) and self._notes(paragraph, _NEEDED_APART):
                return excerpt(paragraph)
        if last and self._notes(last, _NEEDED_APART if self.label.match(last) else _NEEDED):
            return excerpt(last)
        return self._offer_behind(tail)

    def _offer_behind(self, tail: str) -> str:
        """An offer below a letter's end."""
        behind = [match.end() for match in self.signed.finditer(tail)]
        rest = tail[behind[-1] :].strip() if behind else ""
        return excerpt(rest) if rest and self._offers(rest) else ""

    def _notes(self, paragraph: str, needed: int) -> bool:
        if _SPEECH.match(paragraph) and not self.label.match(paragraph):
            return False
        lacking = len(self.families) - needed
        for family in self.families:
            lacking -= family.search(paragraph) is None
            if lacking < 0:
                return False
        return True

    def _offers(self, paragraph: str) -> bool:
        """Whether somebody offers to change the text: an offer, and two different things that only a text has."""
        if _SPEECH.match(paragraph) or not self.offer.search(paragraph):
            return False
        return len({match.group() for match in self.change.finditer(paragraph)}) >= 2
