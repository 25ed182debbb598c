"""Names of people in a text: whom a writer invents again and again (docs/method.md, 5.8).

A name is taken for a person's where it begins with a known first name, follows a title (Dr. Imre Vask), or does what
people do (Imre Vask said). Places, products and headings have capitals too; what is left out here is only not counted.
"""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from importlib import resources
from itertools import pairwise

from filters.text.patterns import Patterns
from filters.text.static import static_words
from filters.text.view import View, words_of
from specs.settings import Assistant

Mark = tuple[str, str]  # what is shared, and its words

NAME, FIRST_NAME = "name", "first name"

_RUN = re.compile(r"[A-Z][a-z]{1,14}(?: [A-Z][a-z]{1,14})+")
_EN = Patterns.of("filters.text", "en")
_TITLES = _EN.words("person_title")
_TITLED = re.compile(rf"\b(?:{'|'.join(sorted(_TITLES))})\.? $")
_ACTS = _EN.expression("person_acts", form=r" {}\b")
_PLACED = _EN.expression("before_a_place", re.IGNORECASE, form=r"\b{} $")
_COMMON = 6_000  # the commonest words of English: two of them are a post or a place, Front Desk or Town Hall


class People:
    """Finds the people of a text; whom the spec, the assistant or the recipe names is not looked for."""

    def __init__(self, assistant: Assistant, spec: str, allow: Iterable[str]) -> None:
        self.known = frozenset(words_of(" ".join([spec, assistant.name, assistant.provider, *allow])))
        self.first = first_names() - self.known

    def marks(self, view: View) -> list[Mark]:
        """Full names and first names in a text, in lower case, each once."""
        full = {name for name in self._full(view.prose) if name.split()[0] not in self.known}
        alone = {name for name in self.first & view.vocabulary if name.capitalize() in view.text}
        return [*((NAME, name) for name in sorted(full)), *((FIRST_NAME, name) for name in sorted(alone))]

    def _full(self, text: str) -> Iterator[str]:
        for match in _RUN.finditer(text):
            words = match.group().split()
            titled = words[0] in _TITLES
            words = words[1:] if titled else words
            pairs = [f"{one} {other}".lower() for one, other in pairwise(words)]
            yield from (pair for pair in pairs if pair.split()[0] in self.first)
            if len(pairs) == 1 and not any(map(_common, words)) and (titled or _does(text, match)):
                yield pairs[0]


@cache
def first_names() -> frozenset[str]:
    """First names in lower case that are no words of English, no places and no names of cheeses."""
    return frozenset(resources.files("filters.text").joinpath("first_names.txt").read_text(encoding="utf-8").split())


def _does(text: str, found: re.Match[str]) -> bool:
    """Whether a title stands before a name, or it does what people do."""
    titled = _TITLED.search(text, max(0, found.start() - 12), found.start())
    return titled is not None or _acts(text, found)


def _acts(text: str, found: re.Match[str]) -> bool:
    before = text[max(0, found.start() - 12) : found.start()]
    return bool(_ACTS.match(text, found.end())) and not _PLACED.search(before)


def _common(word: str) -> bool:
    index = static_words().index
    place = index.get(word.lower())
    return place is not None and place - index["the"] < _COMMON
