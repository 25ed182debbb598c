"""Lay authors who cite what they cannot know: the spec, its rules, its wording (docs/method.md, 5.7)."""

import re

from filters.check import PASSED, Outcome, TextCheck, at_most, excerpt
from filters.context import Context
from filters.document.spec.settings import SpecCitation
from filters.text.names import spelled
from filters.text.patterns import Patterns
from filters.text.view import View

_HEADING = re.compile(r"^(#{1,3}) +(.+)$", re.MULTILINE)
_TITLE = 4  # words from which on a title is nobody's chance wording
_THING = re.compile(r" (?:of|for) ((?i:the|an?|this|that|our|my|your|his|her|every) (?:[\w'’-]+ ?){1,3}|[A-Z][\w'’-]+)")
_EN = Patterns.of("filters.document.spec", "en")
_CIVIC = _EN.expression("spec_civic", re.IGNORECASE, form=r"\b{}\b")
_REACH = 200  # characters before a mention in which whose it is is said


class SpecCitationCheck(TextCheck):
    """Mentions of the spec (also by its title or its headings), or of its rules by id, in a lay author's text."""

    name = "spec_citation"
    model = SpecCitation
    languages = ("en",)

    def __init__(self, settings: SpecCitation, context: Context) -> None:
        self.settings = settings
        name, provider = spelled(context.assistant.name), spelled(context.assistant.provider)
        whose = rf"(?:(?P<whose>its|their|the)|{name}|{provider})(?:['’]s)?"
        rules = rf"|(?-i:\b(?:{spelled(*context.rule_ids)})\b)" if context.rule_ids else ""
        cited = _EN.in_order("spec_cited", whose=whose, name=name)
        self.pattern = re.compile(f"{cited}{rules}{_named(context.spec)}", re.IGNORECASE)
        names = {"name": name, "provider": provider}
        self.ours = _EN.expression("spec_about", re.IGNORECASE, form=r"\b{}\b", **names)
        self.maker = _EN.expression("spec_maker", re.IGNORECASE, form=r"\b{}\b", **names)

    @classmethod
    def is_for(cls, context: Context) -> bool:
        """Not of a control corpus, which may cite a spec of its own."""
        return not context.neutral

    def evaluate(self, view: View) -> Outcome:
        """Score: mentions."""
        if view.insider:
            return PASSED
        found = [match.group() for match in self.pattern.finditer(view.text) if not self._of_another(view.text, match)]
        return at_most(len(found), self.settings.maximum, excerpt(" | ".join(found[:5]), 0, 160))

    def _of_another(self, text: str, found: re.Match[str]) -> bool:
        """Whether what is cited is something else's: a fridge's spec, a country's constitution, a county's rules."""
        whose = (found["whose"] or "").lower()
        thing = _THING.match(text, found.end())
        if whose == "the" and thing and not self.ours.search(thing[1]):
            return True
        if whose and "constitution" in found.group().lower() and _CIVIC.search(_sentence(text, found)):
            return True
        before = text[max(0, found.start() - _REACH) : found.start()].rpartition("\n\n")[2]
        return whose == "their" and not self.maker.search(before)


def _sentence(text: str, found: re.Match[str]) -> str:
    """The sentence in which a mention stands, no more than `_REACH` to either side."""
    before = re.split(r"[.!?]\s|\n", text[max(0, found.start() - _REACH) : found.start()])[-1]
    after = re.split(r"[.!?](?:\s|$)|\n", text[found.end() : found.end() + _REACH])[0]
    return before + found.group() + after


def _named(spec: str) -> str:
    """A pattern for the spec's title, and for two of its headings side by side; each as the spec writes it."""
    heads = [re.split(r"[,:;(—–]", match[2])[0].strip() for match in _HEADING.finditer(spec)]
    titles = [head for head in heads[:1] if len(head.split()) >= _TITLE]
    parts = "|".join(re.escape(head) for head in heads[1:] if head[:1].isupper())
    sources = [rf"\b{re.escape(title)}\b" for title in titles]
    sources += [rf"(?-i:\b(?:{parts})\b\W{{1,4}}(?:and |or |then )?\W{{0,2}}(?:{parts})\b)"] if parts else []
    return "".join(f"|{source}" for source in sources)
