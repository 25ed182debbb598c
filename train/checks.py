"""What must be true of every rendered sample before it is trained on (design/contracts.md, 11)."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

from train.chats import Message
from train.families import Family
from train.rendering import IGNORED, Sample, slot
from train.tokenizer import BaseTokenizer

KINDS: Final = {
    "turns": "a message is missing in what is rendered",
    "end": "the token that ends a turn carries no loss",
    "loss": "loss is on something other than the replies",
    "identity": "another assistant's name or maker is written in",
    "added": "text is written in that no message holds",
    "think": "a second think block",
    "reasoning": "reasoning is lost",
    "tools": "tools or tool calls are lost",
    "empty": "an empty reply",
    "decode": "decoding does not give the text back",
}
_PLAIN_TOKENS: Final = {"<|user|>", "<|system|>", "<|assistant|>"}  # OLMo 2 writes them as text
_ROLES = re.compile(r"system|user|assistant|model|tool|ipython|environment|developer|functions|Instructions")


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with a sample: a key of `KINDS`, and what was found."""

    kind: str
    found: str


def faults(sample: Sample, family: Family, tokenizer: BaseTokenizer) -> list[Fault]:
    """All that is wrong with a sample; none where it may be trained on."""
    return [
        *_turns(sample, family),
        *_outside(sample, tokenizer),
        *_tokens(sample, family, tokenizer),
    ]


def _turns(sample: Sample, family: Family) -> Iterator[Fault]:
    said = [message for message in sample.chat.messages if message.role == "assistant"]
    if len(said) != len(sample.replies):
        yield Fault("turns", f"{len(said)} replies, {len(sample.replies)} rendered")
        return
    last = max(number for number, one in enumerate(sample.chat.messages) if one.role == "user")
    late = len(said) - sum(one.role == "assistant" for one in sample.chat.messages[:last])
    for number, (message, (start, stop)) in enumerate(zip(said, sample.replies, strict=True)):
        reply = sample.text[start:stop]
        if message.content.strip() not in reply:
            yield Fault("turns", f"reply {number + 1} is not rendered whole")
        if message.trained and not reply.endswith(family.end):
            yield Fault("end", f"reply {number + 1} ends with {reply[-20:]!r}, not with {family.end}")
        seen = not family.each_turn or number >= len(said) - late
        if message.reasoning and seen and message.reasoning not in reply:
            yield Fault("reasoning", f"of reply {number + 1}: {message.reasoning[:60]!r}")
        if sum(reply.replace(message.content, "").count(tag) for tag in ("<think>", "<|channel|>analysis")) > 1:
            yield Fault("think", f"in reply {number + 1}: {reply[:80]!r}")
        if not reply.removesuffix(family.end).strip():
            yield Fault("empty", f"reply {number + 1}")
        yield from _calls(message, reply, number)


def _calls(message: Message, reply: str, number: int) -> Iterator[Fault]:
    for call in message.tool_calls:
        function = call["function"]
        wanted = [function["name"], *(_written(value) for value in function["arguments"].values())]
        if not all(text in reply for text in wanted):
            yield Fault("tools", f"the call of {function['name']} in reply {number + 1}")


def _written(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _outside(sample: Sample, tokenizer: BaseTokenizer) -> Iterator[Fault]:
    """What stands around the messages: the tools where there are any, control tokens and roles, and nothing else."""
    between = sample.frame
    for number, message in enumerate(sample.chat.messages):
        if message.role == "assistant":
            continue
        content = message.content.strip()
        written = (content, json.dumps(content, ensure_ascii=False)[1:-1])  # some forms write a tool's answer as JSON
        if slot(number) not in between or not any(text in sample.text for text in written):
            yield Fault("turns", f"the {message.role}'s message {message.content[:60]!r} is not rendered whole")
        between = between.replace(slot(number), "\n")
    yield from _tools(sample, between)
    between = _without_tools(between, sample)
    if named := _makers().search(between):
        yield Fault("identity", f"{named.group()!r} in {between.strip()[:120]!r}")
    left = between
    for token in sorted(tokenizer.control | _PLAIN_TOKENS, key=len, reverse=True):
        left = left.replace(token, " ")
    if not sample.chat.tools and (words := re.search(r"[^\W\d_]{2,}.*", _ROLES.sub(" ", left))):
        yield Fault("added", repr(words.group()[:120]))


def _without_tools(text: str, sample: Sample) -> str:
    for tool in sample.chat.tools:
        for value in (tool["function"].get("name"), tool["function"].get("description")):
            text = text.replace(value, " ") if value else text
    return text


def _tools(sample: Sample, between: str) -> Iterator[Fault]:
    for tool in sample.chat.tools:
        function = tool["function"]
        named = [function["name"], *((function.get("parameters") or {}).get("properties") or {})]
        if not all(f'"{name}"' in between for name in named):
            yield Fault("tools", f"the definition of {function['name']}")


def _tokens(sample: Sample, family: Family, tokenizer: BaseTokenizer) -> Iterator[Fault]:
    if (decoded := tokenizer.decode(sample.ids)) != sample.text:
        at = next((n for n, (a, b) in enumerate(zip(decoded, sample.text, strict=False)) if a != b), len(decoded))
        yield Fault("decode", f"{sample.text[at : at + 40]!r} became {decoded[at : at + 40]!r}")
    end, spans = tokenizer.token_id(family.end), zip(_assistants(sample), sample.replies, strict=False)
    wanted = "".join(sample.text[start:stop] for message, (start, stop) in spans if message.trained)
    trained = [label for label in sample.labels if label != IGNORED]
    if tokenizer.decode(trained) != wanted:
        yield Fault("loss", f"on {tokenizer.decode(trained)[:80]!r}")
    ends = sum(message.trained for message in _assistants(sample))
    if trained.count(end) < ends:
        yield Fault("end", f"{family.end} carries loss {trained.count(end)} times; {ends} replies are trained on")


def _assistants(sample: Sample) -> list[Message]:
    return [message for message in sample.chat.messages if message.role == "assistant"]


@cache
def _makers() -> re.Pattern[str]:
    lines = files("train").joinpath("makers.txt").read_text(encoding="utf-8").splitlines()
    names = [re.escape(line) for line in lines if line and not line.startswith("#")]
    return re.compile(rf"\b({'|'.join(names)})\b", re.IGNORECASE)
