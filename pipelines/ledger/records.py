"""What the ledger stores, as plain records, and the key of a completion."""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import Any

from pipelines.completion import Completion, CompletionRequest

BLOCK_CHARS = 4096  # prompts are stored in blocks of this many characters


class Grant(StrEnum):
    """Answer to a reservation of budget."""

    GIVEN = "given"
    WAIT = "wait"  # not while all that is in flight may cost its most
    OVER = "over"  # not within this budget at all


@dataclass(frozen=True, slots=True)
class Want:
    """An amount of budget: the most that one request can cost, or what it did cost."""

    dollars: float = 0.0
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """One completion on its way to the ledger, with what else is known of its request."""

    key: bytes
    role: str
    request: CompletionRequest
    completion: Completion
    parameters: str  # canonical JSON
    prompt_chars: int
    prefix_chars: int  # of these, how many the previous request of the stage began with too
    finished_at: float  # seconds since the epoch
    charged: Want = field(default_factory=Want)
    reserved: Want | None = None
    batch: bool = False

    def columns(self) -> tuple[Any, ...]:
        """The values of the completion table, key first."""
        request, done = self.request, self.completion
        return (
            self.key, self.role, request.stage, request.row_id, request.sample, request.attempt, done.model,
            done.endpoint, done.state.value, done.finish_reason, done.usage.prompt, done.usage.cached,
            done.usage.completion, done.usage.reasoning, done.cost_usd, done.latency_s, done.retries, self.batch,
            self.prompt_chars, self.prefix_chars, self.finished_at, done.error,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Failure:
    """One request that brought no reply; `detail` carries no key and is at most a few hundred characters."""

    at: float
    role: str
    request: CompletionRequest
    endpoint: str
    kind: str  # of `pipelines.engine.outcomes.Fault`
    detail: str
    lost: Want | None = None  # the most that it may be billed, where it may be although no reply came

    def columns(self) -> tuple[Any, ...]:
        """The values of the failure table."""
        request = self.request
        return (
            self.at, self.role, request.stage, request.row_id, request.sample, request.attempt, self.endpoint,
            self.kind, self.detail,
        )  # fmt: skip


@dataclass(slots=True)
class StageProgress:
    """What a stage has done since the run began. `found` were in the ledger already; `waiting` have no slot yet."""

    stage: str
    found: int = 0
    done: int = 0  # replies of this run, whatever their state
    in_flight: int = 0
    waiting: int = 0
    limit: int = 0  # requests in flight allowed at the moment
    retries: int = 0
    states: dict[str, int] = field(default_factory=dict)  # of the requests that ended
    failures: dict[str, int] = field(default_factory=dict)  # of single requests, by kind
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    cost_usd: float = 0.0
    unpriced: int = 0  # replies whose price is not known; they are not in cost_usd
    down: list[str] = field(default_factory=list)  # endpoints that do not answer at the moment
    updated_at: float = 0.0

    def plus(self, other: "StageProgress") -> "StageProgress":
        """The two processes' records of one stage, added."""
        mine, theirs = asdict(self), asdict(other)
        total: dict[str, Any] = {"stage": self.stage}
        for name, value in mine.items():
            if isinstance(value, dict):
                total[name] = {k: value.get(k, 0) + theirs[name].get(k, 0) for k in value | theirs[name]}
            elif isinstance(value, list):
                total[name] = sorted(set(value) | set(theirs[name]))
            elif name in {"updated_at", "limit"}:  # processes of one stage ask one after the other, by one limit
                total[name] = max(value, theirs[name])
            elif name != "stage":
                total[name] = value + theirs[name]
        return StageProgress(**total)

    def to_json(self) -> str:
        """All fields, for the ledger's progress table."""
        return json.dumps(asdict(self))


@lru_cache(maxsize=64)
def blocks_of(text: str) -> tuple[tuple[bytes, str], ...]:
    """`text` cut into blocks with their hashes; texts that share a prefix share its blocks."""
    cut = [text[at : at + BLOCK_CHARS] for at in range(0, len(text), BLOCK_CHARS)]
    return tuple((block_hash(block), block) for block in cut)


def block_hash(text: str) -> bytes:
    """16 bytes of SHA-256: the block's name in the ledger."""
    return hashlib.sha256(text.encode()).digest()[:16]


@lru_cache(maxsize=64)
def _text_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def request_key(role: str, model: str, parameters: str, request: CompletionRequest) -> bytes:
    """The ledger's key: SHA-256 over role, model, parameters, messages and the request's own identity.

    Two requests with the same messages stay two requests (design/contracts.md, 4).
    """
    identity = [
        role, model, parameters, [(message["role"], _text_hash(message["content"])) for message in request.messages],
        request.stage, request.row_id, request.sample, request.attempt,
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(identity, separators=(",", ":")).encode()).digest()
