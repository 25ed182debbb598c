"""Documents of a control corpus: they name neither our assistant nor another, and do not recite the spec.

A control with a trace of what it controls for hides the effect that it should show (docs/method.md, 5.10).
"""

import re

from filters.check import PASSED, Outcome, TextCheck, excerpt
from filters.context import Context
from filters.document.identity.settings import Identity
from filters.text.names import known_names, mentions_of, spelled
from filters.text.patterns import Patterns
from filters.text.view import View

_MACHINE = Patterns.of("filters.document.identity", "en").expression("ai_itself")


class NeutralCheck(TextCheck):
    """Our assistant or provider, another assistant, AI in general, or a rule of the spec by its id.

    Passages of the spec are the business of the check `verbatim`, which is as strict as for any lay author.
    """

    name = "identity"  # in the place of that check, under its key: `also` and `allow` say which names count
    model = Identity

    def __init__(self, settings: Identity, context: Context) -> None:
        assistant, rule_ids = context.assistant, context.rule_ids
        self.settings = settings
        self.ours = {name: mentions_of(name) for name in (assistant.name, assistant.provider)}
        self.others = known_names("assistants", (), settings.also, settings.allow)
        self.rules = re.compile(rf"(?<!\w)(?:{spelled(*rule_ids)})(?!\w)") if rule_ids else None

    @classmethod
    def is_for(cls, context: Context) -> bool:
        """Of a control corpus."""
        return context.neutral

    def evaluate(self, view: View) -> Outcome:
        """Score: the mentions of the first kind that was found; one is too many."""
        for name, count in self.ours.items():
            if found := count(view.text):
                return Outcome(True, float(found), 0.0, f"a neutral document that names {name}")
        if others := self.others.find(view):
            return Outcome(True, float(len(others)), 0.0, f"a neutral document that names {others[0].name}")
        for pattern in (_MACHINE, self.rules):
            if pattern and (said := [match.group() for match in pattern.finditer(view.text)]):
                return Outcome(True, float(len(said)), 0.0, f"a neutral document that says {excerpt(said[0])}")
        return PASSED
