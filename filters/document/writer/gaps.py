"""Gaps without brackets, and brackets that say what to put in: "rose by X%", "[year, check with the warden]"."""

import re

from filters.text.patterns import Patterns
from filters.text.view import View

_EN = Patterns.of("filters.document.writer", "en")
_COUNTED, _PART, _NOUN, _DOING = (_EN.in_order(f"gap_{name}") for name in ("counted", "part", "noun", "doing"))
_NUMBER = re.compile(
    rf"(?<![\w.$/-])(?:X|N|XX|NN|#|n\.n|X\.X) ?(?:%|per ?cent\b|percent\b|{_COUNTED}\b)|"
    r"(?:[€£$] ?(?:X|N|XX)|(?<![\w/])(?:X|XX) ?(?:euros?|pounds?|dollars?|GBP|EUR|USD))(?![\w.])|"
    rf"\b{_PART} (?:X\.X|X\.Y|##|N\.N)(?!\w)|"
    r"\bTB[ACDN]\b"
)
_ASKS = re.compile(  # a bracket that begins with what is missing and goes on, or that tells somebody to do something
    rf"[\[<{{](?!the assistant\])(?:(?:the|a|an|exact|local|full|first|last) ){{0,3}}{_NOUN}s?"
    r"(?:\]|>|\}|[,:;?/–—-] ?[^\]>}\n]{1,80}[\]>}]|"
    r" (?:tbc|tbd|to (?:be|come|follow|confirm)|goes|here|needed|missing|from|if|or)\b[^\]>}\n]{0,80}[\]>}])(?!\()|"
    rf"[\[<{{]{_DOING}\b[^\]>}}\n]{{3,90}}[\]>}}](?!\()",
    re.IGNORECASE,
)
_TOLD = re.compile(  # round brackets that tell an editor what to do
    r"\((?:insert|fill in|replace|to be (?:filled|confirmed|supplied|completed|added)|change (?:to|this)|"
    r"swap (?:in|for)|add (?:name|date|figure|number|source|quote)|name (?:here|to follow)|"
    r"date (?:here|to follow)|details? to (?:follow|come)|check (?:date|figure|spelling|name|with))\b[^()\n]{0,80}\)",
    re.IGNORECASE,
)
_STANDS_IN = re.compile(
    r"\b(?:ACME(?: Corp\w*)?|Acme Corp\w*|[Ff]oo ?[Bb]ar|(?:Company|City|Product|Person|Firm|Town) [XYZ]|Firstname|"
    r"Lastname|Sampletown|Author \(Year\)|(?:Mr|Mrs|Ms|Dr)\.? [XYZ](?!\.|\w)|Day X|(?:19|20)XX|TK(?!\w)|"
    r"FOUNDER NAME|MONTH YEAR|NAME_OF_[A-Z_]+|INSERT [A-Z]+|(?<=[a-z] )NAME(?= [a-z]))\b|"
    r"(?<![\w?!])\?\?(?![?!])|\[\?\]|\b(?:Figure|Table|Section|Page|Chapter) \?|[$€£]_{1,9}"
)
_IN_A_PLACE = re.compile(  # a bracket where the sentence needs a word: "told him about [side effect]"
    r"\b(?:of|about|by|for|from|with|at|named|called|Mr\.?|Mrs\.?|Ms\.?|Dr\.?|Prof\.?|to|in|on|said|our|your|are|is|"
    r"was) \[(?!(?:sic|the|his|her|their|its|my|our|your|this|that|these|a|an|redacted|withheld|illegible|inaudible|"
    r"pause|laughs?|laughter|unclear|crosstalk|who|which|[ivxlc]+|\d)\b)[a-z][\w'’ /-]{2,40}\](?!\(|\[)"
)
_SAID = re.compile(  # a line or a quotation that says what belongs there
    r"(?:^|(?<=[\"“(\[*]))(?:Insert|Fill in) [^.!?\n]{3,100}\bhere\b", re.MULTILINE
)
_BLANK = re.compile(r"(?<=[a-z,] )_{2,12}(?= [a-z])")  # in a sentence; that of a form ends its line
_NOTED = re.compile(r"(?<!the )\bXX (?!of\b)[^\n]{3,80}? XX\b")
_COUNT = re.compile(r"\[(?:N|X|#|n|x)\](?=x\b|[ %]\w)")
_NAMED = re.compile(r"\((?:NAME|DATE|PLACE|CITY|PERSON|FIRM|COMPANY|TITLE|AMOUNT|NUMBER)(?: \d{1,2})?\)")
_SPEAKER = re.compile(r"(?m)^\[(?:assistant|customer|client|user|speaker|author|contact)s?\]:? +\S", re.IGNORECASE)
_SIGNS = frozenset(["x", "n", "xx", "nn", "tba", "tbc", "tbd", "tbn"])
_TELLING = frozenset(
    ["insert", "fill", "replace", "change", "swap", "add", "check", "details", "detail", "name", "date"]
)
_STANDING = frozenset(["acme", "foo", "foobar", "x", "y", "z", "firstname", "lastname", "sampletown", "tk"])
_CAPITALS = ("NAME", "MONTH YEAR", "INSERT ", "Author (Y")
_CAPITAL = ("name", "month", "insert", "author")  # one of which stands in a word of each of these
_MARKS = ("??", "[?]", "$_", "£_", "€_", " ?")
_ROUND = frozenset(["name", "date", "place", "city", "person", "firm", "company", "title", "amount", "number"])
_SAYING = frozenset(["insert", "fill"])


def gaps(view: View) -> list[re.Match[str]]:
    """Gaps that nobody filled, in prose; the vocabulary is asked first."""
    prose, words = view.prose, view.vocabulary
    found: list[re.Match[str]] = []
    if not words.isdisjoint(_SIGNS):
        found += _NUMBER.finditer(prose)
    if "xx" in view.spelled or not words.isdisjoint(_STANDING) or _may_stand(view):
        found += _STANDS_IN.finditer(prose)
    if "here" in words and not words.isdisjoint(_SAYING):
        found += _SAID.finditer(prose)
    if "__" in prose:
        found += _BLANK.finditer(prose)
    if "xx" in words:
        found += _NOTED.finditer(prose)
    if "(" in prose and not words.isdisjoint(_ROUND):
        found += _NAMED.finditer(prose)
    if "[" in prose:
        found += [*_IN_A_PLACE.finditer(prose), *_COUNT.finditer(prose)]
    if "[" in prose or "<" in prose or "{" in prose:
        spoken = {match.start() for match in _SPEAKER.finditer(prose)}  # "[customer] my lift has stopped"
        found += (match for match in _ASKS.finditer(prose) if match.start() not in spoken)
    if "(" in prose and not words.isdisjoint(_TELLING):
        found += _TOLD.finditer(prose)
    return found


def _may_stand(view: View) -> bool:
    """Whether one of the marks is there; for those with a word the vocabulary is asked first, as it is faster."""
    prose, spelled = view.prose, view.spelled
    if any(part in spelled for part in _CAPITAL) and any(mark in prose for mark in _CAPITALS):
        return True
    return ("?" in prose or "_" in prose) and any(mark in prose for mark in _MARKS)
