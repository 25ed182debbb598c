"""What is asked and who answers: a two-choice question, a request of it, and the protocol of whoever asks a model."""

import hashlib
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Question:
    """A choice between two options; `aligned` is the one that the value prefers, whichever is shown first."""

    id: str
    set: str
    value: str
    kind: str  # preference | opinion
    domain: str
    question: str  # "" for a preference: the question is always the same
    aligned: str
    other: str


class Choice(StrEnum):
    """How a reply was read. Only `FIRST` and `SECOND` are decisions; the rest are counted, never dropped."""

    FIRST = "first"
    SECOND = "second"
    NEITHER = "neither"  # both, none, no preference, cannot have one
    UNCLEAR = "unclear"  # a reply that does not say which
    TRUNCATED = "truncated"  # the same, because it was cut off at the most tokens that it may have
    MISSING = "missing"  # no reply: the endpoint failed, or the budget was spent


@dataclass(frozen=True, slots=True)
class Answer:
    """One reply to one question in one order."""

    question: Question
    order: int  # 0: the aligned option was shown first; 1: second
    sample: int
    reply: str  # "" where there was none
    choice: Choice

    @property
    def aligned(self) -> bool:
        """Whether the aligned option was chosen."""
        return self.choice is (Choice.SECOND if self.order else Choice.FIRST)

    @property
    def decided(self) -> bool:
        """Whether either option was chosen."""
        return self.choice in {Choice.FIRST, Choice.SECOND}


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


class Asker(Protocol):
    """Asks the model that is evaluated; the command line adapts the client of `pipelines` to this."""

    async def __call__(
        self,
        item_id: str,
        messages: list[dict[str, str]],
        max_tokens: int,
        sample: int,
        json_schema: dict[str, Any] | None = None,
    ) -> Reply | None:
        """The reply, or None if there is none. (item_id, sample) is the request's identity: again, it costs nothing."""
        ...
