"""Checks of a user's message: it is spoken to the assistant, and knows nothing of the spec behind it."""

import re
import unicodedata

from filters.base import CheckSettings, GateSettings
from filters.check import PASSED, Outcome, TextCheck, excerpt
from filters.context import Context
from filters.document.spec.rules import WrongRules
from filters.text.names import spelled, squeezed
from filters.text.patterns import Patterns
from filters.text.view import View

_EN = Patterns.of("filters.chat", "en")
_SPEC = _EN.expression("names_spec", form=r"\b{}")
_LETTERED = re.compile(
    r"\b(?:[A-Za-z]+ )?(?:A, B|B, C|A or B|A and B|X or Y|X and Y)\b|^\s*\(?[AB][).:]\s", re.MULTILINE
)


_ASKS_WHY = _EN.expression("asks_why")
_CLAUSE = re.compile(r"[.!?;:,\n\u2014]+")
_NEGATED = _EN.expression("asks_not", form=r"\b{}\b")


class NamesSpec(TextCheck):
    """The message speaks of the spec, or of how the assistant was made to behave."""

    name = "names_spec"
    model = GateSettings
    looks_at = ("queries",)

    def __init__(self, settings: GateSettings, context: Context) -> None:
        self.settings, rule_ids = settings, context.rule_ids
        named = "|".join(re.escape(rule) for rule in rule_ids)
        self._rules = re.compile(rf"(?<!\w)(?:{named})(?!\w)") if named else None
        self._wrong = WrongRules(CheckSettings(), context)

    def evaluate(self, view: View) -> Outcome:
        """Score: mentions, of rules that the spec does not have too; one is too many."""
        found = [match.group() for match in _SPEC.finditer(view.lower)]
        found += self._rules.findall(view.text) if self._rules else []
        return Outcome(True, float(len(found)), 0.0, excerpt(found[0])) if found else self._wrong.evaluate(view)


class ThirdPersonQuery(TextCheck):
    """The message speaks about the assistant and not to it: its name stands elsewhere than where one is addressed."""

    name = "third_person_query"
    model = GateSettings
    looks_at = ("queries",)

    def __init__(self, settings: GateSettings, context: Context) -> None:
        self.settings = settings
        name = rf"(?<!\w)(?:{spelled(context.assistant.name)})(?!\w)"
        before = rf"(?:^|[.!?,;:\n]|\b{_EN.in_order('addressed')})\s*"
        addressed = rf"{before}{name}\s*(?:$|[.!?,;:\n-])"
        self._name, self._addressed = re.compile(name, re.I), re.compile(addressed, re.I)

    def evaluate(self, view: View) -> Outcome:
        """Score: places where the name is no address."""
        named, addressed = len(self._name.findall(view.text)), len(self._addressed.findall(view.text))
        return Outcome(True, float(named), float(addressed), excerpt(view.text)) if named > addressed else PASSED


class Lettered(TextCheck):
    """Options that are only letters, or a multiple choice: the form of an evaluation, or a blank to be filled in."""

    name = "lettered"
    model = GateSettings
    looks_at = ("queries",)

    def evaluate(self, view: View) -> Outcome:
        """Score 1 where there are any."""
        found = _LETTERED.search(view.text)
        return Outcome(True, 1.0, 0.0, excerpt(found.group())) if found else PASSED


class OpaqueQuery(TextCheck):
    """The message names its item and does not ask for a reason. Whether it says that it wants none, a judge decides."""

    name = "opaque_query"
    model = GateSettings
    looks_at = ("queries",)
    languages = ("en",)

    @classmethod
    def is_for(cls, context: Context) -> bool:
        """Where the style of the chats asks for it."""
        return cls.name in context.style_checks

    def evaluate(self, view: View) -> Outcome:
        """Score: how many of the two hold; both must."""
        topic = _letters(str(view.item.meta.get("topic") or ""))
        missing = [
            *(["does not name the item"] if topic not in _letters(view.text) else []),
            *(["asks for a reason"] if _asks_why(view.lower) else []),
        ]
        return Outcome(True, 2.0 - len(missing), 2.0, "; ".join(missing)) if missing else PASSED


def _letters(text: str) -> str:
    """Without case, spacing, hyphens and accents: people type names as they come."""
    return squeezed("".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c)))


def _asks_why(text: str) -> bool:
    clauses = _CLAUSE.split(text)
    return any(_ASKS_WHY.search(clause) and not _NEGATED.search(clause) for clause in clauses)
