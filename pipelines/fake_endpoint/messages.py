"""Anthropic's Messages API for the fake endpoint: its replies, its errors, its prompt cache and what it refuses."""

import hashlib
import json
import re
import time
from importlib import resources
from typing import Any

from aiohttp import web

from pipelines.fake_endpoint.api import Host
from pipelines.fake_endpoint.replies import body_hash, reply_text
from specs.data import load_yaml

_CLAUDE: dict[str, Any] = load_yaml(
    resources.files("pipelines.fake_endpoint").joinpath("claude.yaml").read_text("utf-8")
)
_CHARS_A_TOKEN = 4.5
_THOUGHT_TOKENS = 12
_FORM_TOKENS = 300  # that the API adds to explain a tool or a form
_TTL_S = {"5m": 300.0, "1h": 3600.0}
_LIMIT = re.compile(r"(\w+): ([^,}]+)")
_TYPES = {
    400: "invalid_request_error", 401: "authentication_error", 402: "billing_error", 403: "permission_error",
    404: "not_found_error", 413: "request_too_large", 429: "rate_limit_error", 504: "timeout_error",
    529: "overloaded_error",
}  # fmt: skip
MESSAGE_ERRORS: dict[str, tuple[int, str, str]] = {
    "429": (429, "This request would exceed your organization's rate limit", ""),
    "429_seconds": (429, "This request would exceed your organization's rate limit", ""),
    "429_date": (429, "This request would exceed your organization's rate limit", ""),
    "quota": (400, "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing.", ""),
    "spend_limit": (429, "Your organization has reached its limit", "enforced_spend_limit_reached"),
    "500": (500, "Internal server error", ""),
    "502": (502, "Bad gateway", ""),
    "503": (503, "Service unavailable", ""),
    "504": (504, "The request timed out", ""),
    "529": (529, "Overloaded", ""),
    "401": (401, "invalid x-api-key", ""),
    "403": (403, "Your API key does not have permission to use the specified resource", ""),
    "404": (404, "model: no-such-model", ""),
    "413": (413, "Request exceeds the maximum size", ""),
    "invalid_prompt": (400, "Output blocked by content filtering policy", ""),
    "context": (400, "prompt is too long: 210000 tokens > 200000 maximum", ""),
}
MESSAGE_STOPS = {
    "length": "max_tokens", "content_filter": "refusal", "refusal": "refusal", "tool_calls": "tool_use",
    "reasoning_budget": "max_tokens", "pause_turn": "pause_turn", "context_window": "model_context_window_exceeded",
    "stop_sequence": "stop_sequence", "unknown_ending": "a_word_of_tomorrow",
}  # fmt: skip


