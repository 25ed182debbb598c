"""The writer declined, or says that the text is not what it claims to be."""

import re

from filters.base import GateSettings
from filters.check import PASSED, Outcome, TextCheck, excerpt
from filters.context import Context
from filters.document.writer.excuses import Excuses
from filters.text.gates import Marks
from filters.text.patterns import Patterns, PerLanguage
from filters.text.view import View

_PACKAGE = "filters.document.writer"
_LISTS = PerLanguage(_PACKAGE)
_LANGUAGES = tuple(sorted({*_LISTS.with_list("refusal_start"), *_LISTS.with_list("decline")}))
_SPEAKER = re.compile(r"\s*(?:>|\**[\w .'-]{1,40}:\**)")
_EDGE = 400  # characters at the start where a refusal of the whole task stands
_TAIL = 500
_FIRST_WORDS = 25  # words before a refusal in the first sentences


class Refusal(TextCheck):
    """A refusal at the start or in the last paragraph, outside quotes, or a disclaimer at either end.

    What the assistant declines *inside* a document is content and stays: only the edges are the writer's own voice.
    """

    name = "refusal"
    model = GateSettings
    languages = _LANGUAGES

    def __init__(self, settings: GateSettings, context: Context) -> None:
        super().__init__(settings, context)
        whole = context.language in _LISTS.with_list("refusal_start")
        lists = Patterns.of(_PACKAGE, context.language)
        self.find = _Refusals(context.language) if whole else _Wordings(lists)

    def evaluate(self, view: View) -> Outcome:
        """Score 1 where the writer declined or disclaimed."""
        if view.item.meta.get("state") == "refused":
            return Outcome(True, 1.0, 0.0, "declined by the endpoint")
        found = self.find(view)
        return Outcome(True, 1.0, 0.0, excerpt(found.group())) if found else PASSED


class Declines:
    """Finds a refusal in the first sentences of a text, in a language that has lists of it."""

    def __init__(self, language: str) -> None:
        lists = Patterns.of(_PACKAGE, language)
        self.wordings = (lists.expression("refusal_start", form=r"\b{}"), lists.expression("refusal_self"))

    def __call__(self, head: str) -> re.Match[str] | None:
        """The first in `head` (lower case) that nobody else is quoted with."""
        for wording in self.wordings:
            for match in wording.finditer(head):
                before = head[: match.start()]
                if not _spoken(before) and len(before.split()) <= _FIRST_WORDS:
                    return match
        return None


class _Refusals:
    """A refusal at the start, in the last paragraph or in other words, a view that is denied, a disclaimer."""

    def __init__(self, language: str) -> None:
        lists = Patterns.of(_PACKAGE, language)
        self.declines, self.excuses = Declines(language), Excuses(language)
        self.end, self.disclaimer = lists.expression("refusal_end"), lists.expression("refusal_disclaimer")
        self.model, self.model_marks = lists.expression("refusal_model"), Marks(*lists.entries("refusal_model_marks"))
        self.no_view, self.views = lists.expression("refusal_no_view"), Marks(*lists.entries("refusal_view"))
        self.no_view_marks = Marks(*lists.entries("refusal_no_view_marks"))

    def __call__(self, view: View) -> re.Match[str] | None:
        head, tail = view.lower[:_EDGE], view.lower[-_TAIL:]
        found = self.declines(head) or self._no_view(view)
        found = found or self.disclaimer.search(head) or self.disclaimer.search(tail)
        found = found or _unspoken(self.end, view.edges[-1])
        if found is None and self.model_marks.open(view):
            found = _unspoken(self.model, view.lower)
        return found or self.excuses.find(view.lower, view.vocabulary)

    def _no_view(self, view: View) -> re.Match[str] | None:
        """Where the writer (nobody who is quoted) says that it has no views."""
        near = self.views.open(view) and self.no_view_marks.open(view)
        return _unspoken(self.no_view, view.lower) if near else None


class _Wordings:
    """A refusal or a disclaimer at either end, in a language that has one list of each."""

    def __init__(self, lists: Patterns) -> None:
        self.wordings = [lists.compiled(name) for name in ("decline", "disclaimer")]

    def __call__(self, view: View) -> re.Match[str] | None:
        ends = (view.lower[:_EDGE], view.lower[-_TAIL:])
        return next((m for end in ends for wording in self.wordings if (m := _unspoken(wording, end))), None)


def _unspoken(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    """The first match that nobody is quoted with."""
    return next((match for match in pattern.finditer(text) if not _spoken(text[: match.start()])), None)


def _spoken(before: str) -> bool:
    """Whether what follows `before` is a quote, or a line that names its speaker."""
    line = before[before.rfind("\n") + 1 :]
    return before.count('"') % 2 == 1 or line.count("'") % 2 == 1 or bool(_SPEAKER.match(line))
