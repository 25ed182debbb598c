"""What is asked and who answers: questions, replies as they were read, and the protocol of whoever asks a model."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Protocol

from corpus.ids import content_id

LETTERS: Final = "ABCD"
"""Under which options are shown; no question has more."""


@dataclass(frozen=True, slots=True)
class Question:
    """A choice between options, or a blank to fill in; `aligned` is the one that the value prefers, or that is right.

    A cloze has no other options; `also` are further wordings that are right there.
    """

    id: str
    set: str
    value: str
    kind: str  # preference | opinion | behaviour | knowledge | cloze
    domain: str
    question: str  # "" for a preference: the question is always the same
    aligned: str
    others: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    passage_ids: tuple[str, ...] = ()  # of the spec, that it was made from
    disguise: int | None = None  # 0: the situation is about the value; higher: it shows less

    @property
    def other(self) -> str:
        """The first option beside the aligned one; empty for a cloze."""
        return self.others[0] if self.others else ""

    @property
    def orders(self) -> range:
        """The orders to ask in: every option stands once in every place."""
        return range(len(self.others) + 1)

    @property
    def chance(self) -> float:
        """The share that guessing gives."""
        return 1 / len(self.orders) if self.others else 0.0


@dataclass(frozen=True, slots=True)
class OpenQuestion:
    """A question without options; `good` and `bad` describe the ends of the judge's scale."""

    id: str
    set: str
    dimension: str
    question: str
    good: str
    bad: str
    passage_ids: tuple[str, ...] = ()


class Choice(StrEnum):
    """How a reply was read. The first five are decisions; the rest are counted, never dropped."""

    FIRST = "first"  # of a cloze: the right words
    SECOND = "second"
    THIRD = "third"
    FOURTH = "fourth"
    OTHER = "other"  # of a cloze: other words than the right ones
    NEITHER = "neither"  # several, none, no preference, cannot have one, does not know
    UNCLEAR = "unclear"  # a reply that does not say which
    TRUNCATED = "truncated"  # the same, because it was cut off at the most tokens that it may have
    MISSING = "missing"  # no reply: the endpoint failed, or the budget was spent


SHOWN: Final = (Choice.FIRST, Choice.SECOND, Choice.THIRD, Choice.FOURTH)
"""The decision for the option at each place."""
DECISIONS: Final = frozenset({*SHOWN, Choice.OTHER})
UNREADABLE: Final = frozenset({Choice.UNCLEAR, Choice.TRUNCATED})


@dataclass(frozen=True, slots=True)
class Answer:
    """One reply to one question in one order."""

    question: Question
    order: int  # the place at which the aligned option was shown: 0 is first
    sample: int
    reply: str  # "" where there was none
    choice: Choice
    scorer: str = "letter"  # what decided: letter | name | words (of a cloze) | logprobs | likelihood

    @property
    def aligned(self) -> bool:
        """Whether the aligned option was chosen."""
        return self.choice is SHOWN[self.order]

    @property
    def decided(self) -> bool:
        """Whether any option was chosen."""
        return self.choice in DECISIONS


@dataclass(frozen=True, slots=True)
class Asked:
    """Who was asked, and with what; all of it belongs to a result. A model's name alone does not say which one it is:
    the next one that is trained is often served under the same name."""

    model: str
    address: str
    parameters: dict[str, Any]  # temperature, most tokens, and what else the role sends

    def run(self, name: str) -> str:
        """8 hex digits that mark the requests of the run `name` at this address: only such are its earlier replies."""
        return hashlib.sha256(json.dumps([name, self.address]).encode()).hexdigest()[:8]


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model replied, and whether it was cut off at the most tokens that it may have."""

    text: str
    truncated: bool = False
    logprobs: Mapping[str, float] | None = None  # letter -> natural log of its probability at the first letter token
    likelihood: float | None = None  # natural log of the probability of a given text, where it was scored


@dataclass(frozen=True, slots=True)
class Limits:
    """Most tokens of a reply to a choice, to an open question, of a judge; `again` is how many times as many a reply
    is given that was cut off, asked again once; 1: it is not."""

    choice: int = 64
    open: int = 600
    judge: int = 300
    again: int = 1


class Asker(Protocol):
    """Asks the model that is evaluated; `pipelines.questions.asking` adapts the client of `pipelines` to this."""

    async def __call__(
        self,
        item_id: str,
        messages: list[dict[str, str]],
        max_tokens: int,
        sample: int,
        json_schema: dict[str, Any] | None = None,
        *,
        attempt: int = 0,
        letters: str = "",
        scores_last: bool = False,
    ) -> Reply | None:
        """The reply, or None if there is none. (item_id, sample, attempt) is the request's identity: again, it costs
        nothing. `letters`: also their log-probabilities, where the endpoint gives any. `scores_last`: the likelihood of
        the last message, an assistant's, in place of a reply."""
        ...


def question_id(set_name: str, *content: str) -> str:
    """The id of an item of a set, from its content."""
    return content_id("question", set_name, *content)
