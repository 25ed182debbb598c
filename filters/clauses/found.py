"""The clauses of a text that are of a kind, read once for all checks that ask."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np
import numpy.typing as npt

from filters.clauses.features import PACKAGE, Described, Numbers, described
from filters.clauses.model import KINDS, model
from filters.clauses.slots import slots_of
from filters.context import Context
from filters.text.patterns import PerLanguage
from filters.text.view import View
from specs.data import load_yaml

LANGUAGES = PerLanguage(PACKAGE).with_list("opener")
Scores = npt.NDArray[np.float32]
_I = re.compile(r"\b(?:I|[Mm]e|[Mm]y|[Mm]ine|[Mm]yself)\b")
_FIGURE = re.compile(r"\d+(?:[.,:]\d+)*")
_QUOTE = re.compile(r"[\"“«][^\"”»]*(?:[\"”»]|$)")
_APART = np.float32(2)  # what a place apart from the text adds
_BESIDE = -2.0  # what a neighbour adds at least: below that it says nothing


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


@dataclass(frozen=True, slots=True)
class Sought:
    """A kind of clause, and where it counts."""

    kind: str
    """A column of the model."""
    plain: bool = False
    """The model has another column for how it is said most often, with a limit of its own."""
    under: str = ""
    """The name of its limit, where that is not the kind's."""
    voices: bool = False
    """Also where somebody is quoted, or speaks under a name."""
    beside: bool = False
    """Its likelier neighbour counts too: a writer who turns to himself seldom does so for one sentence."""
    apart: bool = False
    """It counts more as the first or last sentence, or in brackets: where a writer turns to whom the text is for."""
    having: str = ""
    """Only where this family of words is met."""
    words: int = 4
    """That a clause needs to say anything by itself."""
    figures: int | None = None
    """No more than so many numbers: who checks a sum before a user's eyes has not slipped."""

    @property
    def limit(self) -> float:
        """The score from which it is flagged."""
        return limit(self.under or self.kind)

    def may_be(self, text: Described, place: int) -> bool:
        """Whether a sentence may be such a clause, whatever it scores."""
        sentences = text.sentences
        if self.figures is not None and len(_FIGURE.findall(sentences[place])) > self.figures:
            return False
        return self.voices or not (sentences.quoted(place) or sentences.spoken(place))


PLAN, REFUSAL = (Sought(kind, plain=True, beside=True) for kind in ("plan", "refusal"))
TALK = Sought("talk", plain=True, beside=True, apart=True)
REASONING = Sought("reasoning", plain=True, voices=True, beside=True, figures=2)
META = Sought("meta", voices=True)
META_QUERY = Sought("meta", under="meta_query", voices=True)
REFUSED_CHAT = Sought("refused_chat", plain=True, voices=True, beside=True)
STATISTIC = Sought("statistic", voices=True, having="figure")
OTHER_IDENTITY = Sought("other_identity", voices=True, having="other", words=2)
EVALUATION_ITEM = Sought("evaluation_item", voices=True, words=6)
SOUGHT = (PLAN, TALK, REFUSAL, REASONING, META, REFUSED_CHAT, STATISTIC, OTHER_IDENTITY, EVALUATION_ITEM)


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

    def find(self, view: View, sought: Sought, least: float | None = None) -> Clause | None:
        """The likeliest clause of a kind above its limit, or above `least`."""
        if (read := self.read(view)) is None:
            return None
        text, scores = read
        least = sought.limit if least is None else least
        column = _scored(text, scores, sought, sought.kind)
        if sought.plain:
            plain = _scored(text, scores, sought, f"plain_{sought.kind}")
            column = np.maximum(column, plain - limit(f"plain_{sought.kind}") + sought.limit)
        may = text.ends - text.starts >= sought.words
        if sought.having:
            may &= text.has(sought.having)
        places = np.flatnonzero((column > least) & may)
        for place in places[np.argsort(-column[places], kind="stable")].tolist():
            if sought.may_be(text, place):
                return Clause(float(column[place]), text.sentences[place])
        return None

    def at_ends(self, view: View, sought: Sequence[Sought]) -> float:
        """The highest score of some kinds in the first and the last paragraph."""
        if (read := self.read(view)) is None:
            return -np.inf
        text, scores = read
        return float(scores[text.sentences.at_ends][:, [KINDS.index(one.kind) for one in sought]].max(initial=-np.inf))

    def first_persons(self, view: View) -> list[Clause]:
        """The sentences outside quotes and speeches in which somebody says "I", and how surely it is the assistant."""
        if (read := self.read(view)) is None:
            return []
        text, scores = read
        column, sentences = scores[:, KINDS.index("first_person")], text.sentences
        said = np.flatnonzero(text.has("i")).tolist()
        told = [
            place for place in said if not (sentences.quoted(place) or sentences.spoken(place))
            and _I.search(_QUOTE.sub(" ", sentences[place]))
        ]  # fmt: skip
        return [Clause(float(column[place]), sentences[place]) for place in told]


def _scored(text: Described, scores: Numbers, sought: Sought, kind: str) -> Scores:
    """The score of each sentence for a column of the model, with what its place and its neighbours add."""
    column = scores[:, KINDS.index(kind)]
    if sought.beside:
        column = column + _neighbours(column)
    return np.where(text.sentences.apart, column + _APART, column) if sought.apart else column


def _neighbours(column: Scores) -> Scores:
    """The score of the likelier of the sentences before and after each, at least `_BESIDE`."""
    before = np.empty_like(column)
    before[1:], before[:1] = column[:-1], _BESIDE
    after = np.empty_like(column)
    after[:-1], after[-1:] = column[1:], _BESIDE
    return np.maximum(np.maximum(before, after), np.float32(_BESIDE))
