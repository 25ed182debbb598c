"""Texts without an end: cut by the token limit, or breaking off in the middle of a sentence."""

import re

from filters.base import GateSettings
from filters.check import PASSED, Outcome, TextCheck, excerpt
from filters.context import Context
from filters.document.form.debris import swallows
from filters.text.patterns import Patterns, PerLanguage
from filters.text.view import UNSPACED, View

_PACKAGE = "filters.document.form"
_END = tuple(".!?…:;\"'”’»›)]}>|`*_~。．！？」』）】》”︒؟۔।॥።։\u104b\u17d4")
_ITEM = re.compile(r"^(?:[-*+•–]|\d{1,3}[.)]|[a-z][.)])\s+")
_HEADING = re.compile(r"^#{1,6}\s")
_MARK = re.compile(r"[,\-–(\[{/&]$")
_BREAKS_OFF = re.compile(r"(?:[—―]|(?<=[^\W\d])(?:–|--))$")  # speech that is interrupted, or "—End of Document—"
_RULE = re.compile(r"[\W_]{3,}")  # a line below the text: no letter, no figure
_NO_STOPS = re.compile("[\u0e00-\u0eff]")  # Thai and Lao end a sentence with a space
_EMPTY_ITEM = re.compile(r"^(?:[-*+•–]|\d{1,3}[.)])$")
_OPEN_BOLD = re.compile(r"(?:^|[\s(])\*\*\w[^*]*$")
_SIGN_OFF = re.compile(r"^[\w' ]{2,40},$")
_LONGEST_DENSE = 14  # characters of one in a script without spaces
_FIELD = re.compile(
    r"^[*_]{0,2}(\w[\w '’/-]{0,30}?)[*_]{0,2}:[*_]{0,2}\s+\S"
)  # "Contact: the desk, weekdays from nine to four"
_LONGEST_FIELD = 16  # words of one that needs no full stop
_LONGEST_ANSWER = 12  # words of a whole answer in one line that needs none
_START, _SEVERAL = re.compile(r"(?:^|[.!?]\s+)(\w)"), 3
_LONGEST_LABEL = 7  # words of a closing line that needs no full stop: a signature, a caption, a row


class Truncation(TextCheck):
    """A state or finish reason that says so, an open code block, or a last line that does not end."""

    name = "truncation"
    model = GateSettings
    looks_at = ("documents", "chats")

    def __init__(self, settings: GateSettings, context: Context) -> None:
        super().__init__(settings, context)
        known = context.language in PerLanguage(_PACKAGE).with_list("open_words")
        self.open_words = Patterns.of(_PACKAGE, context.language).compiled("open_words") if known else None

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
        lines = _without_rules(view.lines)
        last = lines[-1]
        if _ends(last, lines, self.open_words, view.item.table == "chats"):
            return PASSED
        return Outcome(True, 1.0, 0.0, f"ends with: {excerpt(last, len(last) - 80, len(last))}")


def _without_rules(lines: list[str]) -> list[str]:
    """`lines` without the rules or marks that close a text (`---`, `* * *`, `###`)."""
    last = next((n for n in range(len(lines), 0, -1) if not _RULE.fullmatch(lines[n - 1])), len(lines))
    return lines[:last]


def _ends(last: str, lines: list[str], open_words: re.Pattern[str] | None, is_answer: bool) -> bool:
    if (_HEADING.match(last) and not _sentence(last)) or _EMPTY_ITEM.match(last):
        return False  # a heading with nothing below it, a list's mark with nothing behind it
    if last.count("**") % 2 and _OPEN_BOLD.search(last):
        return False
    if last.endswith(_END) or _BREAKS_OFF.search(last):
        return not last.endswith((":**", ":")) or len(last.split()) <= 2
    final = last.rsplit(None, 1)[-1].lower()
    if _MARK.search(last) or (open_words is not None and open_words.fullmatch(final)):
        return bool(_SIGN_OFF.match(last))
    is_short = is_answer and len(lines) == 1 and len(last.split()) <= _LONGEST_ANSWER
    if is_short or _is_label(last) or _is_field(last, lines[:-1]) or _in_small_letters(last):
        return True
    return _bare_items(lines[:-1]) if _ITEM.match(last) else _careless(lines[:-1])


def _is_label(line: str) -> bool:
    """Whether a line is so short that it needs no full stop: a signature, a caption, a row."""
    if UNSPACED.search(line):
        return len(line) <= _LONGEST_DENSE or bool(_NO_STOPS.search(line))
    return len(line.split()) <= _LONGEST_LABEL


def _is_field(line: str, above: list[str]) -> bool:
    """Whether a line is one of a form, such as the status of a ticket, and not a speaker's, whose name comes again."""
    named = _FIELD.match(line)
    if not named or len(line.split()) > _LONGEST_FIELD:
        return False
    return not any((other := _FIELD.match(one)) and other[1] == named[1] for one in above)


def _in_small_letters(line: str) -> bool:
    """Whether a line of several sentences begins none with a capital: who writes so ends without a full stop."""
    starts = _START.findall(line)
    return len(starts) >= _SEVERAL and all(start.islower() for start in starts)


def _sentence(heading: str) -> bool:
    """Whether what stands as a heading is a sentence that was marked as one."""
    return heading.endswith((".", "!", '."')) and len(heading.split()) > _LONGEST_LABEL


def _careless(lines: list[str]) -> bool:
    """Whether most lines of this text end without a full stop, as in a chat or a hasty post."""
    sentences = [line for line in lines if len(line.split()) > _LONGEST_LABEL]
    return len(sentences) >= 2 and sum(line[-1].isalnum() for line in sentences) * 2 > len(sentences)


def _bare_items(lines: list[str]) -> bool:
    """Whether list items of this text end without punctuation: half of them, or two."""
    items = [line for line in lines if _ITEM.match(line)]
    bare = sum(not item.endswith(_END) for item in items)
    return len(items) >= 2 and (bare >= 2 or bare * 2 >= len(items))
