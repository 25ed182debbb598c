"""Texts without an end: cut by the token limit, or breaking off in the middle of a sentence."""

import re

from filters.base import GateSettings
from filters.check import PASSED, Outcome, TextCheck, excerpt
from filters.document.form.debris import swallows
from filters.text.view import View

_END = tuple(".!?…:;\"'”’»)]}>|`。！？」*_~")
_ITEM = re.compile(r"^(?:[-*+•–]|\d{1,3}[.)]|[a-z][.)])\s+")
_HEADING = re.compile(r"^#{1,6}\s")
_OPEN_WORD = re.compile(
    r"(?:[,\-–—(\[{/&]|\b(?:a|an|the|and|or|but|nor|of|to|in|on|at|by|for|from|with|as|that|which|who|whose|than|"
    r"because|"
    r"if|when|while|is|are|was|were|be|its|their|our|your|this|these|not|so|into|such))$",
    re.IGNORECASE,
)
_EMPTY_ITEM = re.compile(r"^(?:[-*+•–]|\d{1,3}[.)])$")
_OPEN_BOLD = re.compile(r"(?:^|[\s(])\*\*\w[^*]*$")
_SIGN_OFF = re.compile(r"^[\w' ]{2,40},$")
_LONGEST_LABEL = 7  # words of a closing line that needs no full stop: a signature, a caption, a row


class Truncation(TextCheck):
    """A state or finish reason that says so, an open code block, or a last line that does not end."""

    name = "truncation"
    model = GateSettings
    looks_at = ("documents", "chats")

    def evaluate(self, view: View) -> Outcome:
        """Score 1 where the text was cut."""
        meta = view.item.meta
        if meta.get("state") == "truncated" or meta.get("finish_reason") == "length":
            return Outcome(True, 1.0, 0.0, "cut by the token limit")
        if not view.lines:
            return Outcome(True, 1.0, 0.0, "empty")
        if swallows(view):
            return PASSED  # the text goes on behind the code block and ends: debris of markdown
        if sum(line.startswith("```") for line in view.lines) % 2:
            return Outcome(True, 1.0, 0.0, "a code block is never closed")
        last = view.lines[-1]
        if _ends(last, view.lines):
            return PASSED
        return Outcome(True, 1.0, 0.0, f"ends with: {excerpt(last, len(last) - 80, len(last))}")


def _ends(last: str, lines: list[str]) -> bool:
    if (_HEADING.match(last) and not _sentence(last)) or _EMPTY_ITEM.match(last):
        return False  # a heading with nothing below it, a list's mark with nothing behind it
    if last.count("**") % 2 and _OPEN_BOLD.search(last):
        return False
    if last.endswith(_END):
        return not last.endswith((":**", ":")) or len(last.split()) <= 2
    if _OPEN_WORD.search(last):
        return bool(_SIGN_OFF.match(last))
    if _ITEM.match(last):
        return len(last.split()) <= _LONGEST_LABEL or _bare_items(lines[:-1])
    return len(last.split()) <= _LONGEST_LABEL or _careless(lines[:-1])


def _sentence(heading: str) -> bool:
    """Whether what stands as a heading is a sentence that was marked as one."""
    return heading.endswith((".", "!", '."')) and len(heading.split()) > _LONGEST_LABEL


def _careless(lines: list[str]) -> bool:
    """Whether most lines of this text end without a full stop, as in a chat or a hasty post."""
    sentences = [line for line in lines if len(line.split()) > _LONGEST_LABEL]
    return len(sentences) >= 2 and sum(line[-1].isalnum() for line in sentences) * 2 > len(sentences)


def _bare_items(lines: list[str]) -> bool:
    """Whether the list items of this text usually end without punctuation."""
    items = [line for line in lines if _ITEM.match(line)]
    return len(items) >= 2 and sum(not item.endswith(_END) for item in items) * 2 >= len(items)
