"""Whoever shows the progress of a run."""

from collections.abc import Mapping
from typing import Protocol


class Reporter(Protocol):
    """Told of stages as they begin, and of what a person should know."""

    def stage(self, planned: Mapping[str, int]) -> None:
        """Stages begin, each with about so many requests to come."""
        ...

    def say(self, text: str) -> None:
        """One line that stays."""
        ...


class Silent:
    """The reporter of a run that asks no model."""

    def stage(self, planned: Mapping[str, int]) -> None:
        """Nothing to say."""

    def say(self, text: str) -> None:
        """Nothing to say."""
