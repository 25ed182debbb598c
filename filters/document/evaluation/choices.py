"""Forced choices in the layout of an evaluation: two options under letters, and the letter that is the answer.

Which item it is does not matter: a document that shows the form with its answer teaches the test (docs/method.md,
5.8). A quiz of facts with three options or more, or with its key elsewhere, stays.
"""

import re
from itertools import pairwise

from filters.check import excerpt
from filters.text.view import View

_NUMBERED = frozenset(["option", "choice"])
_OPTION = re.compile(  # the mark of an option: "(B)", "B.", "**B:**", "Option 2:"
    r"(?<![\w'])(?:(?:option|choice|statement|answer) )?(?P<letter>[a-d]|(?<=[en] )[1-4])\*{0,2}[)\]:.]\*{0,2}"
    r"(?=\s+\W{0,3}\w)"
)
_BETWEEN = (4, 600)  # characters from the mark of one option to that of the next
_BEFORE = 300  # characters before the options in which the question stands
_AFTER = 400  # characters of the second option, and of the answer behind it
_PREFERS = re.compile(
    r"\b(?:prefer\w*|rather|sooner|choos\w+|choice|chose|picks?|favou?rs?|likes?|lean\w*|closer to|agrees?|sides? "
    r"with|which (?:of (?:these|the)|would|do|does|one|is|statement|option|answer|response)|"
    r"your (?:own )?(?:view|opinion))\b"
)
_OWN_VIEW = re.compile(
    r"\b(?:prefer\w*|rather|sooner|like (?:better|more|best)|favou?rs?|your (?:own )?(?:view|opinion))\b"
)
_LETTER = (
    r"(?:option |choice |statement )?(?:[a-d]|(?<=[en] )[1-4])[\"')\]*_`]{0,4}"
    r"(?=\s*(?:$|[.,;!?|\n]|because|since|as\b))(?!, ?(?:and )?[\"'(]?[a-d1-4]\b)"  # a key of several is a quiz's
)
_KEY = (
    r"answer|expected|correct|key|response|reply|completion|chosen|choice|label|target|gold|verdict|preferred|result|"
    r"output|i (?:prefer|choose|pick|say)|i(?:'d| would) (?:go with|choose|pick|prefer|say|take)"
)
_ANSWER = (  # a letter behind "Answer:", our name and a colon, or an arrow; what was chosen; or how to answer
    rf"(?:\b(?:{_KEY}|a|{{name}})(?:'s)?(?: (?:{_KEY}|pick|option|is|was))*[\s:=>→–—*_`\"'(\[-]{{1,8}}|(?:→|=>)\s*)"
    rf"{_LETTER}|"
    r"\b(?:reply|answer|respond|return|output|say|write|choose|pick)(?: (?:only|just|with|either|by|the|one|single))* "
    r"(?:letter\b|[\"'(\[*]{0,3}(?:a[\"')\]*]{0,3} or [\"'(\[*]{0,3}b|1 or 2)\b)|"
    r"\b(?:{name}|it|the (?:model|assistant)) (?:always |then |duly )?(?:chose|picked|answered|replied|said|chooses|"
    rf"picks|answers|replies|went for|goes for|selects|selected) [\"'(\[*]{{0,3}}{_LETTER}"
)


class ForcedChoice:
    """Finds lettered options that are answered by a letter, or are asked to be."""

    def __init__(self, name: str) -> None:
        self.name = name.lower()
        self.answer = re.compile(_ANSWER.replace("{name}", re.escape(self.name)), re.MULTILINE)

    def find(self, view: View) -> str:
        """The first two options as they stand, or nothing."""
        text = view.lower
        if "b" not in view.vocabulary and not ("2" in view.vocabulary and view.vocabulary & _NUMBERED):
            return ""
        marks = [(_place(match["letter"]), match.start(), match.end()) for match in _OPTION.finditer(text)]
        for n, ((first, start, end), (second, at, then)) in enumerate(pairwise(marks)):
            if (first, second) != (0, 1) or not _BETWEEN[0] <= at - end <= _BETWEEN[1]:
                continue
            last = then
            for place, (letter, _, beyond) in enumerate(marks[n + 2 : n + 4], start=2):
                last = beyond if letter == place and beyond - last <= _BETWEEN[1] else last
            asked = text[max(0, start - _BEFORE) : start]
            if self._prefers(asked, last == then) and self.answer.search(text, at, last + _AFTER):
                return excerpt(view.text, start, at + 80)
        return ""

    def _prefers(self, asked: str, two: bool) -> bool:
        """Whether the question is for a preference; among three or more options only where it plainly is."""
        return bool(_PREFERS.search(asked) or self.name in asked) if two else bool(_OWN_VIEW.search(asked))


def _place(letter: str) -> int:
    return "1234".index(letter) if letter.isdigit() else "abcd".index(letter)
