"""A finding with a figure, ascribed to a body or a sample that a writer can only invent, in one sentence."""

import re

from filters.text.view import View

_WORDS = frozenset(
    re.findall(
        r"\w+",
        "study studies experiment experiments trial trials survey surveys poll polls research report analysis data "
        "findings researchers psychologists economists scientists sociologists nutritionists statisticians "
        "investigators academics professor census review according",
    )
)
_FIGURE = re.compile(
    r"\d(?:[\d.,]*\d)? ?(?:%|percent\b|per cent\b|percentage points?\b)|\b\w+(?:[- ]\w+)? (?:percent|per cent)\b|"
    r"\b\d+ (?:in|out of|of every|in every) \d+\b|\b(?:twice|thrice|(?:\d+(?:\.\d+)?|two|three|four|five) times) "
    r"(?:as|more|less|likelier)\b|"
    r"\b(?:two[- ]thirds|three[- ]quarters|\w+ (?:in|out of) (?:ten|five|four|three|six))\b"
)
_SOURCE = re.compile(
    r"\b(?:study|studies|experiments?|trials?|surveys?|surveyed|polls?|polled|research(?:ers)?|reports?|reported|"
    r"analysis|"
    r"data|findings?|found|psychologists|economists|scientists|sociologists|nutritionists|statisticians|investigators|"
    r"academics|census|according to)\b",
    re.IGNORECASE,
)
_KIND = (
    r"(?:University|Institute|College|Foundation|Council|Board|Association|Society|Federation|Bureau|Agency|Ministry|"
    r"Department|Laboratory|Center|Centre|Trust|Commission|Observatory|Academy|Journal|Review|Quarterly|Authority)"
)
_BODY = re.compile(
    rf"\b{_KIND} (?:of|for|on) [A-Z]|\b[A-Z][\w'’&-]+ (?:(?:of|for|and|the) )?(?:[A-Z][\w'’&-]+ )*{_KIND}\b|"
    r"\b(?:Professor|Prof\.?|Dr\.?) [A-Z]|\b(?:[Rr]esearchers|[Pp]sychologists|[Ee]conomists|[Ss]cientists|"
    r"[Aa]cademics) "
    r"(?:at|from|in) [A-Z]"
)
_SAMPLE = re.compile(
    r"\b(?:participants|respondents|subjects|adults|households|children|shoppers|consumers|diners|volunteers|users|"
    r"customers|families|students|people|guests|parents|workers)\b"
)
_FOUND = re.compile(
    r"\b(?:study|experiment|survey|surveyed|poll|polled|trial|researchers|study of|data from)\b", re.IGNORECASE
)
_COUNTED = re.compile(r"\b\d{1,3}(?:,\d{3})+\b|\b\d{2,}\b|\b(?:hundred|thousand)s?\b")
_STOPS = (". ", "! ", "? ", "\n")
_REACH = 400  # characters on either side in which a sentence ends


def ascribed(view: View) -> str:
    """The first sentence with a source, a body that is named or a sample that is counted, and a figure; or nothing."""
    if not view.vocabulary & _WORDS:
        return ""
    for match in _SOURCE.finditer(view.text):
        sentence = _sentence(view.text, match.start(), match.end())
        figures = _FIGURE.findall(sentence)
        if figures and (_BODY.search(sentence) or _sampled(sentence)):
            return sentence.strip()
    return ""


def _sentence(text: str, start: int, end: int) -> str:
    first = max(text.rfind(mark, max(0, start - _REACH), start) for mark in _STOPS)
    last = min((place for mark in _STOPS if (place := text.find(mark, end, end + _REACH)) >= 0), default=end + _REACH)
    return text[first + 1 : last]


def _sampled(sentence: str) -> bool:
    """Whether a share is told of so many people that were asked or tested."""
    rest = _FIGURE.sub(" ", sentence)
    return bool(_FOUND.search(sentence) and _SAMPLE.search(sentence) and _COUNTED.search(rest))
