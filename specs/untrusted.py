"""Reading what a language model or a server wrote: JSON and text within bounds, so that nothing later meets a value
that it cannot store. Whatever is beyond a bound is a `ValueError`, or an `Unsound` in the place of the value.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

MOST_DIGITS = 18  # of an integer: what 63 bits hold, as Parquet and SQLite store it
MOST_DEPTH = 64  # lists and objects inside each other
_SURROGATE = re.compile("[\ud800-\udfff]")
_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Unsound:
    """Stands in parsed JSON where a value was that nothing can store; no form of ours accepts it."""

    problem: str


def load_json(text: str) -> Any:
    """The value that `text` is the JSON of, with `Unsound` in place of numbers beyond any use.

    ValueError (with `msg` and `pos` where it is no JSON at all) for everything else that cannot be read, however deep.
    """
    try:
        return json.loads(text, parse_int=_integer, parse_float=_fraction, parse_constant=_constant)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def unsound(value: Any, depth: int = 0) -> str:
    """What in a parsed value cannot be stored; empty where all of it can."""
    if isinstance(value, Unsound):
        return value.problem
    if isinstance(value, str):
        return "half a character (a lone surrogate)" if _SURROGATE.search(value) else ""
    if not isinstance(value, dict | list):
        return ""
    if depth >= MOST_DEPTH:
        return f"more than {MOST_DEPTH} lists and objects inside each other"
    parts = [*value, *value.values()] if isinstance(value, dict) else value
    return next((problem for part in parts if (problem := unsound(part, depth + 1))), "")


def storable(text: str) -> str:
    """`text` as UTF-8 can hold it: a question mark for each half of a character."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _integer(digits: str) -> int | Unsound:
    if len(digits.lstrip("-")) > MOST_DIGITS:
        return Unsound(f"a number of {len(digits)} digits ({digits[:_SHOWN]}...)")
    return int(digits)


def _fraction(digits: str) -> float | Unsound:
    value = float(digits)
    return Unsound(f"the number {digits[:_SHOWN]}, which is none") if abs(value) == float("inf") else value


def _constant(word: str) -> Unsound:
    return Unsound(f"{word}, which is no number")
