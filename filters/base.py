"""The two records that every check shares: an item that is looked at, and the rejection of one that may not stay."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


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


class Check(Protocol):
    """A check of one item."""

    name: str

    def __call__(self, item: Item) -> Rejection | None:
        """Return why `item` may not stay, or None."""
        ...


class Duplicates(Protocol):
    """A check across items."""

    name: str

    def __call__(self, items: list[Item]) -> list[Rejection]:
        """Return a rejection for every item that repeats a survivor; the order of `items` does not matter."""
        ...
