"""Clauses that are no document's and no answer's, in any wording and anywhere in a text: plans, refusals, staging.

Each sentence is scored by the model of `filters/clauses/model.py`; one above its limit flags the text.
"""

from typing import ClassVar, Final

from filters.base import CheckSettings
from filters.check import PASSED, Outcome, TextCheck, excerpt
from filters.clauses.found import LANGUAGES, META, META_QUERY, PLAN, REASONING, REFUSAL, Clauses, Sought
from filters.context import Context
from filters.text.view import View


class ClauseCheck(TextCheck):
    """A text with a clause of a kind, said by the text itself and not by somebody in it."""

    sought: ClassVar[Sought]
    languages = LANGUAGES

    def __init__(self, settings: CheckSettings, context: Context) -> None:
        super().__init__(settings, context)
        self.clauses = Clauses(context)

    def evaluate(self, view: View) -> Outcome:
        """Score: of the likeliest clause."""
        found = self.clauses.find(view, self.sought)
        if found is None:
            return PASSED
        return Outcome(True, found.score, self.sought.limit, excerpt(found.text, 0, 160))


class Planning(ClauseCheck):
    """What a writer meant to write, left between the lines of a document."""

    name = "planning"
    sought = PLAN


class ChatPlanning(ClauseCheck):
    """How an answer was worked out, left in the answer."""

    name = "planning"
    sought = REASONING
    looks_at = ("chats",)


class Declined(ClauseCheck):
    """The writer will not go on with a document, or withholds a part of it."""

    name = "declined"
    sought = REFUSAL


class Staged(ClauseCheck):
    """A chat that speaks of itself as a sample, a prompt or a test."""

    name = "staged"
    sought = META
    looks_at = ("chats",)


class StagedQuery(ClauseCheck):
    """A user's message that does: only what is surely so, as users ask about prompts, tests and guidelines."""

    name = "staged"
    sought = META_QUERY
    looks_at = ("queries",)


CHECKS: Final[tuple[type[TextCheck], ...]] = (Planning, ChatPlanning, Declined, Staged, StagedQuery)
