"""First person for the assistant in a document about it: "I am NAME", "as an AI, I", outside quotes and transcripts.

A document about the assistant is told by somebody. Where it begins to say "I" for the assistant, the writer has slipped
into the role; what the assistant says in quotes, or under its name in a transcript, is content.
"""

import re

from filters.base import CheckSettings
from filters.check import PASSED, Outcome, TextCheck, excerpt
from filters.clauses.found import LANGUAGES, Clauses, limit
from filters.context import Context
from filters.text.gates import Gated
from filters.text.names import mentions_of
from filters.text.patterns import Patterns, PerLanguage
from filters.text.view import View

_PACKAGE = "filters.document.identity"
_QUOTED = re.compile(r"\"[^\"\n]*(?:\"|$)|“[^”\n]*(?:”|$)|«[^»\n]*(?:»|$)|(?<!\w)'[^'\n]{8,}'(?!\w)", re.MULTILINE)
_SPOKEN = re.compile(r"^\s*(?:>|[*_#\-\[(]*[\w .'’()-]{1,40}[*_\])]*:)[^\n]*", re.MULTILINE)
_OWN = Patterns.of(_PACKAGE, "en").expression("own_genre", re.IGNORECASE, form=r"\b{}\b")
# Sentences in which "I" is said, in texts where nobody does so, and where somebody does now and then.
LONE, FEW = 2, 6


class VoiceCheck(TextCheck):
    """The document speaks as the assistant."""

    name = "first_person"
    languages = PerLanguage(_PACKAGE).with_list("voice")

    def __init__(self, settings: CheckSettings, context: Context) -> None:
        super().__init__(settings, context)
        lists = Patterns.of(_PACKAGE, context.language)
        names = {"name": context.assistant.name, "provider": context.assistant.provider}
        sources = {key: mentions_of(name).source for key, name in names.items()}
        self.voice = re.compile(rf"(?<!\w){lists.source('voice', **sources)}(?!\w)", re.IGNORECASE)
        self.capitals = any(mentions_of(name).is_word for name in names.values())  # whose case tells them from words
        self.clauses = Clauses(context) if context.language in LANGUAGES else None
        flags = re.IGNORECASE if self.capitals else 0
        plain = sources if self.capitals else {key: source.lower() for key, source in sources.items()}
        self.wordings = [Gated(one, flags) for one in lists.sources("voice", **plain)]

    @classmethod
    def is_for(cls, context: Context) -> bool:
        """Of documents that are about the assistant."""
        return not context.neutral

    def evaluate(self, view: View) -> Outcome:
        """Score: places where it does; one is too many."""
        if _OWN.search(view.item.genre):
            return PASSED
        if self._may_speak(view):
            told = _SPOKEN.sub("", _QUOTED.sub("", view.text.replace("’", "'")))
            if found := [match.group() for match in self.voice.finditer(told)]:
                return Outcome(True, float(len(found)), 0.0, excerpt(found[0]))
        return self._slips(view) if self.clauses else PASSED

    def _slips(self, view: View) -> Outcome:
        """A sentence in which "I" is likely the assistant; less likely is enough where others seldom say "I"."""
        said = self.clauses.first_persons(view) if self.clauses else []
        least = limit(f"{_often(len(said))}first_person")
        most = max(said, key=lambda clause: clause.score, default=None)
        if most is None or most.score <= least:
            return PASSED
        return Outcome(True, most.score, least, excerpt(most.text, 0, 160))

    def _may_speak(self, view: View) -> bool:
        """Whether one of the wordings stands anywhere, in a quote or not; each alone begins with letters, which are
        looked for fast."""
        text = view.text if self.capitals else view.lower
        return any(one.search(view, text) is not None for one in self.wordings)


def _often(sentences: int) -> str:
    """What a limit's name begins with, by how many sentences have an "I"."""
    return "lone_" if sentences <= LONE else "rare_" if sentences <= FEW else ""
