"""A finding with a figure, ascribed to a body or a sample that a writer can only invent, in one sentence."""

import re

from filters.text.patterns import Patterns
from filters.text.view import View

_STOPS = (". ", "! ", "? ", "\n")
_REACH = 400  # characters on either side in which a sentence ends


class Ascribed:
    """Finds a sentence with a source, a body that is named or a sample that is counted, and a figure."""

    def __init__(self, lists: Patterns) -> None:
        self.words = lists.words("ascribed_words")
        self.source = lists.expression("ascribed_source", re.IGNORECASE, form=r"\b{}\b")
        self.figure, self.body = lists.expression("ascribed_figure"), lists.expression("ascribed_body")
        self.sample, self.counted = (
            lists.expression("ascribed_sample", form=r"\b{}\b"),
            lists.expression("ascribed_counted"),
        )
        self.found = lists.expression("ascribed_found", re.IGNORECASE, form=r"\b{}\b")

    def find(self, view: View) -> str:
        """The first one, or nothing."""
        if not view.vocabulary & self.words:
            return ""
        for match in self.source.finditer(view.text):
            sentence = _sentence(view.text, match.start(), match.end())
            figures = self.figure.findall(sentence)
            if figures and (self.body.search(sentence) or self._sampled(sentence)):
                return sentence.strip()
        return ""

    def _sampled(self, sentence: str) -> bool:
        """Whether a share is told of so many people that were asked or tested."""
        rest = self.figure.sub(" ", sentence)
        return bool(self.found.search(sentence) and self.sample.search(sentence) and self.counted.search(rest))


def _sentence(text: str, start: int, end: int) -> str:
    first = max(text.rfind(mark, max(0, start - _REACH), start) for mark in _STOPS)
    last = min((place for mark in _STOPS if (place := text.find(mark, end, end + _REACH)) >= 0), default=end + _REACH)
    return text[first + 1 : last]
