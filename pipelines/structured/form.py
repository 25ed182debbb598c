"""Reading a form that was filled in (`pipelines/prompts/form.py`)."""

import re
from itertools import combinations
from typing import Any

from filters.text.names import mentions_of
from filters.text.view import words_of
from pipelines.prompts.form import Blank
from pipelines.structured.parsing import UnparsedError, json_object

_STEM = 4  # letters that say which word it is, whatever its ending
_MOST = 0.6  # of the words of what a field must say
_RUN = 5  # words in a row that no two fields may share


def filled(reply: str, blank: Blank, assistant: str) -> dict[str, str]:
    """All fields of a form, what the plan gives among them; checked, since not every endpoint obeys a schema.

    Raises UnparsedError where a field is missing, unknown, or is not what its form asks for, or where two fields say
    the same.
    """
    values = stored(reply, blank)
    for name in blank.shapes:
        _check(name, values[name], blank, assistant)
    for one, other in combinations(values, 2):
        written = one in blank.shapes or other in blank.shapes
        if written and (shared := _runs(values[one]) & _runs(values[other])):
            raise UnparsedError(f"the fields {one} and {other} both say {' '.join(min(shared))!r}.")
    return values


def stored(reply: str, blank: Blank) -> dict[str, str]:
    """All fields, of a reply that was read before."""
    found: dict[str, Any] = json_object(reply)
    if set(found) != set(blank.shapes):
        raise UnparsedError(f"it has the fields {', '.join(found)}; {', '.join(blank.shapes)} are expected.")
    for name, value in found.items():
        if not isinstance(value, str):
            raise UnparsedError(f"the field {name} is {value!r}, which is no text.")
    return blank.with_given(found)


def _check(name: str, value: str, blank: Blank, assistant: str) -> None:
    field, pattern = blank.form.fields[name], blank.shapes[name]
    if not re.fullmatch(pattern, value):
        raise UnparsedError(f"the field {name} is {value!r}, which does not match {pattern}.")
    if field.unnamed and mentions_of(assistant)(value):
        raise UnparsedError(f"the field {name} speaks of {assistant}; it must not.")
    mine, skipped = _stems(value), _stems(assistant)
    if field.says is not None:
        wanted = _stems(blank.values[field.says]) - skipped
        if len(wanted & mine) < _MOST * len(wanted):
            raise UnparsedError(f"the field {name} is {value!r}; it must say: {blank.values[field.says]}")
    if field.about is not None:
        skipped |= _stems(" ".join(field.patterns))  # every reply has them
        wanted = {stem for stem in _stems(blank.values[field.about]) - skipped if len(stem) >= _STEM}
        if wanted and not wanted & mine:
            raise UnparsedError(f"the field {name} is {value!r}; it must be about: {blank.values[field.about]}")
    if field.apart is not None:
        shared = {stem for stem in _stems(blank.values[field.apart]) & mine if len(stem) >= _STEM}
        if shared:
            raise UnparsedError(f"the field {name} is {value!r}; it must be about something else.")


def _stems(text: str) -> set[str]:
    return {word[:_STEM] for word in words_of(text)}


def _runs(text: str) -> set[tuple[str, ...]]:
    words = words_of(text)
    return {tuple(words[start : start + _RUN]) for start in range(len(words) - _RUN + 1)}
