"""The clauses of a text that are of a kind, read once for all checks that ask."""

import re
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np

from filters.clauses.features import PACKAGE, Described, Numbers, described, families
from filters.clauses.model import KINDS, model
from filters.clauses.slots import slots_of
from filters.context import Context
from filters.text.patterns import PerLanguage
from filters.text.view import View
from specs.data import load_yaml

LANGUAGES = PerLanguage(PACKAGE).with_list("opener")
_I = re.compile(r"\b(?:I|[Mm]e|[Mm]y|[Mm]ine|[Mm]yself)\b")
_QUOTE = re.compile(r"[\"“«][^\"”»]*(?:[\"”»]|$)")
_LEAST, _LEAST_NAMED = 4, 2  # words of a clause that says anything by itself, and of one that names another


@cache
def limit(kind: str) -> float:
    """The score from which a clause of a kind is flagged."""
    text = resources.files(PACKAGE).joinpath("limits.yaml").read_text(encoding="utf-8")
    return float(load_yaml(text)[kind])


@dataclass(frozen=True, slots=True)
class Clause:
    """A sentence, and how surely it is of the kind that was asked for: above 0 rather than not."""

    score: float
    text: str


class Clauses:
    """Finds clauses of a kind in texts about an assistant."""

    def __init__(self, context: Context) -> None:
        assistant = context.assistant
        self._slots = slots_of(assistant.name, assistant.provider)
        self._key = f"clauses {assistant.name} {assistant.provider}"

    def read(self, view: View) -> tuple[Described, Numbers] | None:
        """The sentences of a text and their scores (sentences, `KINDS`); None where there is nothing to read."""
        if self._key not in view.shared:
            text = described(view, self._slots.places(view), "en")
            view.shared[self._key] = (text, model().scores(text)) if text else None
        found: tuple[Described, Numbers] | None = view.shared[self._key]
        return found

    def find(self, view: View, kind: str, least: float, *, voices: bool = False, having: str = "") -> Clause | None:
        """The likeliest clause of a kind above `least`; of what others say, in quotes or under a name, only with
        `voices`, and of those alone in which the family `having` is met."""
        if (read := self.read(view)) is None:
            return None
        text, scores = read
        column = scores[:, KINDS.index(kind)]
        long = text.ends - text.starts >= (_LEAST_NAMED if having == "other" else _LEAST)
        if having:
            long &= text.met[:, families("en").names.index(having)] > 0
        places = np.flatnonzero((column > least) & long)
        for place in places[np.argsort(-column[places], kind="stable")].tolist():
            if voices or not (text.sentences.quoted(place) or text.sentences.spoken(place)):
                return Clause(float(column[place]), text.sentences[place])
        return None

    def first_persons(self, view: View) -> list[Clause]:
        """The sentences outside quotes and speeches in which somebody says "I", and how surely it is the assistant."""
        if (read := self.read(view)) is None:
            return []
        text, scores = read
        column, sentences = scores[:, KINDS.index("first_person")], text.sentences
        said = np.flatnonzero(text.met[:, families("en").names.index("i")] > 0).tolist()
        told = [
            place for place in said if not (sentences.quoted(place) or sentences.spoken(place))
            and _I.search(_QUOTE.sub(" ", sentences[place]))
        ]  # fmt: skip
        return [Clause(float(column[place]), sentences[place]) for place in told]
