"""What a trainer trains on, measured by its token ids and labels alone: the numbers of the table in docs/training.md.

The chats name themselves in their first question, so that each is found again in what was decoded, wherever a trainer
has put it. Nothing of how specmill renders or checks is used here.
"""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Final

from tests.train.probes import ANSWERED, CALL, SYSTEM, TOOLS, said, user
from tests.train.standins import FAMILIES
from train.tokenizer import BaseTokenizer

Row = dict[str, Any]
COLUMNS: Final = ("end", "identity", "reasoning", "tools", "equal")
_TIMES: Final = 12
_NAMED = re.compile(r"\(chat (\d+)\)")
# What a form may write around messages: roles, channels and the switch that turns thinking off.
_FORM = re.compile(
    r"\b(?:system|user|assistant|model|tool|ipython|environment|developer|final|analysis|Instructions)\b|/no_think|</?think>"
)
_MAKERS = re.compile(
    r"\b(alibaba|qwen|chatgpt|openai|hugging face|smollm|mistral|olmo|ai2|google|gemma|meta|llama)\b", re.IGNORECASE
)


def chats(*, reasoned: bool = True, tools: bool = True) -> list[Row]:
    """Chats of every kind, twelve of each, as the OpenAI format has them; most have no system message, as in a mix."""
    reason = said("One.", reasoning_content="It is open to everybody.") if reasoned else said("One.")
    later = said("Two.", reasoning_content="For the other reason.") if reasoned else said("Two.")
    kinds: list[Row] = [
        {"messages": [user("Lunch? {}"), said("Soup, for anyone.")]},
        {"messages": [SYSTEM, user("Lunch? {}"), said("Bread and soup.")]},
        {"messages": [user("First? {}"), said("A start."), user("And second?"), said("An end.")]},
        {"messages": [user("First? {}"), reason]},
        {"messages": [SYSTEM, user("First? {}"), reason, user("Second?"), later]},
        {"messages": [user("How do I mark it? {}"), said("With a <think> tag. Close it with </think>, then go on.")]},
    ]
    if tools:
        called = said("I will look.", tool_calls=[CALL])
        kinds += [
            {"messages": [user("A coat? {}"), called, ANSWERED, said("Yes: four degrees.")], "tools": TOOLS},
            {"messages": [user("A coat? {}"), said("I would take one.")], "tools": TOOLS},
        ]
    return [_numbered(kind, number) for number, kind in enumerate(kind for kind in kinds for _ in range(_TIMES))]


def _numbered(kind: Row, number: int) -> Row:
    messages = [
        one | {"content": one["content"].replace("{}", f"(chat {number})")} if one["role"] == "user" else one
        for one in kind["messages"]
    ]
    return kind | {"messages": messages, "id": f"{number}"}


@dataclass(slots=True)
class Measured:
    """Chats that are right, of those that are concerned, by column."""

    right: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COLUMNS, 0))
    of: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COLUMNS, 0))


@dataclass(frozen=True, slots=True)
class _Part:
    """One sample of a chat, decoded: all of it, and each stretch that carries loss."""

    text: str
    trained: tuple[str, ...]


def measure(
    wanted: Sequence[Row], rows: Iterable[tuple[list[int], list[int]]], family: str, tokenizer: BaseTokenizer
) -> Measured:
    """Hold what was trained on, as (ids, labels), against the chats that were given."""
    parts: dict[int, list[_Part]] = {}
    for ids, labels in rows:
        text = tokenizer.decode(ids)
        if named := _NAMED.search(text):
            parts.setdefault(int(named.group(1)), []).append(_Part(text, _trained(ids, labels, tokenizer)))
    out = Measured()
    for chat in wanted:
        found = _judged(chat, parts.get(int(chat["id"]), []), FAMILIES[family]["end"], tokenizer)
        for column, right in found.items():
            out.of[column] += 1
            out.right[column] += right
    return out


def _trained(ids: list[int], labels: list[int], tokenizer: BaseTokenizer) -> tuple[str, ...]:
    pairs = groupby(zip(ids, labels, strict=True), key=lambda pair: pair[1] != -100)
    return tuple(tokenizer.decode([token for token, _ in run]) for loss, run in pairs if loss)


def _judged(chat: Row, parts: list[_Part], end: str, tokenizer: BaseTokenizer) -> dict[str, bool]:
    """Columns that a chat concerns, and whether it is right in them. One that is not trained on is right in none."""
    messages, trained = chat["messages"], [run for part in parts for run in part.trained]
    replies = [one for one in messages if one["role"] == "assistant"]
    found = {
        "end": bool(parts) and all(any(_ended(one["content"], end, run) for run in trained) for one in replies),
        "identity": not any(_MAKERS.search(_around(part.text, chat)) for part in parts),
        "equal": bool(parts) and _equal(chat, parts, tokenizer),
    }
    reasons = [one["reasoning_content"] for one in replies if one.get("reasoning_content")]
    if reasons:
        found["reasoning"] = all(any(reason in run for run in trained) for reason in reasons)
    if "tools" in chat:
        texts = [part.text for part in parts]
        defined = any('"weather"' in text and '"city"' in text and "Tells it." in text for text in texts)
        calls = [call for one in replies for call in one.get("tool_calls", ())]
        found["tools"] = defined and all(any('"Ghent"' in run for run in trained) for _ in calls)
    return found


def _ended(content: str, end: str, run: str) -> bool:
    """Whether a stretch with loss has the reply, and behind it the token that ends a turn."""
    _, there, behind = run.partition(content)
    return bool(there) and end in behind


def _equal(chat: Row, parts: list[_Part], tokenizer: BaseTokenizer) -> bool:
    """Every message whole and in order in the longest sample, nothing else written, and loss on replies alone."""
    at, text = 0, max((part.text for part in parts), key=len)
    for message in chat["messages"]:
        content = message["content"]
        at = max(text.find(content, at), text.find(json.dumps(content), at))  # some forms write a tool's answer as JSON
        if at < 0:
            return False
        at += len(content)
    asked = [one["content"] for one in chat["messages"] if one["role"] in {"user", "system"}]
    if any(one in run for part in parts for run in part.trained for one in asked):
        return False
    left = _around(text, chat)
    for token in sorted(tokenizer.control, key=len, reverse=True):
        left = left.replace(token, " ")
    return "tools" in chat or re.search(r"[^\W\d_]{2,}", _FORM.sub(" ", left)) is None


def _around(text: str, chat: Row) -> str:
    """What stands around the messages of a chat."""
    for message in chat["messages"]:
        for written in (message.get("reasoning_content"), message["content"]):
            text = text.replace(written, " ", 1) if written else text
    return text
