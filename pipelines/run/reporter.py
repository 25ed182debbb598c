"""Whoever shows the progress of a run."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Protocol, TypeVar

Thing = TypeVar("Thing")
_TOLD = 50  # things between two signs of life


class Reporter(Protocol):
    """Told of stages as they begin, and of what a person should know."""

    def stage(self, planned: Mapping[str, int]) -> None:
        """Stages begin, each with about so many requests to come."""
        ...

    def say(self, text: str) -> None:
        """One line that stays."""
        ...

    def step(self, what: str, done: int, total: int) -> None:
        """How far work is that asks no model; `done` reaches `total` when it ends."""
        ...


class Silent:
    """The reporter of a run that asks no model."""

    def stage(self, planned: Mapping[str, int]) -> None:
        """Nothing to say."""

    def say(self, text: str) -> None:
        """Nothing to say."""

    def step(self, what: str, done: int, total: int) -> None:
        """Nothing to show."""


def watched(things: Iterable[Thing], total: int, tell: Callable[[int, int], None]) -> Iterator[Thing]:
    """The same things, while `tell` hears how many of `total` have gone by; some may be left out."""
    for number, thing in enumerate(things):
        if number % _TOLD == 0:
            tell(min(number, total), total)
        yield thing
    tell(total, total)
