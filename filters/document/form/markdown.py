"""Debris of markdown: a document wrapped in a code block, markup without content, escapes that came out as text."""

import re

from filters.check import PASSED, Outcome, TextCheck, at_most, excerpt, share_at_most
from filters.document.form.debris import ragged_tables, stray_marks, swallows
from filters.document.form.settings import Markdown
from filters.text.view import View

_WRAPPED = re.compile(
    r"\A\s*```(?:markdown|md|text|txt|plaintext|html)?[ \t]*\n.*\n```\s*\Z", re.DOTALL | re.IGNORECASE
)
_DEBRIS = re.compile(
    r"\\[nt](?=[A-Z\\\s]|$)|\\[#*_`>]|&(?:nbsp|amp|lt|gt|quot);|"
    r"</?(?:br|p|div|span|b|i|u|em|strong|h[1-6]|ul|ol|li|table|tr|td)\b[^<>\n]{0,80}>|^#{7,}|(?<!\*)\*{4,}(?=\w)",
    re.MULTILINE | re.IGNORECASE,
)
_BARE = re.compile(r"\*{1,2}|#{1,6}|\+|\|[| :-]{0,3}")
_MARKS = ("\\", "&", "#######", "****")
_TAGS = ("</", "<b", "<p", "<d", "<s", "<t", "<l", "<h", "<u", "<e", "<i")
_LISTED = re.compile(r"^(?:#{1,6} |[-*+•] |\d{1,3}[.)] )")
_FEWEST = 8  # lines below which the share of list items means nothing
_OUTLINE = 5  # words up to which a list item is an outline, not a sentence


class MarkdownCheck(TextCheck):
    """A wrapped document, too many pieces of debris, or nothing but headings and list items."""

    name = "markdown"
    model = Markdown

    def evaluate(self, view: View) -> Outcome:
        """Score: pieces of debris, else the share of listed lines."""
        if view.text.lstrip().startswith("```") and _WRAPPED.match(view.text):
            return Outcome(True, 1.0, 0.0, "the whole document is in a code block")
        if swallows(view):
            return Outcome(True, 1.0, 0.0, "a code block that is never closed swallows the text behind it")
        found = [line for line in view.lines if len(line) <= 6 and _BARE.fullmatch(line)] + _unbalanced(view.prose)
        found += stray_marks(view.prose) + ragged_tables(view.prose)
        if any(mark in view.lower for mark in _MARKS) or ("<" in view.lower and any(t in view.lower for t in _TAGS)):
            found += [match.group() for match in _DEBRIS.finditer(view.prose)]
        if len(found) > self.settings.maximum:
            return at_most(len(found), self.settings.maximum, excerpt(" | ".join(found[:5]), 0, 160))
        short = [line for line in view.lines if _LISTED.match(line) and len(line.split()) <= _OUTLINE]
        if len(view.lines) < _FEWEST:
            return PASSED
        return share_at_most(
            len(short), len(view.lines), self.settings.maximum_list_share, "headings and short list items"
        )


def _unbalanced(text: str) -> list[str]:
    """Lines in which bold opens and never closes."""
    return [line for line in text.splitlines() if "**" in line and line.count("**") % 2] if "**" in text else []
