"""What the fake endpoint replies where a form of a spec is asked for: the form and about the length, and no sense."""

import random
import re
from functools import cache

from corpus.tokens import TokenCounter
from pipelines.fake_endpoint.text import Writer

_TOKENS = re.compile(r"It has (\d+) tokens")
_RULE = re.compile(r"^- ([A-Z]{1,4}-?\d+(?:\.\d+)*): ", re.MULTILINE)
_WRONG_SHARE = 0.4  # of first tries that are too short or too long, as with real models


@cache
def _counter() -> TokenCounter:
    return TokenCounter()


def spec_form(asked: str, first_try: bool, writer: Writer, rng: random.Random) -> str:
    """A spec of the form and length that the prompt `asked` names; some first tries have another length."""
    found = _TOKENS.search(asked)
    tokens = int(found[1]) if found else 400
    if first_try and rng.random() < _WRONG_SHARE:
        tokens = int(tokens * rng.choice((0.7, 1.4)))
    ids = _RULE.findall(asked.partition("The rules, all of them")[2])
    head = f"# {writer.label()}\n\n{writer.plain()}\n\n## {writer.label()}\n\n"
    parts = [[writer.plain() for _ in range(3 if _nested(asked) else 1)] for _ in ids or range(4)]
    text = _text(head, asked, ids, parts)
    while _counter().count(text) < tokens:
        rng.choice(parts).append(writer.plain())
        text = _text(head, asked, ids, parts)
    return text


def _text(head: str, asked: str, ids: list[str], parts: list[list[str]]) -> str:
    return head + "\n\n".join(_part(asked, ids[n] if ids else "", part) for n, part in enumerate(parts)) + "\n"


def _nested(asked: str) -> bool:
    return "sub-rules without ids" in asked


def _part(asked: str, rule: str, sentences: list[str]) -> str:
    """One rule with what belongs to it, or a paragraph where there are no rules."""
    if not rule:
        return " ".join(sentences)
    if "value behind it" in asked:
        return f"### {rule}: {sentences[0]}\n\n{' '.join(sentences[1:])}"
    if _nested(asked):
        return "\n".join([f"- {rule}: {sentences[0]}", *(f"    - {one}" for one in sentences[1:])])
    return f"- {rule}: {' '.join(sentences)}"
