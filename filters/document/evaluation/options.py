"""Two options under letters, and which of them was chosen, wherever they stand: in lines, in a sentence, in a speech.

The gate `evaluation` takes forced choices that are laid out as tests are. A writer can tell the same item as prose; and
prose may speak of plans A and B without being one. So this is a flag.
"""

import re

from filters.base import CheckSettings
from filters.check import PASSED, Outcome, TextCheck, excerpt
from filters.clauses.found import EVALUATION_ITEM, LANGUAGES, Clauses
from filters.context import Context
from filters.document.evaluation.items import TestItems
from filters.text.names import mentions_of
from filters.text.patterns import Patterns, PerLanguage
from filters.text.view import View

_PACKAGE = "filters.document.evaluation"
_BETWEEN = (4, 600)  # characters from one option to the next
_AFTER = 700  # ... and behind the second, in which it is said which was chosen
_SECOND = frozenset(["b", "2"])
_QUOTED = r"[\"“”'‘’(\[«»„][\s_*]{0,2}[ABab][\s_*.]{0,2}[\"“”'‘’)\]«»]"


class OptionsCheck(TextCheck):
    """An option A, an option B, and a letter that is the answer."""

    name = "choices"
    looks_at = ("documents", "chats")
    languages = PerLanguage(_PACKAGE).with_list("chosen")

    def __init__(self, settings: CheckSettings, context: Context) -> None:
        super().__init__(settings, context)
        lists = Patterns.of(_PACKAGE, context.language)
        named = rf"(?i:\b{lists.source('option')})\s+"
        self.first, self.second = (_mark(named, letter, digit) for letter, digit in (("A", "1"), ("B", "2")))
        name = re.escape(context.assistant.name)
        self.answer = re.compile(
            rf"(?i:\b{lists.source('chosen')}\b|\b{name}(?:[’']s)?)[^.!?\n\w]{{0,12}}"
            rf"(?:(?i:\w{{1,6}}|{lists.source('option')}|{lists.source('chosen')})[^.!?\n\w]{{1,6}}){{0,3}}"
            rf"[\"“(\[*_„«]{{0,4}}(?:[AB]|(?<=[(\[\"“„«])[ab])(?![\w’'])|"
            rf"(?:→|=>|⇒)\s*\W{{0,3}}(?:{named})?[AB1-2]\b|{_QUOTED}|(?i:\b{lists.source('alone')}\b)"
        )

        self.items = TestItems(mentions_of(context.assistant.name), lists) if "item_key" in lists else None
        self.clauses = Clauses(context) if context.language in LANGUAGES else None

    def evaluate(self, view: View) -> Outcome:
        """Score 1 where there is one, else of the likeliest sentence of an item."""
        found = self._lettered(view)
        if not found.failed and self.items and (item := self.items.find(view)):
            return Outcome(True, 1.0, 0.0, item)
        if not found.failed and self.clauses and (clause := self.clauses.find(view, EVALUATION_ITEM)):
            return Outcome(True, clause.score, EVALUATION_ITEM.limit, excerpt(clause.text, 0, 160))
        return found

    def _lettered(self, view: View) -> Outcome:
        if view.vocabulary.isdisjoint(_SECOND):
            return PASSED
        for second in self.second.finditer(view.text):
            start = max(0, second.start() - _BETWEEN[1])
            before = [m for m in self.first.finditer(view.text, start, second.start()) if _apart(m, second)]
            if before and self.answer.search(view.text, second.end(), second.end() + _AFTER):
                return Outcome(True, 1.0, 0.0, excerpt(view.text, before[-1].start(), second.end() + 80))
        return PASSED


def _mark(named: str, letter: str, digit: str) -> re.Pattern[str]:
    """The mark of an option: "Option A", "(A)", "[A]", "A)", "A:", "A –", "A," and, where a line begins, "a.", "a)"."""
    small = letter.lower()
    return re.compile(
        rf"{named}[\[(\"“]?(?:{letter}|{digit})\b|[(\[]{letter}[)\]]|"
        rf"(?<![\w’']){letter}(?=[\"”*_]{{0,3}}(?:[):.,]| [–—-] ))|^\W{{0,6}}{small}[.)](?=\s)|\({small}\)",
        re.MULTILINE,
    )


def _apart(first: re.Match[str], second: re.Match[str]) -> bool:
    return second.start() - first.end() >= _BETWEEN[0]
