"""Strict reading of replies (design/contracts.md, 6): a reply has the form that was asked for, or says why not."""

import functools
import json
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, ParamSpec, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from corpus.thoughts import without_thought
from specs.untrusted import load_json, unsound

T = TypeVar("T", bound=BaseModel)
R = TypeVar("R")
P = ParamSpec("P")
_LOG = logging.getLogger("specmill.replies")
_OPEN, _CLOSE = "<think>", "</think>"
_THINK_TAGS = {"[THINK]": _OPEN, "[/THINK]": _CLOSE}  # as Mistral's models write them
_WRAPPED = re.compile(r"\A<(reply|answer|response)>(.*?)(?:</\1>)?\Z", re.DOTALL)
_FENCE = re.compile(r"\A```[ \t]*(?:json)?[ \t]*\r?\n?(.*?)\s*```\Z", re.DOTALL | re.IGNORECASE)


class UnparsedError(ValueError):
    """A reply without the form that was asked for; the text says what is wrong, for the model that is asked again.

    `reason` is the name under which a reject is filed, where a form can be missed in several ways.
    """

    def __init__(self, text: str, reason: str = "unparsed") -> None:
        super().__init__(text)
        self.reason = reason


def total(read: Callable[P, R]) -> Callable[P, R]:
    """`read` as a reader of untrusted text: whatever it raises is an UnparsedError (design/contracts.md, 6).

    What it did not foresee is logged, since it may be a mistake in the reader; the reply is paid for all the same.
    """

    @functools.wraps(read)
    def reader(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return read(*args, **kwargs)
        except UnparsedError:
            raise
        except Exception as error:
            _LOG.warning("a reply could not be read (%s)", type(error).__name__, exc_info=True)
            raise UnparsedError(f"it cannot be read ({type(error).__name__}).") from error

    return reader


@total
def tagged(text: str, tag: str) -> str:
    """The content between `<tag>` and `</tag>`.

    Raises UnparsedError unless there is exactly one such pair, in this order, with something in it: an unclosed or
    repeated tag is no document, and what stands before an opening tag is never content.
    """
    opening, closing = f"<{tag}>", f"</{tag}>"
    found = text.count(opening), text.count(closing)
    if found != (1, 1):
        raise UnparsedError(
            f"it has {found[0]} times {opening} and {found[1]} times {closing}; one of each is expected."
        )
    start, end = text.index(opening) + len(opening), text.index(closing)
    if end < start:
        raise UnparsedError(f"{closing} stands before {opening}.")
    content = text[start:end].strip()
    if not content:
        raise UnparsedError(f"there is nothing between {opening} and {closing}.")
    return content


@total
def thought_and_answer(text: str, field: str = "") -> tuple[str, str]:
    """The reasoning and the answer of a reply that thinks first; `field` is the endpoint's own reasoning field.

    Four forms are clean, because servers differ in what they leave in the reply: `<think>reasoning</think>answer`, with
    or without something in the field (then the model's planning, which is not the reasoning that was asked for);
    `reasoning</think>answer`, where the chat template wrote the opening tag; and an answer alone, with the block in the
    field. Raises UnparsedError for all else, with a reason of its own for each.
    """
    text, field = _one_kind_of_tags(text), _one_kind_of_tags(field)
    reasoning, answer = (part.strip() for part in _parts(text, field.strip().removeprefix(_OPEN)))
    if wrapped := _WRAPPED.match(answer):
        answer = wrapped.group(2).strip()  # small models put the answer into a tag as well
    if _OPEN in reasoning or _CLOSE in reasoning:
        raise UnparsedError("the reasoning holds think tags of its own.", "several_think_blocks")
    if not reasoning:
        raise UnparsedError(f"there is nothing between {_OPEN} and {_CLOSE}.", "empty_think")
    if not answer:
        raise UnparsedError(f"there is no answer after {_CLOSE}.", "no_answer")
    return reasoning, answer


def _one_kind_of_tags(text: str) -> str:
    """`text` with think tags as most models write them; a text that only mentions the other kind stays as it is."""
    if _OPEN in text or _CLOSE in text or "[/THINK]" not in text:
        return text
    for written, tag in _THINK_TAGS.items():
        text = text.replace(written, tag)
    return text


def _parts(text: str, field: str) -> tuple[str, str]:
    opened, closed = text.count(_OPEN), text.count(_CLOSE)
    before, _, after = text.partition(_CLOSE)
    if not opened and not closed:
        if not field:
            raise UnparsedError(f"it has no {_OPEN} block.", "no_think")
        return field, text
    if not closed:
        raise UnparsedError(f"{_OPEN} is never closed.", "unclosed_think")
    if opened > 1 or closed > 1:
        raise UnparsedError(
            f"it has {opened} times {_OPEN} and {closed} times {_CLOSE}; one of each is expected. (A model that thinks "
            "by itself needs a server that parses its reasoning, or its thinking turned off.)", "several_think_blocks",
        )  # fmt: skip
    if not opened and field:
        raise UnparsedError(f"the reasoning is split: some in a field, some before {_CLOSE}.", "split_think")
    if _OPEN in after:
        raise UnparsedError(f"{_CLOSE} stands before {_OPEN}.", "unclosed_think")
    if not opened:
        return before, after
    talk, _, reasoning = before.partition(_OPEN)
    if talk.strip():
        raise UnparsedError(f"there is text before {_OPEN}.", "text_before_think")
    return reasoning, after


@total
def json_reply(text: str, model: type[T]) -> T:
    """A reply that must be one JSON object of the form of `model`; a code fence around it, and reasoning or control
    tokens of a template before and after it, are forgiven, prose is not."""
    return _validated(_json(text), model)


@total
def json_object(text: str) -> dict[str, Any]:
    """A reply that must be one JSON object, with keys that the caller checks; forgives what `json_reply` does."""
    value = _json(text)
    if problem := unsound(value):
        raise UnparsedError(f"its JSON holds {problem}.")
    if not isinstance(value, dict):
        raise UnparsedError("it is no JSON object.")
    return value


def _json(text: str) -> Any:
    body = text.strip()
    if not (body.startswith("{") and body.endswith("}")):
        body = without_thought(body)
    if fenced := _FENCE.match(body):
        body = fenced.group(1)
    try:
        return load_json(body)
    except json.JSONDecodeError as error:
        raise UnparsedError(f"it is not valid JSON ({error.msg} at character {error.pos}).") from error
    except ValueError as error:
        raise UnparsedError(f"its JSON cannot be read: {error}.") from error


def _validated(value: Any, form: type[T]) -> T:
    if problem := unsound(value):
        raise UnparsedError(f"its JSON holds {problem}.")
    try:
        return form.model_validate(value, strict=True)
    except ValidationError as error:
        raise UnparsedError(f"the JSON does not have the expected form: {_first_problems(error)}.") from error


@dataclass(frozen=True, slots=True)
class Listed(Generic[T]):
    """A list reply: its items, and those that have not the form, as JSON text with what is wrong."""

    items: list[T]
    unfit: list[tuple[str, str]]


class _AnyItems(BaseModel):
    model_config = ConfigDict(extra="forbid")

    items: list[Any]


@total
def json_items(text: str, form: type[T]) -> Listed[T]:
    """The items of a reply `{"items": [...]}`, each read by itself: a bad one does not spoil the others, which are paid
    for. Raises UnparsedError where it is no such object, or where no item has the form."""
    value = _json(text)
    try:
        items = _AnyItems.model_validate(value, strict=True).items
    except ValidationError as error:
        raise UnparsedError(f"the JSON does not have the expected form: {_first_problems(error)}.") from error
    good: list[T] = []
    unfit: list[tuple[str, str]] = []
    for number, item in enumerate(items):
        if problem := unsound(item):
            unfit.append((_shown(item), f"items.{number} holds {problem}"))
            continue
        try:
            good.append(form.model_validate(item, strict=True))
        except ValidationError as error:
            unfit.append((json.dumps(item), _first_problems(error, f"items.{number}.")))
    if unfit and not good:
        raise UnparsedError(f"the JSON does not have the expected form: {unfit[0][1]}.")
    return Listed(good, unfit)


def _shown(item: Any) -> str:
    """An item that holds what nothing can store, as text that can be."""
    try:
        return json.dumps(item, default=lambda value: f"({value.problem})")
    except RecursionError:
        return "(nested too deeply)"


def _first_problems(error: ValidationError, inside: str = "", limit: int = 3) -> str:
    problems = error.errors(include_url=False, include_input=False, include_context=False)[:limit]
    return "; ".join(f"{inside}{'.'.join(map(str, p['loc'])) or 'the object'}: {p['msg']}" for p in problems)
