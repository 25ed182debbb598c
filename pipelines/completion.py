"""What is asked of a language model, and what comes back: the two records that every stage shares."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypedDict


class Message(TypedDict):
    """One chat message in the OpenAI format."""

    role: str
    content: str


class State(StrEnum):
    """How a request ended (design/contracts.md, 5). Only `OK` is content; the stage that parses says `UNPARSED`."""

    OK = "ok"
    TRUNCATED = "truncated"  # finish reason `length`
    REFUSED = "refused"  # a refusal field, or finish reason `content_filter`
    UNPARSED = "unparsed"  # a reply that does not have the form that was asked for
    FAILED = "failed"  # no reply, after all retries; asked again by a rerun
    OVER_BUDGET = "over_budget"  # never sent: the budget is spent
    STOPPED = "stopped"  # never sent: the run was stopped


@dataclass(frozen=True, slots=True)
class CompletionRequest:
    """One completion to ask for. `stage`, `row_id`, `sample` and `attempt` are its identity, part of the ledger's key:
    two requests with the same messages stay two requests (design/contracts.md, 4).
    """

    stage: str  # "documents"; also the unit of progress, usage and price
    row_id: str  # the row that the reply belongs to
    messages: list[Message]
    sample: int = 0  # which sample of this row (or which batch of its list)
    attempt: int = 0  # 0, or n for the n-th time that a bad reply is asked again
    json_schema: dict[str, Any] | None = None  # asks for constrained JSON where the endpoint can
    max_tokens: int | None = None  # below the role's own where a stage needs less
    logprobs: bool = False  # also the likeliest tokens at the beginning of the reply, where the endpoint gives them
    scores_last: bool = False  # the tokens of the last message, an assistant's, with their log-probabilities: no reply


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the endpoint reported them; None where it did not report."""

    prompt: int | None = None  # all of them, whatever the cache had to do with it
    cached: int | None = None  # of these, read from the cache
    completion: int | None = None
    reasoning: int | None = None
    cache_written: int | None = None  # of the prompt, written to the cache, where that has a price of its own


@dataclass(frozen=True, slots=True)
class Completion:
    """How a request ended. `text` is the reply's content, possibly cut short where the state is `TRUNCATED`."""

    request_id: str  # the ledger's key, hex; the same in every run
    state: State
    text: str = ""
    reasoning: str = ""  # the endpoint's own reasoning field, where it has one
    finish_reason: str = ""
    model: str = ""
    endpoint: str = ""
    usage: Usage = field(default_factory=Usage)
    cost_usd: float | None = None  # None: the price is not known
    retries: int = 0
    latency_s: float = 0.0
    error: str = ""
    # token -> log-probability, if asked and given: of the first tokens the likeliest, or the last message's own
    likeliest: tuple[dict[str, float], ...] = ()
