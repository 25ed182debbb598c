"""Whose assistant a text says that this is, in any wording: another's name beside a word of making or of naming.

The gate `identity` takes sentences of a known build. Here a sentence counts that names another assistant or maker, says
of something that it was made, is called or is behind it, and is about our assistant or about who speaks, in a paragraph
that sets nobody beside anybody. A rival who is only told of can look so: this is a flag.
"""

import re

from filters.base import CheckSettings, Item
from filters.check import PASSED, Outcome, TextCheck, excerpt
from filters.clauses.found import LANGUAGES, OTHER_IDENTITY, Clauses, limit
from filters.context import Context
from filters.document.identity.drift import RIVAL
from filters.document.identity.identity import COMPARES
from filters.text.names import Mention, known_names, mentions_of
from filters.text.patterns import Patterns, PerLanguage
from filters.text.view import View

_PACKAGE = "filters.document.identity"
_STOP = re.compile(r"[.!?][\"”»)\]]{0,2}\s|\n")
_DENIED = 25  # characters behind a name in which it may be denied
_REACH = 300  # characters on either side of a name in which its sentence lies


class OriginCheck(TextCheck):
    """Sentences that give the assistant another name or maker."""

    name = "origin"
    looks_at = ("documents", "chats")
    languages = PerLanguage(_PACKAGE).with_list("origin")

    def __init__(self, settings: CheckSettings, context: Context) -> None:
        super().__init__(settings, context)
        lists, ours = Patterns.of(_PACKAGE, context.language), (context.assistant.name, context.assistant.provider)
        self.names = [known_names(kind, ours) for kind in ("assistants", "makers")]
        self.own = mentions_of(context.assistant.name)
        self.made, self.spoken = lists.compiled("origin"), lists.compiled("origin_about")
        self.hedge = lists.compiled("hedge")
        self.clauses = Clauses(context) if context.language in LANGUAGES else None

    @classmethod
    def is_for(cls, context: Context) -> bool:
        """Of texts that are about the assistant."""
        return not context.neutral

    def evaluate(self, view: View) -> Outcome:
        """Score: such sentences; one is too many."""
        named = [names for names in self.names if names.near(view)]
        found = [said for names in named for one in names.find(view) if (said := self._says(view.text, one))]
        if found:
            return Outcome(True, float(len(found)), 0.0, excerpt(found[0], 0, 160))
        return self._told(view) if any(named) and self.clauses else PASSED

    def _told(self, view: View) -> Outcome:
        """A sentence with another's name that the model of clauses takes for a slip."""
        sure = any(names.find(view) for names in self.names)  # and no word that is a name elsewhere
        least = limit("other_identity" if sure else "other_identity_by_a_word")
        clause = self.clauses.find(view, OTHER_IDENTITY, least) if self.clauses else None
        if clause is None or self._beside(clause.text, self._named_until(clause.text)):
            return PASSED
        return Outcome(True, clause.score, least, excerpt(clause.text, 0, 160))

    def _named_until(self, sentence: str) -> int:
        """Where the first name of another ends."""
        view = View(Item("", sentence))
        return min((one.end for names in self.names for one in (*names.find(view), *names.bare(view))), default=0)

    def _beside(self, sentence: str, until: int) -> bool:
        """Whether a sentence compares, or denies or doubts until a little behind a name: what follows is of its own."""
        return bool(COMPARES.search(sentence.lower()) or self.hedge.search(sentence[: until + _DENIED]))

    def _says(self, text: str, other: Mention) -> str:
        """The sentence of a mention where it gives our assistant another origin, or nothing."""
        before = [match.end() for match in _STOP.finditer(text, max(0, other.start - _REACH), other.start)]
        after = _STOP.search(text, other.end, other.end + _REACH)
        start = before[-1] if before else max(0, other.start - _REACH)
        sentence = text[start : after.start() if after else other.end + _REACH]
        if not self.made.search(sentence) or not (self.own(sentence) or self.spoken.search(sentence)):
            return ""
        first, last = text.rfind("\n\n", 0, other.start), text.find("\n\n", other.end)
        paragraph = text[max(0, first) : last if last >= 0 else None].lower()
        return "" if RIVAL.search(paragraph) or self._beside(sentence, len(sentence)) else sentence
