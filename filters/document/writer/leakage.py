"""The writer's scratchpad and the prompt's tags in the text."""

import re

from filters.check import PASSED, Outcome, TextCheck, at_most, excerpt
from filters.document.writer.settings import Leak
from filters.text.gates import Gated, Marks
from filters.text.view import View

_NAMES = (
    "scratch_?pad|think|thinking|thoughts?|reasoning|reflection|analysis|plan|planning|brainstorm(?:ing)?|draft|"
    "outline|"
    "content|document|doc|doc_?type|document_?type|idea|output|final|answer|reply|response|result|instructions?|"
    "prompt|system|"
    "user|assistant|human|spec|model_?spec|assertions?|passages?|subdomain|domain|critique|revision|rewrite"
)
_TAG = re.compile(
    rf"(?:<|&lt;)\s{{0,3}}/?\s{{0,3}}(?:{_NAMES})\b[^<>\n]{{0,80}}?/?\s{{0,3}}(?:>|&gt;)|"
    rf"\[\s{{0,3}}/?\s{{0,3}}(?:{_NAMES})\s{{0,3}}\](?!\()",
    re.IGNORECASE,
)
_SPECIAL = re.compile(
    r"<\|[^|\n]{1,40}\|>|<</?SYS>>|\[/?INST\]|<(?:start|end)_of_turn>|</?s>|<(?:bos|eos|pad|unk)>", re.IGNORECASE
)
_HEAD = re.compile(
    r"\A(?:ok(?:ay)?, )?(?:so )?the user (?:wants|asks|asked|needs) (?:me |for |a |an |us )|^\[scratch\b|"
    r"^[#* \t]{0,9}(?:scratch ?pad|(?:my )?(?:thinking|brainstorm(?:ing)?|planning)(?: process)?|chain of thought|"
    r"document (?:type|idea)|doc type|word count|target length)[* \t]{0,9}:",
    re.IGNORECASE | re.MULTILINE,
)
_TURN = re.compile(  # how the data that base models saw marks its turns
    r"^#{2,4} ?(instruction|response|input|output|human|assistant|user|system|prompt)s?:", re.IGNORECASE | re.MULTILINE
)
_END = 1_000  # characters at the end of a text in which the next request stands
_TURNS = 2  # different ones; a report may have a heading that is called "Response:"
_ALPACA = re.compile(
    r"\bbelow is an instruction that describes a task\b|^#{2,4} ?instructions?: *\S", re.IGNORECASE | re.MULTILINE
)
_NEXT = Gated(  # the next request, made up behind the text
    r"\n\s*(?:human|user|instruction|prompt|q): [^\n]{0,80}\b(?:write|create|draft|generate|produce|compose|rewrite)\b"
    r"[^\n]*"
    r"(?:\n\s*(?:assistant|ai|response|a):[^\n]*)?\s*\Z",
    re.IGNORECASE,
)
_HEAD_MARKS = Marks(  # one stands in whatever `_HEAD` finds
    "the user ", "[scratch", "scratchpad", "scratch pad", "thinking", "brainstorm", "planning", "chain of thought",
    "document type", "document idea", "doc type", "word count", "target length",
)  # fmt: skip
_SQUARE = ("system", "user", "assistant", "human")  # "[User]" is how a transcript names a speaker
_SURE = Gated(  # a plan's or a self-check's own words; the rest may stand in advice on writing too
    r"\bthe (?:author|narrator|writer) (?:is|knows|has never|should|must|would|can)\b|\b(?:self-)?check(?:list)?:|"
    r"\bthe (?:value|reason|assertion) (?:must|should|has to|comes? out|is (?:shown|stated|explained))\b|"
    r"\b(?:bring out|show|convey|state) the (?:value|reason|assertion)\b|\b(?:insider|lay) (?:frame|author|voice)\b|"
    r"\bwithin (?:the )?(?:range|limit|target)\b|"
    r"\bthe (?:document|text|piece) (?:should|must|will) (?:open|start|show|end)"
)
_PLANNED = re.compile(
    r"\baim(?:ing)? for\b|\b(?:roughly|approx(?:imately|\.)?|about|around|~) ?(?:\d{2,4}|[a-z]+ hundred) words\b|"
    r"\b(?:start|open|begin) with\b|\bend(?:ing)? (?:on|with|not)\b|\bno (?:dates|names|placeholders|links|headings)\b|"
    r"\bpara(?:graph)?s? (?:\d|two|three)|\b(?:tone|length|voice|form|structure|word count)\b:?|"
    r"\b(?:first|second|third|last) paragraph\b|\bok(?:ay)?[;,.]"
)


class Leakage(TextCheck):
    """Tags of the prompt, special tokens, and the writer's planning, under a heading or as the first or last paragraph;
    code is not looked at.
    """

    name = "leakage"
    model = Leak
    looks_at = ("documents", "chats")

    def evaluate(self, view: View) -> Outcome:
        """Score: leaks found; one is too many; else marks of a plan."""
        prose = view.prose
        found = []
        if _HEAD_MARKS.open(view):
            found = [match.group() for match in _HEAD.finditer(prose)]
        if "<" in prose or "[" in prose or ("&" in prose and "&lt;" in prose):
            found += [match.group() for pattern in (_TAG, _SPECIAL) for match in pattern.finditer(prose)]
        found = [leak for leak in found if not _speaker(leak)] + _turns(view)
        if not found:
            return next((plan for edge in view.edges if (plan := self._plan(view, edge)).failed), PASSED)
        return Outcome(True, float(len(found)), 0.0, excerpt(found[0]))

    def _plan(self, view: View, paragraph: str) -> Outcome:
        sure = {match.group() for match in _SURE.finditer(view, paragraph)}
        if not sure:
            return PASSED
        marks = sure | {match.group() for match in _PLANNED.finditer(paragraph)}
        return at_most(len(marks), self.settings.planning, "a plan: " + excerpt(paragraph))


def _turns(view: View) -> list[str]:
    """Marks of turns that a base model writes on with: instruction and response, or the next request."""
    found = [match.group() for match in _ALPACA.finditer(view.prose)] if "instruction" in view.spelled else []
    if "#" in view.text and "##" in view.text:
        turns = {match[1].lower(): match.group() for match in _TURN.finditer(view.prose)}
        found += turns.values() if len(turns) >= _TURNS else []
    request = _NEXT.search(view, view.text[-_END:])
    return found + ([request.group().strip()] if request else [])


def _speaker(leak: str) -> bool:
    return leak.startswith("[") and leak.strip("[]/ ").lower() in _SQUARE
