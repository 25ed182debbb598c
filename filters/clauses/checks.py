"""Clauses that are no document's and no answer's, in any wording and anywhere in a text: plans, refusals, staging.

Each sentence is scored by the model of `filters/clauses/model.py`; one above its limit flags the text.
"""

from typing import ClassVar, Final

from filters.base import CheckSettings, Target
from filters.check import PASSED, Outcome, TextCheck, excerpt
from filters.clauses.found import LANGUAGES, Clauses, limit
from filters.context import Context
from filters.text.view import View


class _ClauseCheck(TextCheck):
    """A text with a clause of a kind, which may be another one in chats than in documents."""

    kinds: ClassVar[dict[Target, str]]
    languages = LANGUAGES

    def __init__(self, settings: CheckSettings, context: Context) -> None:
        super().__init__(settings, context)
        self.clauses = Clauses(context)

    def evaluate(self, view: View) -> Outcome:
        """Score: of the likeliest clause."""
        document = view.item.table == "documents"
        kind = self.kinds["documents" if document else "chats"]
        least = limit(kind)
        found = self.clauses.find(view, kind, least, voices=not document)
        return Outcome(True, found.score, least, excerpt(found.text, 0, 160)) if found else PASSED


class Planning(_ClauseCheck):
    """What a writer meant to write, or how it worked out its answer, left between the lines."""

    name = "planning"
    looks_at = ("documents", "chats")
    kinds: ClassVar[dict[Target, str]] = {"documents": "plan", "chats": "reasoning"}


class Declined(_ClauseCheck):
    """The writer will not go on, or the assistant will not do what anybody may ask."""

    name = "declined"
    looks_at = ("documents", "chats")
    kinds: ClassVar[dict[Target, str]] = {"documents": "refusal", "chats": "refused_chat"}

    @classmethod
    def is_for(cls, context: Context) -> bool:
        """Where declining is no content."""
        return not context.may_decline


class Staged(_ClauseCheck):
    """A chat that speaks of itself as a sample, a prompt or a test."""

    name = "staged"
    looks_at = ("chats", "queries")
    kinds: ClassVar[dict[Target, str]] = {"documents": "meta", "chats": "meta"}


CHECKS: Final[tuple[type[TextCheck], ...]] = (Planning, Declined, Staged)
