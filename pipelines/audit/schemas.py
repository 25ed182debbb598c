"""The forms of the audit's replies, and what a document's reply and a pattern's phrases are worth."""

import re
from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, create_model

from pipelines.structured.schemas import Label, Remark, Reply, Sentence

_ELLIPSIS = re.compile(r"\.\.\.|…")
_WORD = re.compile(r"\w+")
_LEAST_QUOTE = 2  # words; one word stands in every document


class PatternReply(Reply):
    """A pattern that documents may share."""

    name: Label
    kind: Literal["opening", "ending", "structure", "wording", "content", "tone"]
    test: Sentence
    phrases: list[Annotated[str, StringConstraints(min_length=4, max_length=80)]] = Field(max_length=8)


class OriginReply(Reply):
    """Whether a pattern is the spec's doing."""

    reason: Remark
    origin: Literal["spec", "writing", "unclear"]


class PresenceReply(Reply):
    """Whether one document has a pattern, and where."""

    quote: Remark
    present: Literal["yes", "no", "unclear"]


def form_of(keys: Iterable[str], entry: type[Reply]) -> type[Reply]:
    """An object with one entry a pattern."""
    fields: dict[str, Any] = dict.fromkeys(keys, (entry, ...))
    return create_model(f"{entry.__name__}s", __base__=Reply, **fields)


def is_shown(said: PresenceReply, document: str) -> bool:
    """Whether a document has a pattern: a yes counts only with words that really stand in the document."""
    if said.present != "yes":
        return False
    text = f" {' '.join(_WORD.findall(document.casefold()))} "
    parts = [_WORD.findall(part.casefold()) for part in _ELLIPSIS.split(said.quote)]
    return sum(map(len, parts)) >= _LEAST_QUOTE and all(f" {' '.join(part)} " in text for part in parts if part)


def expression_of(phrases: Iterable[str]) -> str:
    """A regular expression that finds any of the phrases: whole words, any spacing, * for one word.

    Made from words alone, so that nothing a model writes can be an expression, let alone a slow one.
    """
    return "|".join(rf"(?<!\w){_phrase(phrase)}(?!\w)" for phrase in phrases if _WORD.search(phrase))


def _phrase(phrase: str) -> str:
    return r"\s{1,9}".join(r"\S{1,40}" if word == "*" else re.escape(word) for word in phrase.split())


def shown(text: str, words: int) -> str:
    """The document as a request shows it: whole, or its first two thirds and its end, with a mark between."""
    found = list(re.finditer(r"\S+", text))
    if len(found) <= words:
        return text
    head, tail = words * 2 // 3, words - words * 2 // 3
    return f"{text[: found[head - 1].end()]}\n[...]\n{text[found[-tail].start() :]}"
