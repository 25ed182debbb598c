"""The base of the checks of one text: evaluate it, give a score beside its limit, and reject where it is passed."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any, ClassVar

from filters.base import CheckSettings, Item, Rejection, Target
from filters.context import Context
from filters.text.view import View

ANY = ("any",)
"""The languages of a check that needs no words of any."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a check saw, whether it rejects or not."""

    failed: bool
    score: float = 0.0
    threshold: float = 0.0
    detail: str = ""


PASSED = Outcome(failed=False)
_DECIMALS = 10_000  # a limit in a recipe is a decimal fraction of at most four places


def at_most(score: float, limit: float, detail: str = "") -> Outcome:
    """Fails where `score` is above `limit`."""
    return Outcome(score > limit, float(score), float(limit), detail)


def at_least(score: float, limit: float, detail: str = "") -> Outcome:
    """Fails where `score` is below `limit`."""
    return Outcome(score < limit, float(score), float(limit), detail)


def share_at_most(part: int, whole: int, limit: float, detail: str = "") -> Outcome:
    """Fails where `part` of `whole` is more than the share `limit`; counts are compared, as shares are rounded."""
    return Outcome(_beside(part, whole, limit) > 0, part / max(1, whole), float(limit), detail)


def share_at_least(part: int, whole: int, limit: float, detail: str = "") -> Outcome:
    """Fails where `part` of `whole` is less than the share `limit`; counts are compared, as shares are rounded."""
    return Outcome(_beside(part, whole, limit) < 0, part / max(1, whole), float(limit), detail)


def _beside(part: int, whole: int, limit: float) -> int:
    """Above 0 where the share is above the limit, below 0 where it is below, 0 where it meets it exactly."""
    exact = _exact(limit)
    return int(part) * exact.denominator - exact.numerator * max(1, int(whole))


@cache
def _exact(limit: float) -> Fraction:
    return Fraction(limit).limit_denominator(_DECIMALS)


class TextCheck(ABC):
    """A check of one text, made of its part of the recipe and of what the corpus is. Leaves write `evaluate`.

    An installed package adds one by an entry point in `specmill.checks` that bears the check's name.
    """

    name: ClassVar[str]
    """What it is called, in the recipe (`filters.NAME`) as in every table."""
    model: ClassVar[type[CheckSettings]] = CheckSettings
    """Its part of the recipe, with its default action."""
    looks_at: ClassVar[tuple[Target, ...]] = ("documents",)
    languages: ClassVar[tuple[str, ...]] = ANY
    """ISO 639-1 codes of the languages that it works in, or `ANY`; in others it is off."""

    def __init__(self, settings: Any, context: Context) -> None:
        """`settings` is an instance of `model`."""
        self.settings, self.context = settings, context

    @classmethod
    def is_for(cls, context: Context) -> bool:
        """Whether it has anything to look for in this corpus, whatever the recipe says; by default it has."""
        return True

    @abstractmethod
    def evaluate(self, view: View) -> Outcome:
        """What there is to say of this text."""

    def __call__(self, item: Item) -> Rejection | None:
        """Why `item` may not stay, or None."""
        return self.reject(View(item))

    def reject(self, view: View) -> Rejection | None:
        """Why the item of `view` may not stay, or None."""
        outcome = self.evaluate(view)
        if not outcome.failed:
            return None
        return Rejection(view.item.id, self.name, outcome.detail, outcome.score, outcome.threshold)


def excerpt(text: str, start: int = 0, end: int = 80) -> str:
    """A piece of an untrusted text on one line, for a rejection's detail."""
    piece = " ".join(text[max(0, start) : end].split())
    return piece if len(piece) <= 160 else piece[:157] + "..."
