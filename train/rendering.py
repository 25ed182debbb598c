"""What is trained on: a chat rendered with its template, as token ids and labels, and why it may not be handed on.

Trainers get the ids and labels that are made here, so what is checked here is what is trained on, in any of them.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache
from typing import Any, Final, NoReturn

from jinja2 import TemplateError, nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from train.chats import Chat, LeftOutError
from train.families import Family
from train.tokenizer import BaseTokenizer

IGNORED: Final = -100
"""Label of a token that carries no loss."""
_BEGIN, _END = "\uf8f0\uf8f1", "\uf8f1\uf8f0"  # private use; a chat that holds one is left out
Span = tuple[int, int]


class _Generation(Extension):
    """`{% generation %}...{% endgeneration %}`, as in transformers: marks what an assistant writes."""

    tags = {"generation"}  # noqa: RUF012 - Jinja's own attribute

    def parse(self, parser: Parser) -> nodes.Node:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.CallBlock(self.call_method("_mark"), [], [], body).set_lineno(line)

    def _mark(self, caller: Any) -> str:
        return f"{_BEGIN}{caller()}{_END}"


@dataclass(frozen=True, slots=True)
class Sample:
    """A rendered chat: ids and labels, the text that they stand for, and where in it the replies are."""

    chat: Chat
    text: str
    replies: tuple[Span, ...]  # in characters, one an assistant's message, end token included
    frame: str  # the same text without replies, and with `slot(n)` in place of the n-th message of anybody else
    ids: list[int]
    labels: list[int]

    @property
    def trained(self) -> int:
        """Tokens that carry loss."""
        return sum(label != IGNORED for label in self.labels)


def render(chat: Chat, family: Family, tokenizer: BaseTokenizer, template: str | None = None) -> Sample:
    """The sample of a chat. `template`: another text than the family's, which need not mark what an assistant writes.

    Raises:
        LeftOutError: the template refuses the chat.
    """
    text, replies = _render(chat, template or _text(family), tokenizer)
    if template is not None and not replies:
        replies = _found_replies(text, chat, family.end)
    frame, taken = _render(chat, template or _text(family), tokenizer, slots=True)
    if template is not None and not taken:
        taken = _found_replies(frame, chat, family.end, slots=True)
    ids, offsets = tokenizer.encode(text)
    said = [message for message in chat.messages if message.role == "assistant"]
    loss = [span for span, message in zip(replies, said, strict=False) if message.trained]
    return Sample(chat, text, replies, _without(frame, taken), ids, _labels(ids, offsets, loss))


def slot(number: int) -> str:
    """What stands in a sample's frame for the message of that number."""
    return f"\uf8f2{number}\uf8f2"


def _without(text: str, spans: Sequence[Span]) -> str:
    edges = [0, *(edge for span in spans for edge in span), len(text)]
    return "\n".join(text[start:stop] for start, stop in zip(edges[::2], edges[1::2], strict=True))


def _labels(ids: list[int], offsets: Sequence[Span], loss: list[Span]) -> list[int]:
    """The ids that begin inside a span; both lists are in order."""
    labels, at = [], 0
    for token, (start, _) in zip(ids, offsets, strict=True):
        while at < len(loss) and start >= loss[at][1]:
            at += 1
        labels.append(token if at < len(loss) and start >= loss[at][0] else IGNORED)
    return labels


def _render(
    chat: Chat, template: str, tokenizer: BaseTokenizer, *, slots: bool = False
) -> tuple[str, tuple[Span, ...]]:
    rows = [message.as_row() for message in chat.messages]
    if any(mark in json.dumps(rows, ensure_ascii=False) for mark in (_BEGIN, _END, slot(0)[0])):
        raise LeftOutError("characters that mark replies inside specmill")
    if slots:
        rows = [row if row["role"] == "assistant" else row | {"content": slot(n)} for n, row in enumerate(rows)]
    values: dict[str, Any] = {"bos_token": tokenizer.bos or "", "eos_token": tokenizer.eos or ""}
    try:
        marked = _compiled(template).render(messages=rows, tools=list(chat.tools) or None, **values)
    except (TemplateError, TypeError) as error:
        raise LeftOutError(f"the template refuses it: {error}") from error
    text, spans = "", []
    for piece in marked.split(_BEGIN):
        inside, mark, after = piece.partition(_END)
        if mark:
            spans.append((len(text), len(text) + len(inside)))
        text += inside + after
    return text, tuple(spans)


def _found_replies(text: str, chat: Chat, end: str, *, slots: bool = False) -> tuple[Span, ...]:
    """Where the replies are in a text whose template does not mark them: from each reply's own words (or the name of
    the first function that it calls) to the end token behind them."""
    spans, at = [], 0
    for number, message in enumerate(chat.messages):
        calls = message.tool_calls
        words = message.content.strip() or (calls[0]["function"]["name"] if calls else "")
        if slots and message.role != "assistant":
            words = slot(number)
        start = text.find(words, at)
        if start < 0:
            continue
        stop = start + len(words)
        if message.role == "assistant":
            ending = text.find(end, stop)
            stop = ending + len(end) if ending >= 0 else stop
            spans.append((start, stop))
        at = stop
    return tuple(spans)


@cache
def _text(family: Family) -> str:
    return family.template_text()


@lru_cache(maxsize=32)
def _compiled(template: str) -> Any:
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, loopcontrols]
    )
    environment.filters["tojson"] = _to_json
    environment.globals["raise_exception"] = _refuse
    environment.globals["strftime_now"] = lambda form: datetime.now().strftime(form)
    return environment.from_string(template)


def _to_json(value: Any, indent: int | None = None, **more: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent, **more)


def _refuse(said: str) -> NoReturn:
    raise TemplateError(said)
