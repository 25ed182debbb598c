"""What Anthropic's Messages API is sent, and what comes: pure functions of requests and replies."""

import json
from dataclasses import replace
from functools import lru_cache
from typing import Any

import anthropic

from pipelines.completion import CompletionRequest, Message, Usage
from pipelines.engine import wire
from pipelines.engine.endings import reply_that_ended
from pipelines.engine.endpoints import EndpointSettings, Role, RoleSettings
from pipelines.engine.outcomes import Fault, Reply, clean, count, scrub

_TOOL = "reply"
_LEAST_THINKING = 1024  # tokens; the API's own minimum
_NAME_CHARS = 200
_LEAST_CACHED = 512  # characters: no model caches fewer tokens, and no token has less than one
_REFUSAL_CHARS = 300


def body(role: Role, endpoint: str, request: CompletionRequest) -> dict[str, Any]:
    """The JSON body of a message request, with no field that the role does not ask for."""
    settings, asked = role.settings, role.endpoints[endpoint]
    limit = wire.max_tokens(role, request)
    sent: dict[str, Any] = {"model": asked.model, "max_tokens": limit, **_messages(request.messages, asked)}
    thinking = _thinking(settings, limit)
    # the eval has a temperature of its own, which a model that thinks does not take
    sampled = asked.sampling and thinking.get("type") not in {"enabled", "adaptive"}
    for name in ("temperature", "top_p") if sampled else ():
        if (value := getattr(settings, name)) is not None:
            sent[name] = value
    if thinking:
        sent["thinking"] = thinking
    output: dict[str, Any] = {"effort": settings.reasoning_effort} if settings.reasoning_effort else {}
    if request.json_schema and settings.json_mode == "tool":
        sent |= _tool(request.json_schema, forced=thinking.get("type") not in {"enabled", "adaptive"})
    elif request.json_schema and settings.json_mode != "none":
        output["format"] = {"type": "json_schema", "schema": _allowed(json.dumps(request.json_schema))}
    if output:
        sent["output_config"] = output
    return {**sent, **settings.extra_body}


def _messages(messages: list[Message], endpoint: EndpointSettings) -> dict[str, Any]:
    """Our messages as the API takes them: what opens as `system` apart and marked for the cache, the rest as turns of
    user and assistant, of which the first is the user's; no text is empty."""
    spoken = [one for one in messages if one["content"].strip()]
    opening = 0
    while opening < len(spoken) - 1 and spoken[opening]["role"] == "system":
        opening += 1
    turns: list[dict[str, str]] = []
    for one in spoken[opening:]:
        role = "assistant" if one["role"] == "assistant" and turns else "user"
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"] += f"\n\n{one['content']}"
        else:
            turns.append({"role": role, "content": one["content"]})
    sent: dict[str, Any] = {"messages": turns}
    if opening:
        blocks: list[dict[str, Any]] = [{"type": "text", "text": one["content"]} for one in spoken[:opening]]
        if endpoint.cache != "none" and sum(len(block["text"]) for block in blocks) >= _LEAST_CACHED:
            blocks[-1]["cache_control"] = {"type": "ephemeral", "ttl": endpoint.cache}
        sent["system"] = blocks
    return sent


def prefix(body: dict[str, Any]) -> tuple[str, ...]:
    """What a request writes to the cache or reads from it: all up to the mark; empty where there is none. Long texts
    are not copied, since this is asked for every request."""
    system = body.get("system")
    if not isinstance(system, list) or "cache_control" not in system[-1]:
        return ()
    # the model, the tools and whether it thinks are part of what the API compares
    compared = [body.get(name) for name in ("model", "tools", "thinking", "output_config")]
    return json.dumps(compared, sort_keys=True), *(block["text"] for block in system)


def _thinking(settings: RoleSettings, max_tokens: int) -> dict[str, Any]:
    """The request's `thinking`. A budget keeps its share of max_tokens where a stage asks for shorter replies, and is
    left out where not even the smallest fits. The text of thoughts is asked for; newer models leave it out otherwise.
    """
    if settings.thinking is None or settings.thinking == "disabled":
        return {"type": "disabled"} if settings.thinking else {}
    if settings.thinking == "adaptive":
        return {"type": "adaptive", "display": "summarized"}
    if max_tokens <= _LEAST_THINKING:
        return {}
    share = settings.thinking * max_tokens // settings.max_tokens
    return {"type": "enabled", "budget_tokens": max(_LEAST_THINKING, share), "display": "summarized"}


def _tool(schema: dict[str, Any], forced: bool) -> dict[str, Any]:
    tool = {"name": _TOOL, "description": "Give the reply in this form.", "input_schema": schema}
    # a model that thinks may be offered a tool, not made to use it
    return {"tools": [tool], "tool_choice": {"type": "tool", "name": _TOOL} if forced else {"type": "auto"}}


@lru_cache(maxsize=64)
def _allowed(schema: str) -> dict[str, Any]:
    """The schema without the limits that structured output refuses; replies are checked by us anyway."""
    return anthropic.transform_schema(json.loads(schema))


# --- replies ---------------------------------------------------------------------------------------------------------


def read(data: Any, key: str = "") -> Reply | Fault:
    """Sort a message that has been parsed; nothing in it is trusted."""
    content = data.get("content") if isinstance(data, dict) else None
    if not isinstance(content, list):
        return Fault("bad_reply", f"status 200, but no message with content: {scrub(str(data), key)}")
    blocks = [block for block in content if isinstance(block, dict)]
    texts = [clean(block.get("text")) for block in blocks if block.get("type") == "text"]
    thoughts = [clean(block.get("thinking")) for block in blocks if block.get("type") == "thinking"]
    tools = [block for block in blocks if block.get("type") == "tool_use"]
    forms = [json.dumps(block.get("input"), ensure_ascii=False) for block in tools if block.get("name") == _TOOL]
    text = clean(forms[0]) if forms else "".join(texts)
    stop = clean(data.get("stop_reason"))
    refusal = _refusal(data.get("stop_details")) if stop == "refusal" else ""
    empty = "tool calls instead of text" if tools else ""
    reasoning, usage = "\n\n".join(filter(None, thoughts)), _usage(data.get("usage"))
    finish = "stop" if stop == "tool_use" else stop  # a form that was asked for comes as a call of our tool
    reply = reply_that_ended(finish, text, reasoning, usage, empty=empty)
    if isinstance(reply, Fault):
        return reply
    return replace(
        reply, finish_reason=stop, error=refusal or reply.error, model=clean(data.get("model"))[:_NAME_CHARS]
    )


def _refusal(details: object) -> str:
    """Why the API's classifiers stopped a reply, as far as it says."""
    said = details if isinstance(details, dict) else {}
    return ": ".join(filter(None, (clean(said.get("category")), clean(said.get("explanation")))))[:_REFUSAL_CHARS]


def _usage(usage: object) -> Usage:
    """Tokens of a message. The API's input_tokens are those that the cache had no part in; ours are all of them."""
    if not isinstance(usage, dict):
        return Usage()
    fresh, read = count(usage, "input_tokens"), count(usage, "cache_read_input_tokens")
    written = count(usage, "cache_creation_input_tokens")
    prompt = None if fresh is None else fresh + (read or 0) + (written or 0)
    thought = count(usage.get("output_tokens_details"), "thinking_tokens")
    return Usage(prompt, read, count(usage, "output_tokens"), thought, written)
