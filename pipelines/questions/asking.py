"""Questions through the client of `pipelines`: ledger first, typed ends, one reader of all JSON replies."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from eval.questions.base import Asker, Limits, OpenQuestion, Reply
from eval.questions.judged import VERDICT_SCHEMA, Judge, Ruling, Verdict, judge_prompt
from pipelines.completion import Completion, CompletionRequest, Message, State
from pipelines.structured.ask import Asker as Client
from pipelines.structured.ask import ask_until_parsed
from pipelines.structured.parsing import json_reply

STAGE: Final = "eval"
JUDGE_STAGE: Final = "eval_judge"
_REPLIED = frozenset({State.OK, State.TRUNCATED, State.REFUSED, State.UNPARSED})
_VERDICT_ATTEMPTS = 2  # a verdict that cannot be read is asked for again once
_CUT = "\ufffd"  # how a piece of a character is decoded
_OPENING = "([{<\"'`*$ \t\n\u2581\u0120"  # what may stand before a letter in its token
_CLOSING = ")]}>\"'`*$.,:; \t\n"


def as_asker(client: Client, stage: str, run: str) -> Asker:
    """Asks through `client` under the identity of `run`; None where there was no reply."""

    async def ask(
        item_id: str,
        messages: list[dict[str, str]],
        max_tokens: int,
        sample: int,
        json_schema: dict[str, Any] | None = None,
        *,
        attempt: int = 0,
        letters: str = "",
        scores_last: bool = False,
    ) -> Reply | None:
        sent = [Message(role=one["role"], content=one["content"]) for one in messages]
        request = CompletionRequest(
            stage, f"{run}:{item_id}", sent, sample, attempt, json_schema, max_tokens, bool(letters), scores_last
        )
        done = await client.ask(request)
        if scores_last and done.state in _REPLIED:
            return Reply(done.text, likelihood=text_logprob(done.likeliest, messages[-1]["content"]))
        return as_reply(done, letters)

    return ask


def as_reply(done: Completion, letters: str = "") -> Reply | None:
    """A completion as the readers take it. One that was cut off or refused is a reply: the reader says what it is
    worth, and so is an empty one."""
    if done.state not in _REPLIED:
        return None
    return Reply(done.text, done.state is State.TRUNCATED, letter_logprobs(done.likeliest, letters) or None)


def letter_logprobs(places: Sequence[Mapping[str, float]], letters: str) -> dict[str, float]:
    """The log-probability of each letter at the first place where one of them is the likeliest token; where there is
    none, at the first place that holds any. Spellings of one letter ("A", " A", "(A") count together."""
    if not letters:
        return {}
    found = [_letters(place, letters) for place in places]
    for place, given in zip(places, found, strict=True):
        if given and max(place, key=lambda token: place[token]).strip(_OPENING + _CLOSING) in letters:
            return given
        if place and max(place, key=lambda token: place[token]).strip(_OPENING):
            break  # the reply begins with a word: what follows is no longer its first letter
    return next((given for given in found[:1] if given), {})


def text_logprob(places: Sequence[Mapping[str, float]], text: str) -> float | None:
    """The log-probability of `text`, whose tokens are the last of `places`; None where they are not. A token that also
    holds what stands before the text counts whole; a character beyond ASCII may be cut into several tokens."""
    shape, found, total = re.compile("".join(map(_spelled, text)) + r"\Z"), "", 0.0
    score: float | None = None
    for place in reversed(places):
        token, value = next(iter(place.items()), ("", 0.0))
        if not token:
            break
        found, total = token + found, total + value
        # The longest that is the text and no more: pieces of one character may stand for another's.
        if shape.fullmatch(found) or (score is None and shape.search(found)):
            score = total
    return score


def _spelled(char: str) -> str:
    """An expression for a character, as itself or in up to as many pieces as it has bytes."""
    same = re.escape(char)
    return same if char.isascii() else f"(?:{same}|{_CUT}{{1,{len(char.encode())}}})"


def _letters(place: Mapping[str, float], letters: str) -> dict[str, float]:
    given: dict[str, float] = {}
    for token, value in place.items():
        letter = token.strip(_OPENING + _CLOSING)
        if len(letter) == 1 and letter in letters:
            given[letter] = math.log(math.exp(given.get(letter, -math.inf)) + math.exp(value))
    return given


def as_judge(client: Client, run: str, limits: Limits) -> Judge:
    """Has replies judged by `client`; a verdict that cannot be read is asked for once more, with what was wrong."""

    async def judge(question: OpenQuestion, answer: str, sample: int) -> Ruling:
        request = CompletionRequest(
            JUDGE_STAGE, f"{run}:judge:{question.id}", [Message(role="user", content=judge_prompt(question, answer))],
            sample, json_schema=VERDICT_SCHEMA, max_tokens=limits.judge,
        )  # fmt: skip
        said = await ask_until_parsed(client, request, parse_verdict, _VERDICT_ATTEMPTS)
        truncated = said.state is State.TRUNCATED
        score = None if said.value is None else said.value.score
        return Ruling(score, said.completion.text, truncated, said.attempts)

    return judge


def parse_verdict(text: str) -> Verdict:
    """A judge's verdict. Raises UnparsedError unless the reply is the JSON that was asked for."""
    return json_reply(text, Verdict)
