"""Slots that nobody filled: [Your Name], {company}, <insert date>, TODO, lorem ipsum."""

import re

from filters.base import CheckSettings
from filters.check import PASSED, Outcome, TextCheck, excerpt
from filters.context import Context
from filters.document.writer.slots import slots
from filters.text.gates import Marks
from filters.text.patterns import Patterns, PerLanguage
from filters.text.view import View

_SPEECH = re.compile(r":? \S+ \S")
_SPEAKER = re.compile(r"\[(?:assistant|user|customer|client)\]: \S+ \S", re.IGNORECASE)
_PACKAGE = "filters.document.writer"
_SLOT_WORDS = 4  # words of a slot that ends with what belongs there: "[Name of the firm]" is another form, see slots.py
_SQUARE = re.compile(r"\[([^\[\]\n]{1,70})\](?!\(|\[)")
_ANGLE = re.compile(r"<([A-Za-z][^<>=\"'/\n]{1,60})>")
_SHOUT = re.compile(r"[A-Z][A-Z0-9]*(?:[ _-][A-Z0-9]+)+")
_CURLY = re.compile(r"\{\{[^{}\n]{0,60}\}\}|\{%[^%\n]{0,60}%\}|\$\{\w{1,40}\}|(?<!\{)\{[A-Za-z][\w .-]{0,40}\}(?!\})")
_EN = Patterns.of(_PACKAGE, "en")
_WORDS, _MARKS = _EN.expression("slot_words"), Marks(*_EN.entries("slot_marks"))
_SHOWN = re.compile(r"""(?:"[^"\n]{0,40}|“[^“”\n]{0,40}|'[^'\n]{0,40})$""")
_FORM = _EN.expression("slot_form", re.IGNORECASE, form=r"\b{}\b")
# A text that is nothing else says what should stand in its place.
_ALL_ASIDE = re.compile(r"\A\s*\([^()]{3,200}\)\s*\Z")


class _Slots:
    """The words of slots in one language: names of what is missing, what asks for it, what is left out on purpose."""

    def __init__(self, lists: Patterns) -> None:
        self.noun, self.ask, self.kept = (lists.compiled(f"slot_{name}") for name in ("noun", "ask", "kept"))


class Placeholders(TextCheck):
    """A slot in brackets, braces or angles, or a word that stands for one; code is not looked at."""

    name = "placeholders"
    looks_at = ("documents", "chats", "queries")

    def __init__(self, settings: CheckSettings, context: Context) -> None:
        super().__init__(settings, context)
        known = PerLanguage(_PACKAGE).with_list("slot_noun")
        codes = dict.fromkeys(
            code for code in (context.language, "en") if code in known
        )  # English slots are everywhere
        self.lists = [_Slots(Patterns.of(_PACKAGE, code)) for code in codes]

    def evaluate(self, view: View) -> Outcome:
        """Score: slots found; one is too many."""
        prose = view.prose
        found: list[re.Match[str]] = []
        if _MARKS.open(view):
            found += list(_WORDS.finditer(prose))
        if "[" in prose:
            squared = (match for match in _SQUARE.finditer(prose) if not _speaks(prose, match))
            found += [match for match in squared if self._is_slot(match[1])]
        if "{" in prose:
            found += list(_CURLY.finditer(prose))
        if "<" in prose:
            found += [
                match for match in _ANGLE.finditer(prose) if self._is_slot(match[1].replace("_", " "), shouts=False)
            ]
        found += [match for match in slots(view) if not self._kept(match.group().lower())]
        found += _ALL_ASIDE.finditer(prose)
        if _FORM.search(view.item.genre):
            found = [match for match in found if not match.group().rstrip().endswith("___")]
        shown = {match.group() for match in found if _shown(prose, match)}
        found = [match for match in found if match.group() not in shown]
        if not found:
            return PASSED
        return Outcome(True, float(len(found)), 0.0, excerpt(found[0].group()))

    def _is_slot(self, inner: str, *, shouts: bool = True) -> bool:
        """Whether what stands between brackets names what should, asks for it, or is in capitals with a space."""
        lower = inner.strip().lower().replace("’", "'")
        if self._kept(lower):
            return False
        if shouts and _SHOUT.fullmatch(inner):
            return True
        return any(one.ask.match(lower) or _names(one.noun, lower) for one in self.lists)

    def _kept(self, lower: str) -> bool:
        """Whether something was left out on purpose, or is a stage's or a transcript's own remark."""
        return any(one.kept.search(lower) for one in self.lists)


def _names(noun: re.Pattern[str], lower: str) -> bool:
    """Whether the last of at most four words is a slot's, or the whole."""
    words = lower.split()
    return len(words) <= _SLOT_WORDS and bool(noun.fullmatch(lower) or noun.fullmatch(words[-1])) if words else False


def _shown(text: str, found: re.Match[str]) -> bool:
    """Whether a quotation ends with the slot (began "Dear {name}"): the text is about it, wherever else it stands."""
    line = text[text.rfind("\n", 0, found.start()) + 1 : found.start()]
    return text[found.end() : found.end() + 1] in ('"', "”", "'") and bool(_SHOWN.search(line))


def _speaks(text: str, found: re.Match[str]) -> bool:
    """Whether it opens a line that goes on, as a speaker's name does in a transcript: [customer] hello, [User]: hi."""
    if text[text.rfind("\n", 0, found.start()) + 1 : found.start()].strip():
        return False
    low = found.group()[1:2].islower() and bool(_SPEECH.match(text, found.end()))
    return low or bool(_SPEAKER.match(text, found.start()))
