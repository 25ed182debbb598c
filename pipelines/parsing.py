"""Strict reading of replies (contract 6): a reply either has the form that was asked for, or says why it does not."""

import json
import re
from typing import TypeVar

from pydantic import BaseModel, ValidationError

T = TypeVar("T", bound=BaseModel)
_FENCE = re.compile(r"\A```(?:json)?[ \t]*\n(.*)\n```\Z", re.DOTALL)


class UnparsedError(ValueError):
    """A reply without the form that was asked for; the text says what is wrong, for the model that is asked again."""


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


def thought_and_answer(text: str, tag: str = "think") -> tuple[str, str]:
    """Split `<think>reasoning</think>answer`; both parts must be there, and nothing before the opening tag.

    Raises UnparsedError for an unclosed, missing or repeated block, or an empty answer.
    """
    reasoning = tagged(text, tag)
    before, _, after = text.partition(f"<{tag}>")
    answer = after.partition(f"</{tag}>")[2].strip()
    if before.strip():
        raise UnparsedError(f"there is text before <{tag}>.")
    if not answer:
        raise UnparsedError(f"there is no answer after </{tag}>.")
    return reasoning, answer


def json_reply(text: str, model: type[T]) -> T:
    """A reply that must be one JSON object of the form of `model`; a code fence around it is forgiven, prose is not."""
    body = text.strip()
    if fenced := _FENCE.match(body):
        body = fenced.group(1)
    try:
        return model.model_validate(json.loads(body), strict=True)
    except json.JSONDecodeError as error:
        raise UnparsedError(f"it is not valid JSON ({error.msg} at character {error.pos}).") from error
    except RecursionError as error:
        raise UnparsedError("its JSON is nested too deeply.") from error
    except ValidationError as error:
        raise UnparsedError(f"the JSON does not have the expected form: {_first_problems(error)}.") from error


def _first_problems(error: ValidationError, limit: int = 3) -> str:
    problems = error.errors(include_url=False, include_input=False, include_context=False)[:limit]
    return "; ".join(f"{'.'.join(map(str, p['loc'])) or 'the object'}: {p['msg']}" for p in problems)