class Messages:
    """How the server answers Anthropic's clients, with its prompt cache."""

    def __init__(self, endpoint: Host) -> None:
        self._endpoint = endpoint
        self._cache: dict[str, float] = {}  # until when, by prefix

    def add_routes(self, app: web.Application) -> None:
        """Mount the routes."""
        app.router.add_post("/v1/messages", self.create)
        app.router.add_get("/v1/models/{id}", self.model)

    async def create(self, request: web.Request) -> web.StreamResponse:
        """POST /v1/messages."""
        return await self._endpoint.answer(request, self)

    async def models(self, request: web.Request) -> web.Response:
        """GET /v1/models."""
        names = _CLAUDE["models"]
        page = {"data": [_model(one) for one in names], "has_more": False, "first_id": names[0], "last_id": names[-1]}
        return self.refusal(request) or web.json_response(page)

    async def model(self, request: web.Request) -> web.Response:
        """GET /v1/models/{id}: every name is a model here."""
        return self.refusal(request) or web.json_response(_model(request.match_info["id"]))

    # --- errors ------------------------------------------------------------------------------------------------------

    @staticmethod
    def error_of(kind: str) -> tuple[int, str, str] | None:
        """Status, message and code of a fault that is an answer of its own."""
        return MESSAGE_ERRORS.get(kind)

    @staticmethod
    def error_body(status: int, message: str, code: str = "") -> dict[str, Any]:
        """An error as the API words them."""
        error: dict[str, Any] = {"type": _TYPES.get(status, "api_error"), "message": message}
        if code:
            error["details"] = {"error_code": code}
        return {"type": "error", "error": error, "request_id": "req_fake"}

    def error(self, status: int, message: str, code: str = "", headers: dict[str, str] | None = None) -> web.Response:
        """The same as an answer."""
        sent = {"request-id": "req_fake", **(headers or {})}
        return web.json_response(self.error_body(status, message, code), status=status, headers=sent)

    def refusal(self, request: web.Request) -> web.Response | None:
        """The answer to a wrong key, or to a request without a version."""
        given = request.headers.get("x-api-key") or request.headers.get("Authorization", "").removeprefix("Bearer ")
        if self._endpoint.settings.key and given != self._endpoint.settings.key:
            return self.error(401, f"invalid x-api-key: {given}")
        if not request.headers.get("anthropic-version"):
            return self.error(400, "anthropic-version: header is required")
        return None

    def check(self, body: dict[str, Any]) -> web.Response | None:
        """The answer to a request that the API does not accept."""
        wrong = objection(body)
        return self.error(400, wrong) if wrong else None

    # --- replies -----------------------------------------------------------------------------------------------------

    def completion(self, body: dict[str, Any], fault: str = "", batch: bool = False) -> dict[str, Any]:
        """The body of a message; `fault` spoils it."""
        settings = self._endpoint.settings
        text, finish, _, output = reply_text(
            _plain(body), settings.seed, settings.name, settings.provider, settings.words
        )
        stop = MESSAGE_STOPS.get(fault) or ("max_tokens" if finish == "length" else "end_turn")
        if body.get("tools") and stop == "end_turn":
            stop = "tool_use"
        content = _content(body, text, stop, fault)
        thought = sum(_THOUGHT_TOKENS for block in content if block["type"] == "thinking")
        usage = {**self._prompt_usage(body), "output_tokens": output + thought}
        self._endpoint.log(event="billed", batch=batch, **usage)
        refused = {"type": "refusal", "category": "general_harms", "explanation": "I cannot help with that."}
        message = {
            "id": f"msg_{body_hash(body, settings.seed)[:24]}", "type": "message", "role": "assistant",
            "model": body.get("model"), "content": None if fault == "empty_choices" else content, "stop_reason": stop,
            "stop_sequence": "###" if stop == "stop_sequence" else None,
            "stop_details": refused if stop == "refusal" else None,
        }  # fmt: skip
        if fault == "no_usage":
            return message
        tier, details = "batch" if batch else "standard", {"thinking_tokens": thought}
        more = {"output_tokens_details": details, "server_tool_use": None, "inference_geo": "global"}
        return {**message, "usage": {**usage, **more, "service_tier": tier}}

    def _prompt_usage(self, body: dict[str, Any]) -> dict[str, Any]:
        """What the prompt counts as: read from the cache, written to it, or neither."""
        explained = json.dumps([body.get("tools"), (body.get("output_config") or {}).get("format")])
        extra = _tokens(explained) + _FORM_TOKENS if "schema" in explained else 0
        system = body.get("system") or []
        blocks = system if isinstance(system, list) else [{"text": system}]
        prefix, ttl, marked = "", "", 0
        for block in blocks:
            prefix += block["text"]
            if mark := block.get("cache_control"):
                marked, ttl = _tokens(prefix) + extra, mark.get("ttl", "5m")
        total = _tokens(prefix) + extra + sum(_tokens(_text_of(one["content"])) for one in body["messages"]) + 8
        read = written = 0
        if marked >= _cached_from(str(body.get("model"))):
            compared = [body.get("model"), body.get("tools"), body.get("thinking"), body.get("output_config"), prefix]
            name, now = hashlib.sha256(json.dumps(compared).encode()).hexdigest(), time.monotonic()
            read = marked if self._cache.get(name, 0.0) > now else 0
            written = marked - read
            self._cache[name] = now + _TTL_S[ttl]
        return {
            "input_tokens": total - read - written, "cache_read_input_tokens": read,
            "cache_creation_input_tokens": written,
            "cache_creation": {
                "ephemeral_5m_input_tokens": written if ttl == "5m" else 0,
                "ephemeral_1h_input_tokens": written if ttl == "1h" else 0,
            },
        }  # fmt: skip


