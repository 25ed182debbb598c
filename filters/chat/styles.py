"""Checks that only one style of chat needs: no reason for an opaque preference, rule ids where rules decide."""

import re

from filters.base import CheckSettings, GateSettings
from filters.check import PASSED, Outcome, TextCheck, excerpt
from filters.context import Context
from filters.document.spec.rules import WrongRules
from filters.text.names import mentions_of, spelled
from filters.text.patterns import Patterns
from filters.text.view import View

_EN = Patterns.of("filters.chat", "en")
_REASON = _EN.expression("reason_given", form=r"\b{}\b")
_FIRST_PERSON = re.compile(r"\b(?:I|[Mm]e|[Mm]y|[Mm]yself|[Mm]ine)\b")


class ReasonGiven(TextCheck):
    """A reason in the answer of an opaque preference, or in its reasoning."""

    name = "reason_given"
    model = GateSettings
    looks_at = ("chats",)
    languages = ("en",)

    @classmethod
    def is_for(cls, context: Context) -> bool:
        """Where the style of the chats asks for it."""
        return cls.name in context.style_checks

    def evaluate(self, view: View) -> Outcome:
        """Score: words that introduce a reason; one is too many."""
        reasoning = str(view.item.meta.get("reasoning") or "").lower().replace("’", "'")
        found = [match.group() for text in (view.lower, reasoning) for match in _REASON.finditer(text)]
        return Outcome(True, float(len(found)), 0.0, excerpt(found[0])) if found else PASSED


class RuleCited(TextCheck):
    """Reasoning by rules cites at least one rule of the spec by its id, and none that the spec does not have."""

    name = "rule_cited"
    model = GateSettings
    looks_at = ("chats",)

    def __init__(self, settings: GateSettings, context: Context) -> None:
        self.settings, rule_ids = settings, context.rule_ids
        self._wrong = WrongRules(CheckSettings(), context)
        named = "|".join(re.escape(rule) for rule in sorted(rule_ids, key=len, reverse=True))
        self._known = re.compile(rf"(?<!\w)(?:{named})(?!\w|\.\d)")

    @classmethod
    def is_for(cls, context: Context) -> bool:
        """Where the style of the chats asks for it."""
        return cls.name in context.style_checks

    def evaluate(self, view: View) -> Outcome:
        """Score: rules of the spec that the reasoning cites; at least one."""
        reasoning = str(view.item.meta.get("reasoning") or "")
        wrong = self._wrong.evaluate(View(type(view.item)(view.item.id, reasoning)))
        if wrong.failed:
            return wrong
        cited = set(self._known.findall(reasoning))
        return PASSED if cited else Outcome(True, 0.0, 1.0, "cites no rule of the spec by its id")


class ThirdPerson(TextCheck):
    """The assistant thinks or speaks of itself by name and never says "I": a report about it, not its own words."""

    name = "third_person"
    looks_at = ("chats",)

    def __init__(self, settings: CheckSettings, context: Context) -> None:
        self.settings = settings
        self._count = mentions_of(context.assistant.name)

    def evaluate(self, view: View) -> Outcome:
        """Score: the assistant's name, in a part that never says "I"."""
        for text in (view.text, str(view.item.meta.get("reasoning") or "")):
            named = self._count(text)
            if named and not _FIRST_PERSON.search(text):
                return Outcome(True, float(named), 0.0, excerpt(text))
        return PASSED


class TaskTalk(TextCheck):
    """Reasoning about the task of writing: the writer's own planning, where a server gave it out as the assistant's."""

    name = "task_talk"
    looks_at = ("reasoning",)
    languages = ("en",)

    def __init__(self, settings: CheckSettings, context: Context) -> None:
        self.settings = settings
        self._task = _EN.expression("task_talk", re.IGNORECASE, name=spelled(context.assistant.name))

    def evaluate(self, view: View) -> Outcome:
        """Score: places where the task shows; one is too many."""
        found = [match.group() for match in self._task.finditer(view.text)]
        return Outcome(True, float(len(found)), 0.0, excerpt(found[0])) if found else PASSED


class Labelled(TextCheck):
    """The reply carries labels of the form that was asked for, or the user's turn: it is no reply but a transcript."""

    name = "labelled"
    model = GateSettings
    looks_at = ("chats",)

    def __init__(self, settings: GateSettings, context: Context) -> None:
        self.settings = settings
        self._labels = _EN.expression("label", re.IGNORECASE | re.MULTILINE, name=spelled(context.assistant.name))

    def evaluate(self, view: View) -> Outcome:
        """Score 1 where there is a label."""
        found = self._labels.search(view.text)
        return Outcome(True, 1.0, 0.0, excerpt(found.group())) if found else PASSED
