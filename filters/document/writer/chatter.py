"""The writer's own talk around the document: "Sure! Here is the memo ...", notes on it, what it was wrapped in."""

import re

from filters.base import CheckSettings
from filters.check import PASSED, Outcome, TextCheck, at_most, excerpt
from filters.clauses import found as clauses
from filters.context import Context
from filters.document.writer.asides import Asides
from filters.document.writer.talk import LANGUAGES, Talk
from filters.document.writer.wrapping import wrapped
from filters.text.gates import Marks
from filters.text.patterns import PerLanguage
from filters.text.view import View

_PACKAGE = "filters.document.writer"
_SENTENCE = re.compile(r"(?<=[.!?])\s+")
_REMARKS = ("(", "[", "---")
_QUOTED = re.compile(r"^(?:>|[\w .'-]{1,40}:|\")")


class Chatter(TextCheck):
    """A first line that hands the document over, or a last one that offers more; speech and quotes are content."""

    name = "chatter"
    languages = LANGUAGES

    def __init__(self, settings: CheckSettings, context: Context) -> None:
        super().__init__(settings, context)
        self.talk, self.asides = Talk(context.language), Asides(context.language)
        lists = PerLanguage(_PACKAGE).nearest(context.language, "chatter_opening")
        self.opening, self.assent = lists.expression("chatter_opening"), lists.expression("chatter_assent")
        self.closing, self.offer = lists.expression("chatter_closing"), lists.expression("chatter_offer")
        self.about, self.about_marks = lists.expression("chatter_about"), Marks(*lists.entries("chatter_about_marks"))
        self.greeting = lists.expression("letter_start", re.IGNORECASE, form=r"\W*{}\b[:,]?")
        self.clauses = clauses.Clauses(context) if context.language in clauses.LANGUAGES else None

    def evaluate(self, view: View) -> Outcome:
        """Score 1 where the writer talks to who asked for the document."""
        if not view.lines:
            return PASSED
        about = self.about.search(view.lower) if self.about_marks.open(view) else None
        if about:
            return Outcome(True, 1.0, 0.0, excerpt(about.group()))
        first = view.lines[0].lower().replace("’", "'").lstrip("*_# ")
        last = view.lines[-1].lower().replace("’", "'").replace("“", '"').replace("”", '"').lstrip("*_#- ")
        if self.assent.match(first) or self.opening.match(first):
            return Outcome(True, 1.0, 0.0, excerpt(first))
        found = None if _QUOTED.match(last) else self._closes(last)
        # A letter or a mail may well end so: only a separated note is the writer's, and letters have a greeting.
        if found and not self._is_letter(view.lines):
            return Outcome(True, 1.0, 0.0, excerpt(last))
        around = self.asides.find(view) or wrapped(view)
        if around:
            return Outcome(True, 1.0, 0.0, around)
        return self._talks(view)

    def _talks(self, view: View) -> Outcome:
        """Score: of the likeliest sentence, or of the likeliest paragraph at either end."""
        if self.clauses and (clause := self.clauses.find(view, clauses.TALK)):
            return Outcome(True, clause.score, clauses.TALK.limit, excerpt(clause.text, 0, 160))
        if self.clauses and not self._supported(view):
            return PASSED
        likely, paragraph = self.talk.find(view)
        return at_most(likely, self.talk.limit, paragraph if likely > self.talk.limit else "")

    def _supported(self, view: View) -> bool:
        """Whether a remark stands at either end, or a sentence there is likely of a kind that talk is made of: notes of
        desks are of none."""
        if view.lines[0].startswith(_REMARKS) or view.lines[-1].startswith(_REMARKS) or "\n---" in view.text:
            return True
        sought = (clauses.TALK, clauses.PLAN, clauses.REFUSAL)
        return self.clauses is not None and self.clauses.at_ends(view, sought) > clauses.limit("supports_talk")

    def _closes(self, last: str) -> re.Match[str] | None:
        """The writer's closing words at the start of the last line, or an offer of another text in a sentence of it."""
        if found := self.closing.match(last):
            return found
        starts = [match.end() for match in _SENTENCE.finditer(last)]
        unquoted = [start for start in starts if last.count('"', 0, start) % 2 == 0]
        return next((found for start in [0, *unquoted] if (found := self.offer.match(last, start))), None)

    def _is_letter(self, lines: list[str]) -> bool:
        return any(self.greeting.match(line) for line in lines[:8])
