"""What identifies a request and what it can cost: pure functions of the role and the request."""

import hashlib
import json

from pipelines.completion import CompletionRequest, Usage
from pipelines.engine.endpoints import Role
from pipelines.ledger.records import Want, request_key

_BYTES_PER_TOKEN = 3  # on the safe side for a reservation: most text has four or more
_TOKENS_PER_MESSAGE = 8
_TOKENS_OF_A_FORM = 800  # what Anthropic's API adds to the prompt to explain tools or a form: some hundred


def max_tokens(role: Role, request: CompletionRequest) -> int:
    """The role's limit, or the request's where that is lower."""
    limit = role.settings.max_tokens
    return limit if request.max_tokens is None else min(limit, request.max_tokens)


def most_sent(role: Role, request: CompletionRequest) -> int:
    """The limit that the endpoint is sent: `extra_body` may have another word on it."""
    settings = role.settings
    sent = settings.extra_body.get(settings.max_tokens_field)
    return sent if isinstance(sent, int) and not isinstance(sent, bool) else max_tokens(role, request)


def seed(role: Role, request: CompletionRequest) -> int:
    """The seed of one request, for endpoints that take one."""
    identity = json.dumps([role.seed, request.stage, request.row_id, request.sample, request.attempt])
    return int.from_bytes(hashlib.sha256(identity.encode()).digest()[:4], "big") >> 1


def parameters(role: Role, request: CompletionRequest) -> str:
    """What shapes a reply beside model and messages, as canonical JSON; part of the key."""
    settings = role.settings
    values = {
        "temperature": settings.temperature, "top_p": settings.top_p, "max_tokens": max_tokens(role, request),
        "reasoning_effort": settings.reasoning_effort, "extra_body": settings.extra_body or None,
        "seed": seed(role, request) if settings.send_seed else None, "json_schema": request.json_schema,
        "json_mode": settings.json_mode if request.json_schema else None, "thinking": settings.thinking,
        "logprobs": request.logprobs or None, "scores_last": request.scores_last or None,
    }  # fmt: skip
    given = {name: value for name, value in values.items() if value is not None}
    return json.dumps(given, sort_keys=True, separators=(",", ":"))


def key(role: Role, endpoint: str, request: CompletionRequest) -> bytes:
    """The ledger's key of `request` answered by the model of `endpoint`."""
    return request_key(role.name, role.endpoints[endpoint].model, parameters(role, request), request)


def prompt_text(request: CompletionRequest) -> str:
    """All that the endpoint reads, for estimates and for the share of the prefix."""
    return "".join(message["content"] for message in request.messages)


def most(role: Role, endpoint: str, request: CompletionRequest, batch: bool = False) -> Want:
    """The most that a request can cost: a safe count of its prompt, and a reply of full length."""
    prompt_tokens = len(prompt_text(request).encode()) // _BYTES_PER_TOKEN + _TOKENS_PER_MESSAGE * len(request.messages)
    if request.json_schema and role.endpoints[endpoint].protocol == "anthropic":  # a form is part of the prompt there
        prompt_tokens += len(json.dumps(request.json_schema)) // _BYTES_PER_TOKEN + _TOKENS_OF_A_FORM
    completion_tokens = max_tokens(role, request)
    written = prompt_tokens if role.endpoints[endpoint].marks_cache else 0
    usage = Usage(prompt_tokens, 0, completion_tokens, cache_written=written)
    dollars = role.cost_usd(endpoint, usage, batch)
    return Want(dollars or 0.0, prompt_tokens + completion_tokens)


def ranked(role: Role, request: CompletionRequest) -> list[str]:
    """The role's endpoints in the order in which `request` tries them: by weight, and the same in every run (weighted
    rendezvous hashing)."""
    weights = role.settings.endpoints
    if len(weights) == 1:
        return list(weights)
    identity = f"{request.stage}\0{request.row_id}\0{request.sample}\0{request.attempt}\0"

    def rank(name: str) -> float:
        digest = hashlib.sha256((identity + name).encode()).digest()
        uniform = (int.from_bytes(digest[:8], "big") + 1) / 2**64
        return float(uniform ** (1 / weights[name]))

    return sorted(weights, key=rank, reverse=True)


def common_prefix(one: str, other: str) -> int:
    """Characters that both begin with, found by halving."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one.startswith(other[low:middle], low):
            low = middle
        else:
            high = middle - 1
    return low
