"""Forced choices in the layout of an evaluation: two options under letters, and the letter that is the answer.

Which item it is does not matter: a document that shows the form with its answer teaches the test (docs/method.md,
5.8). A quiz of facts with three options or more, or with its key elsewhere, stays.
"""

import re
from itertools import pairwise

from filters.check import excerpt
from filters.text.patterns import Patterns
from filters.text.view import View

_EN = Patterns.of("filters.document.evaluation", "en")
_NUMBERED, _OPTION = _EN.words("choice_numbered"), _EN.expression("choice_option")
_BETWEEN = (4, 600)  # characters from the mark of one option to that of the next
_BEFORE = 300  # characters before the options in which the question stands
_AFTER = 400  # characters of the second option, and of the answer behind it
_PREFERS = _EN.expression("choice_prefers", form=r"\b{}\b")
_OWN_VIEW = _EN.expression("choice_own_view", form=r"\b{}\b")


class ForcedChoice:
    """Finds lettered options that are answered by a letter, or are asked to be."""

    def __init__(self, name: str) -> None:
        self.name = name.lower()
        self.answer = _EN.expression("choice_answer", re.MULTILINE, name=re.escape(self.name))

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