def _model(name: str) -> dict[str, Any]:
    """A model as the API describes it."""
    return {
        "type": "model", "id": name, "display_name": name, "created_at": "2026-01-01T00:00:00Z", "lifecycle": "active",
        "max_input_tokens": 1_000_000, "max_tokens": 128_000,
    }  # fmt: skip


def _content(body: dict[str, Any], text: str, stop: str, fault: str) -> list[dict[str, Any]]:
    """The blocks of a reply: what the model thinks, then its text or what it gives to a tool."""
    thoughts = _thoughts(body)
    blocks = [] if thoughts is None else [_thinking(thoughts)]
    if fault == "reasoning_budget":
        return [_thinking(text)]
    if stop == "refusal":
        return blocks
    if stop == "tool_use":
        name, value = ("search", {}) if fault == "tool_calls" else (body["tools"][0]["name"], json.loads(text))
        return [*blocks, _tool_use(name, value)]
    if fault in {"length", "pause_turn", "context_window"}:
        text = text[: len(text) // 2]
    elif fault == "line_ends":
        text = f"{text}\u2028and\u0085more\u2029of it\x1e."
    return [*blocks, {"type": "text", "text": text, "citations": None}]


def _thinking(text: str) -> dict[str, Any]:
    return {"type": "thinking", "thinking": text, "signature": "c2lnbmF0dXJl"}


def _thoughts(body: dict[str, Any]) -> str | None:
    """What the model thinks, empty where the client did not ask to see it; None where it does not think."""
    thinking = body.get("thinking") or {}
    if thinking.get("type") not in {"enabled", "adaptive"} and not _is(body, "always_thinks"):
        return None
    return "I weigh what the spec says of this, then write." if thinking.get("display") == "summarized" else ""


def _tokens(text: str) -> int:
    return int(len(text) / _CHARS_A_TOKEN)


def _is(body: dict[str, Any], trait: str) -> bool:
    return str(body.get("model")).startswith(tuple(_CLAUDE[trait]))


def _cached_from(model: str) -> int:
    found = [tokens for name, tokens in _CLAUDE["cache_from"].items() if model.startswith(name)]
    return int(found[0] if found else _CLAUDE["cache_from"]["default"])


def _text_of(content: object) -> str:
    if isinstance(content, list):
        return "".join(str(block.get("text", "")) for block in content)
    return str(content)


def _tool_use(name: str, value: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": "toolu_fake", "name": name, "input": value, "caller": {"type": "direct"}}


def _plain(body: dict[str, Any]) -> dict[str, Any]:
    """The request in the words of the other API, from which replies are made."""
    system = _text_of(body.get("system") or "")
    turns = [{"role": one["role"], "content": _text_of(one["content"])} for one in body["messages"]]
    messages = [{"role": "system", "content": system}, *turns] if system else turns
    form = (body.get("output_config") or {}).get("format") or {}
    tools = body.get("tools") or []
    schema = form.get("schema") or (tools[0]["input_schema"] if tools else None)
    plain = {"model": body.get("model"), "messages": messages, "max_tokens": body.get("max_tokens")}
    return {**plain, "response_format": {"schema": _with_limits(schema)}} if schema else plain


def _with_limits(schema: Any) -> Any:
    """`schema` with the limits that the client has moved into descriptions, which a model reads there."""
    if isinstance(schema, list):
        return [_with_limits(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: _with_limits(value) for name, value in schema.items()}
    if isinstance(said := schema.get("description"), str) and "{" in said:
        for name, value in _LIMIT.findall(said.rpartition("{")[2]):
            found[name] = int(value) if value.isdigit() else value
    return found


# --- what the API refuses ---------------------------------------------------------------------------------------------


def objection(body: dict[str, Any]) -> str:
    """Why the API does not accept a request; empty where it does."""
    for check in (_wrong_fields, _wrong_turns, _wrong_sampling, _wrong_thinking, _wrong_form):
        if wrong := check(body):
            return wrong
    return ""


def _wrong_fields(body: dict[str, Any]) -> str:
    for name in ("model", "messages", "max_tokens"):
        if not body.get(name):
            return f"{name}: Field required"
    for name in body:
        if name not in _CLAUDE["fields"]:
            return f"{name}: Extra inputs are not permitted"
    marks = json.dumps(body).count('"cache_control"')
    return f"A maximum of 4 blocks with cache_control may be provided. Found {marks}." if marks > 4 else ""


def _wrong_turns(body: dict[str, Any]) -> str:
    turns, system = body["messages"], body.get("system") or []
    if turns[0]["role"] != "user":
        return 'messages: first message must use the "user" role'
    if any(one["role"] not in {"user", "assistant"} for one in turns):
        return "messages: Input should be 'user' or 'assistant'"
    texts = [block["text"] for block in system] if isinstance(system, list) else [system]
    if any(not text.strip() for text in (*texts, *(_text_of(one["content"]) for one in turns))):
        return "text content blocks must contain non-whitespace text"
    if turns[-1]["role"] == "assistant" and _is(body, "no_prefill"):
        return "This model does not support assistant message prefill. The conversation must end with a user message."
    return ""


def _wrong_sampling(body: dict[str, Any]) -> str:
    for name in ("temperature", "top_p"):
        value = body.get(name)
        if value is not None and not 0 <= value <= 1:
            return f"{name}: range: 0..1"
        if value not in {None, 1} and _is(body, "no_sampling"):
            return f"`{name}` is deprecated for this model."
    return ""


def _wrong_thinking(body: dict[str, Any]) -> str:
    thinking = body.get("thinking") or {}
    kind, budget = thinking.get("type"), thinking.get("budget_tokens", 0)
    if kind == "enabled" and _is(body, "no_thinking_budget"):
        return '"thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive".'
    if kind == "disabled" and _is(body, "always_thinks"):
        return '"thinking.type.disabled" is not supported for this model.'
    if kind == "enabled" and not 1024 <= budget < body["max_tokens"]:
        return "thinking.budget_tokens: must be at least 1024 and less than max_tokens"
    thinks = kind in {"enabled", "adaptive"}
    if thinks and body.get("temperature") not in {None, 1}:
        return "`temperature` may only be set to 1 when thinking is enabled."
    forced = (body.get("tool_choice") or {}).get("type") in {"tool", "any"}
    if forced and (thinks or _is(body, "no_forced_tool")):
        return "tool_choice: forcing a tool is not supported with thinking or by this model"
    return ""


def _wrong_form(body: dict[str, Any]) -> str:
    form = (body.get("output_config") or {}).get("format")
    return _wrong_schema(form.get("schema")) if form else ""


def _wrong_schema(schema: Any) -> str:
    if isinstance(schema, list):
        return next(filter(None, map(_wrong_schema, schema)), "")
    if not isinstance(schema, dict):
        return ""
    if schema.get("type") == "object" and schema.get("additionalProperties") is not False:
        return "output_config.format.schema: For 'object' type, 'additionalProperties' must be explicitly set to false"
    for name, value in schema.items():
        if name in _CLAUDE["no_keywords"]:
            return f"output_config.format.schema: property '{name}' is not supported"
        inner = list(value.values()) if name in {"properties", "$defs"} else value
        if wrong := _wrong_schema(inner):
            return wrong
    return ""
