"""The writer's scratchpad and the prompt's tags in the text."""

import re

from filters.check import PASSED, Outcome, TextCheck, at_most, excerpt
from filters.context import Context
from filters.document.writer.settings import Leak
from filters.text.gates import Gated, Marks
from filters.text.patterns import PerLanguage
from filters.text.view import View

_PACKAGE = "filters.document.writer"
_TAG = (  # any of some names as a tag, in angles or in brackets
    r"(?:<|&lt;)\s{0,3}/?\s{0,3}{}\b[^<>\n]{0,80}?/?\s{0,3}(?:>|&gt;)|\[\s{0,3}/?\s{0,3}{}\s{0,3}\](?!\()"
)
_SPECIAL = re.compile(
    r"<\|[^|\n]{1,40}\|>|<</?SYS>>|\[/?INST\]|<(?:start|end)_of_turn>|</?s>|<(?:bos|eos|pad|unk)>", re.IGNORECASE
)
_TURN = r"^#{2,4} ?({})s?:"  # how the data that base models saw marks its turns
_END = 1_000  # characters at the end of a text in which the next request stands
_TURNS = 2  # different ones; a report may have a heading that is called "Response:"
_LINES = re.IGNORECASE | re.MULTILINE


class Leakage(TextCheck):
    """Tags of the prompt, special tokens, and the writer's planning, under a heading or as the first or last paragraph;
    code is not looked at.
    """

    name = "leakage"
    model = Leak
    looks_at = ("documents", "chats")

    def __init__(self, settings: Leak, context: Context) -> None:
        super().__init__(settings, context)
        lists = PerLanguage(_PACKAGE).nearest(context.language, "leak_sure")
        self.tag = lists.expression("leak_tag", re.IGNORECASE, form=_TAG)
        self.speakers = lists.words("leak_speaker")
        self.head, self.head_marks = lists.expression("leak_head", _LINES), Marks(*lists.entries("leak_head_marks"))
        self.turn = lists.expression("leak_turn", _LINES, form=_TURN)
        self.alpaca = Gated(lists.expression("leak_alpaca", _LINES))
        self.next = Gated(lists.expression("leak_next", re.IGNORECASE))
        self.sure, self.planned = Gated(lists.expression("leak_sure")), lists.expression("leak_planned")

    def evaluate(self, view: View) -> Outcome:
        """Score: leaks found; one is too many; else marks of a plan."""
        prose = view.prose
        found = []
        if self.head_marks.open(view):
            found = [match.group() for match in self.head.finditer(prose)]
        if "<" in prose or "[" in prose or ("&" in prose and "&lt;" in prose):
            found += [match.group() for pattern in (self.tag, _SPECIAL) for match in pattern.finditer(prose)]
        found = [leak for leak in found if not self._is_speaker(leak)] + self._turns(view)
        if not found:
            return next((plan for edge in view.edges if (plan := self._plan(view, edge)).failed), PASSED)
        return Outcome(True, float(len(found)), 0.0, excerpt(found[0]))

    def _plan(self, view: View, paragraph: str) -> Outcome:
        sure = {match.group() for match in self.sure.finditer(view, paragraph)}
        if not sure:
            return PASSED
        marks = sure | {match.group() for match in self.planned.finditer(paragraph)}
        return at_most(len(marks), self.settings.planning, "a plan: " + excerpt(paragraph))

    def _turns(self, view: View) -> list[str]:
        """Marks of turns that a base model writes on with: instruction and response, or the next request."""
        found = [match.group() for match in self.alpaca.finditer(view, view.prose)]
        if "#" in view.text and "##" in view.text:
            turns = {match[1].lower(): match.group() for match in self.turn.finditer(view.prose)}
            found += turns.values() if len(turns) >= _TURNS else []
        request = self.next.search(view, view.text[-_END:])
        return found + ([request.group().strip()] if request else [])

    def _is_speaker(self, leak: str) -> bool:
        """Whether "[User]" names who speaks in a transcript."""
        return leak.startswith("[") and leak.strip("[]/ ").lower() in self.speakers
