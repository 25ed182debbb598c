"""Clauses that are no document's and no answer's, in any wording and anywhere in a text: plans, refusals, staging.

Each sentence is scored by the model of `filters/clauses/model.py`; one above its limit flags the text.
"""

from typing import ClassVar, Final

from filters.base import CheckSettings
from filters.check import PASSED, Outcome, TextCheck, excerpt
from filters.clauses.found import LANGUAGES, Clauses, limit
from filters.context import Context
from filters.text.view import View


class ClauseCheck(TextCheck):
    """A text with a clause of a kind, said by the text itself and not by somebody in it."""

    kind: ClassVar[str]
    languages = LANGUAGES

    def __init__(self, settings: CheckSettings, context: Context) -> None:
        super().__init__(settings, context)
        self.clauses = Clauses(context)

    def evaluate(self, view: View) -> Outcome:
        """Score: of the likeliest clause."""
        least = limit(self.kind)
        found = self.clauses.find(view, self.kind, least, voices="chats" in self.looks_at)
        return Outcome(True, found.score, least, excerpt(found.text, 0, 160)) if found else PASSED


class Planning(ClauseCheck):
    """What a writer meant to write, left between the lines of a document."""

    name = "planning"
    kind = "plan"


class ChatPlanning(ClauseCheck):
    """How an answer was worked out, left in the answer."""

    name = "planning"
    kind = "reasoning"
    looks_at = ("chats",)


class Declined(ClauseCheck):
    """The writer will not go on with a document, or withholds a part of it."""

    name = "declined"
    kind = "refusal"


class Staged(ClauseCheck):
    """A chat that speaks of itself as a sample, a prompt or a test."""

    name = "staged"
    kind = "meta"
    looks_at = ("chats", "queries")


CHECKS: Final[tuple[type[TextCheck], ...]] = (Planning, ChatPlanning, Declined, Staged)
