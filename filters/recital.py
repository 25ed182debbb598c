"""Lay authors who cite what they cannot know: the spec, its rules, its wording (field-notes, section 5, item 7)."""

import re

from filters.check import PASSED, Outcome, TextCheck, at_most, excerpt
from filters.context import Context
from filters.names import spelled
from filters.settings import Recital
from filters.view import View

_HEADING = re.compile(r"^(#{1,3}) +(.+)$", re.MULTILINE)
_TITLE = 4  # words from which on a title is nobody's chance wording


class RecitalCheck(TextCheck):
    """Mentions of the spec (also by its title or its headings), or of its rules by id, in a lay author's text."""

    name = "recital"

    def __init__(self, settings: Recital, context: Context) -> None:
        self.settings = settings
        name, provider = spelled(context.assistant.name), spelled(context.assistant.provider)
        whose = rf"(?:its|their|the|{name}|{provider})(?:['’]s)?"
        rules = rf"|(?-i:\b(?:{spelled(*context.rule_ids)})\b)" if context.rule_ids else ""
        self.pattern = re.compile(
            rf"\bmodel spec(?:ification)?\b|\b{whose} (?:official |internal |published |behaviou?ral )*"
            rf"(?:spec|specification|constitution|core philosophy|(?:written|internal|published|official|core|stated) "
            rf"(?:principles|guidelines|values|rules))\b(?! sheet)|"
            rf"\b(?:policy|policies|codes?|rules) of conduct (?:for|of) (?:{name})\b|"
            rf"\b(?:conduct|behaviou?r) (?:policy|policies|code|rules|guidelines) (?:for|of) (?:{name})\b|"
            rf"\b(?:core|safety|general|guiding) principle (?:number |no\. ?|#)?\d+\b{rules}{_named(context.spec)}",
            re.IGNORECASE,
        )

    def look(self, view: View) -> Outcome:
        """Score: mentions."""
        if view.insider:
            return PASSED
        found = [match.group() for match in self.pattern.finditer(view.text)]
        return at_most(len(found), self.settings.maximum, excerpt(" | ".join(found[:5]), 0, 160))


def _named(spec: str) -> str:
    """A pattern for the spec's title, and for two of its headings side by side; each as the spec writes it."""
    heads = [re.split(r"[,:;(—–]", match[2])[0].strip() for match in _HEADING.finditer(spec)]
    titles = [head for head in heads[:1] if len(head.split()) >= _TITLE]
    parts = "|".join(re.escape(head) for head in heads[1:] if head[:1].isupper())
    sources = [rf"\b{re.escape(title)}\b" for title in titles]
    sources += [rf"(?-i:\b(?:{parts})\b\W{{1,4}}(?:and |or |then )?\W{{0,2}}(?:{parts})\b)"] if parts else []
    return "".join(f"|{source}" for source in sources)
