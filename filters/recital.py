"""Lay authors who cite what they cannot know: the spec, its rules, its wording (field-notes, section 5, item 7)."""

import re

from filters.check import PASSED, Outcome, TextCheck, at_most, excerpt
from filters.names import spelled
from filters.settings import Recital
from filters.view import View
from specs.settings import Assistant


class RecitalCheck(TextCheck):
    """Mentions of the spec, or of its rules by id, in a lay author's text."""

    name = "recital"

    def __init__(self, settings: Recital, assistant: Assistant, rule_ids: tuple[str, ...]) -> None:
        self.settings = settings
        whose = rf"(?:its|their|the|{spelled(assistant.name, assistant.provider)})(?:['’]s)?"
        rules = rf"|(?-i:\b(?:{spelled(*rule_ids)})\b)" if rule_ids else ""
        self.pattern = re.compile(
            rf"\bmodel spec(?:ification)?\b|\b{whose} (?:official |internal |published |behaviou?ral )*"
            rf"(?:spec|specification|constitution|core philosophy|(?:written|internal|published|official|core|stated) "
            rf"(?:principles|guidelines|values|rules))\b(?! sheet)|"
            rf"\b(?:core|safety|general|guiding) principle (?:number |no\. ?|#)?\d+\b{rules}",
            re.IGNORECASE,
        )

    def look(self, view: View) -> Outcome:
        """Score: mentions."""
        if view.insider:
            return PASSED
        found = [match.group() for match in self.pattern.finditer(view.text)]
        return at_most(len(found), self.settings.maximum, excerpt(" | ".join(found[:5]), 0, 160))
