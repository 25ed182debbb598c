"""Slots that nobody filled: [Your Name], {company}, <insert date>, TODO, lorem ipsum."""

import re

from filters.check import PASSED, Outcome, TextCheck, excerpt
from filters.document.writer.slots import slots
from filters.text.view import View

_SLOT_WORDS = (
    "name|date|time|year|month|day|title|company|organi[sz]ation|institution|university|school|team|department|"
    "division|"
    "city|state|country|location|place|address|street|email|e-mail|phone|number|contact|link|url|website|amount|price|"
    "product|project|author|sender|recipient|client|customer|employer|position|role|signature|version|topic|subject|"
    "description|example|details?|text|figure|image|logo|id|model|provider|assistant"
)
_SQUARE = re.compile(
    rf"\[(?:(?:your|my|our|insert|add|enter|specify|fill|include|provide|todo|tbd|tba|placeholder)\b[^\]\n]{{0,60}}|"
    rf"(?:[\w'’./-]+ ){{0,3}}(?:{_SLOT_WORDS})s?|[A-Z][A-Z0-9]*(?:[ _-][A-Z0-9]+)+|X{{2,}}|_+)\](?!\(|\[)",
    re.IGNORECASE,
)
_SPEECH = re.compile(r":? \S+ \S")
_SPEAKER = re.compile(r"\[(?:assistant|user|customer|client)\]: \S+ \S", re.IGNORECASE)
_SHOUT = re.compile(r"\[[A-Z][A-Z0-9]*(?:[ _-][A-Z0-9]+)+\](?!\()")
_CURLY = re.compile(r"\{\{[^{}\n]{0,60}\}\}|\{%[^%\n]{0,60}%\}|\$\{\w{1,40}\}|(?<!\{)\{[A-Za-z][\w .-]{0,40}\}(?!\})")
_ANGLE = re.compile(
    rf"<(?:(?:your|insert|add|enter|todo)\b[^<>\n]{{0,60}}|(?:\w+[ _-]){{0,2}}(?:{_SLOT_WORDS}))>", re.IGNORECASE
)
_WORDS = re.compile(
    r"\b[Ll]orem [Ii]psum\b|\b(?:insert|add) (?:your )?[\w ]{1,30} here\b|\b(?:TODO|FIXME|TBD)\b(?=[:\s(]|$)|"
    r"\b(?:[Nn]ame|[Dd]ate|[Ss]igned|[Ss]ignature):?\s*_{3,}|\bXX+[-/]XX+\b|\bXXX+\b|"
    r"(?<=[a-z,:] )_{4,}|(?<!\w)_{4,}(?=[ ,.;:]{1,2}[a-z])"
)
_SHOWN = re.compile(r"""(?:"[^"\n]{0,40}|“[^“”\n]{0,40}|'[^'\n]{0,40})$""")
_FORM = re.compile(r"\b(?:forms?|slips?|worksheets?|questionnaires?)\b", re.IGNORECASE)  # blanks are to be filled
_MARKS = ("lorem", " here", "todo", "fixme", "tbd", "___", "xx")
# A text that is nothing else says what should stand in its place.
_ALL_ASIDE = re.compile(r"\A\s*\([^()]{3,200}\)\s*\Z")


class Placeholders(TextCheck):
    """A slot in brackets, braces or angles, or a word that stands for one; code is not looked at."""

    name = "placeholders"
    looks_at = ("documents", "chats", "queries")

    def evaluate(self, view: View) -> Outcome:
        """Score: slots found; one is too many."""
        prose = view.prose
        found: list[re.Match[str]] = []
        if any(mark in view.lower for mark in _MARKS):
            found += list(_WORDS.finditer(prose))
        if "[" in prose:
            found += [
                match for match in _SQUARE.finditer(prose) if _is_slot(match.group()) and not _speaks(prose, match)
            ]
        if "{" in prose:
            found += list(_CURLY.finditer(prose))
        if "<" in prose:
            found += list(_ANGLE.finditer(prose))
        found += slots(prose)
        found += _ALL_ASIDE.finditer(prose)
        if _FORM.search(view.item.genre):
            found = [match for match in found if not match.group().rstrip().endswith("___")]
        shown = {match.group() for match in found if _shown(prose, match)}
        found = [match for match in found if match.group() not in shown]
        if not found:
            return PASSED
        return Outcome(True, float(len(found)), 0.0, excerpt(found[0].group()))


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


def _is_slot(found: str) -> bool:
    """All capitals with a space is a slot, in other cases the words decide (the pattern ignores case)."""
    inner = found.strip("[]")
    if re.fullmatch(rf"(?:[\w'’./-]+ ){{0,3}}(?:{_SLOT_WORDS})s?", inner, re.IGNORECASE):
        return True
    if re.match(
        r"(?:your|my|our|insert|add|enter|specify|fill|include|provide|todo|tbd|tba|placeholder|x{2}|_|\.)",
        inner,
        re.IGNORECASE,
    ):
        return True
    return bool(_SHOUT.fullmatch(found))
