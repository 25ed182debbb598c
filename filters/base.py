"""The records that every check shares (an item, what was found, a decision), and the base of all filters' settings."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, NamedTuple, Protocol

from pydantic import BeforeValidator, Field, model_validator

from specs.settings import Settings

Target = Literal["documents", "chats", "reasoning", "queries", "ideas"]
"""What a check looks at: a document, a chat's answer, the reasoning before it, a user's message, an idea."""


@dataclass(frozen=True, slots=True)
class Item:
    """One text to decide on: a document, an idea, a query, a chat's response."""

    id: str
    text: str
    table: str = "documents"  # the table it would enter
    frame: str = "insider"  # insider (may cite the spec) | lay (describes observed behaviour)
    genre: str = ""
    meta: Mapping[str, Any] = field(default_factory=dict)  # state, finish_reason, tokens, score, position, ...


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why an item goes: the filter's name, what was found, and the score beside its threshold."""

    item_id: str
    reason: str  # the filter's name; a column of the funnel
    detail: str = ""  # what was found, for a person
    score: float | None = None
    threshold: float | None = None
    other_id: str | None = None  # the survivor, where the item is a duplicate


@dataclass(frozen=True, slots=True)
class Flag(Rejection):
    """The same of an item that stays: what a filter found that may be a fault."""


class Decision(NamedTuple):
    """What may stay among items, each list sorted by id."""

    kept: list[str]
    rejections: list[Rejection]  # one for every other item
    flags: list[Flag]  # of items that the filters let through

    def without(self, more: list[Rejection]) -> "Decision":
        """The decision where `more` of what it keeps goes; flags stay, as a judge's word may change."""
        gone = {rejection.item_id for rejection in more}
        return Decision([one for one in self.kept if one not in gone], [*self.rejections, *more], self.flags)


Watch = Callable[[int, int], None]
"""Told how many of how many texts are done."""


class Duplicates(Protocol):
    """A check across items."""

    name: str

    def __call__(self, items: list[Item]) -> list[Rejection]:
        """Return a rejection for every item that repeats a survivor; the order of `items` does not matter."""
        ...


def _off(value: object) -> object:
    return "off" if value is False else value  # YAML 1.1 reads a bare `off` as false


Action = Annotated[Literal["drop", "flag", "off"], BeforeValidator(_off)]


class CheckSettings(Settings):
    """A filter's part of the recipe. What most filters find may be a fault: it is flagged, and stays."""

    action: Action = Field(
        "flag", description="drop: what it finds goes to the rejects; flag: it stays, with a flag; off: not looked for"
    )

    @model_validator(mode="before")
    @classmethod
    def _enabled_was_renamed(cls, data: object) -> object:
        if isinstance(data, dict) and "enabled" in data:
            raise ValueError(
                f"the key `enabled` is now `action`; found enabled: {str(data['enabled']).lower()}, expected "
                "`action: off` (not looked for), `action: flag` (it stays, with a flag) or `action: drop`"
            )
        return data


class GateSettings(CheckSettings):
    """The same of a filter that finds only what is certainly wrong: it goes."""

    action: Action = Field(
        "drop", description="drop: what it finds goes to the rejects; flag: it stays, with a flag; off: not looked for"
    )
