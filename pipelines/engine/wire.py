"""What is sent for a request, and what identifies it: pure functions of the role and the request."""

import hashlib
import json
from typing import Any

from pipelines.completion import CompletionRequest
from pipelines.engine.endpoints import Role
from pipelines.ledger.records import Want, request_key

TOP_LOGPROBS = 20  # the most that OpenAI's API gives
_BYTES_PER_TOKEN = 3  # on the safe side for a reservation: most text has four or more
_TOKENS_PER_MESSAGE = 8
_LIMITS = frozenset(
    {
        "minLength",
        "maxLength",
        "pattern",
        "format",
        "minimum",
        "maximum",
        "minItems",
        "maxItems",
        "uniqueItems",
        "default",
    }
)


def max_tokens(role: Role, request: CompletionRequest) -> int:
    """The role's limit, or the request's where that is lower."""
    limit = role.settings.max_tokens
    return limit if request.max_tokens is None else min(limit, request.max_tokens)


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
        "json_mode": settings.json_mode if request.json_schema else None, "logprobs": request.logprobs or None,
    }  # fmt: skip
    given = {name: value for name, value in values.items() if value is not None}
    return json.dumps(given, sort_keys=True, separators=(",", ":"))


def key(role: Role, endpoint: str, request: CompletionRequest) -> bytes:
    """The ledger's key of `request` answered by the model of `endpoint`."""
    return request_key(role.name, role.endpoints[endpoint].model, parameters(role, request), request)


def body(role: Role, endpoint: str, request: CompletionRequest) -> dict[str, Any]:
    """The JSON body of the chat request, with no field that the role does not ask for."""
    settings = role.settings
    sent: dict[str, Any] = {
        "model": role.endpoints[endpoint].model,
        "messages": request.messages,
        settings.max_tokens_field: max_tokens(role, request),
    }
    for name in ("temperature", "top_p", "reasoning_effort"):
        if (value := getattr(settings, name)) is not None:
            sent[name] = value
    if settings.send_seed:
        sent["seed"] = seed(role, request)
    if request.logprobs:
        sent |= {"logprobs": True, "top_logprobs": TOP_LOGPROBS}
    if request.json_schema and settings.json_mode != "none":
        sent["response_format"] = _response_format(settings.json_mode, request.json_schema)
    return {**sent, **settings.extra_body}


def _response_format(mode: str, schema: dict[str, Any]) -> dict[str, Any]:
    if mode == "json_object":
        return {"type": "json_object"}
    strict = mode == "json_schema_strict"
    form = {"name": "reply", "schema": _unlimited(schema) if strict else schema, "strict": strict}
    return {"type": "json_schema", "json_schema": form}


def _unlimited(schema: Any) -> Any:
    """`schema` without the limits that OpenAI's strict mode answers with an error; replies are checked by us anyway."""
    if isinstance(schema, list):
        return [_unlimited(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {name: value for name, value in schema.items() if name not in _LIMITS}
    return {
        # below `properties` the names are the form's own, not keywords
        name: {key: _unlimited(one) for key, one in value.items()} if name == "properties" else _unlimited(value)
        for name, value in kept.items()
    }


def prompt_text(request: CompletionRequest) -> str:
    """All that the endpoint reads, for estimates and for the share of the prefix."""
    return "".join(message["content"] for message in request.messages)


def most(role: Role, endpoint: str, request: CompletionRequest, batch: bool = False) -> Want:
    """The most that a request can cost: a safe count of its prompt, and a reply of full length."""
    prompt_tokens = len(prompt_text(request).encode()) // _BYTES_PER_TOKEN + _TOKENS_PER_MESSAGE * len(request.messages)
    completion_tokens = max_tokens(role, request)
    dollars = role.cost_usd(endpoint, prompt_tokens, 0, completion_tokens, batch)
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
