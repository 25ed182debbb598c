"""A chat completion, read: where its text may stand, what else came with it, and what came in its place."""

import re
from collections.abc import Iterator
from dataclasses import replace
from importlib import resources
from typing import Any

from pipelines.completion import Usage
from pipelines.engine.endings import reply_that_ended
from pipelines.engine.endpoints import EndpointSettings
from pipelines.engine.errors import has_error, status_fault
from pipelines.engine.outcomes import Fault, Reply, clean, count, parsed, scrub
from specs.data import load_yaml

_TABLES: dict[str, Any] = load_yaml(
    resources.files("pipelines.engine.protocols").joinpath("openai_reply.yaml").read_text(encoding="utf-8")
)
_END_MARKS: tuple[str, ...] = tuple(_TABLES["end_marks"])
_CHANNEL = re.compile(  # OpenAI's harmony form, where a server leaves it in the text
    r"(?:<\|start\|>\w+)?<\|channel\|>(\w+)(?:(?!<\|message\|>).){0,99}<\|message\|>(.*?)(?=<\|(?:end|return|call|start|channel)\|>|\Z)",
    re.DOTALL,
)
_PLACES = 16  # of a reply whose likeliest tokens are kept: what may stand before a letter
_LAST_PLACES = 256  # of a prompt whose tokens were scored: what its last message may have
_MODEL_CHARS, _MOST_PARTS, _DEEPEST = 200, 10_000, 4


def read_reply(body: str, settings: EndpointSettings, key: str = "", status: int = 200) -> Reply | Fault:
    """Sort the body of an answer with a status below 400."""
    data = parsed(body, key)
    if isinstance(data, Fault) and body.lstrip().startswith(("data:", "event:")):
        return _another(_TABLES["stream"], status, body, key)
    return data if isinstance(data, Fault) else sort_reply(data, settings, key, status)


def sort_reply(data: Any, settings: EndpointSettings, key: str = "", status: int = 200) -> Reply | Fault:
    """Sort a chat completion that has been parsed; nothing in it is trusted."""
    choice = _first_choice(data)
    message = choice.get("message")
    usage = _usage(data.get("usage")) if isinstance(data, dict) else Usage()
    if choice.get("error"):
        fault = status_fault(200, {"error": choice["error"]}, "", {}, settings, key)
        return replace(fault, usage=usage)
    if not isinstance(message, dict):
        if has_error(data):
            return status_fault(status, data, "", {}, settings, key)
        return _no_chat(data, status, key)
    text, reasoning = _texts(message)
    empty = "tool calls instead of text" if message.get("tool_calls") else ""
    finish, refusal = clean(choice.get("finish_reason")), clean(message.get("refusal"))
    outcome = reply_that_ended(finish, text, reasoning, usage, refusal, empty)
    if isinstance(outcome, Fault):
        return outcome
    likeliest = prompt_tokens(data.get("prompt_logprobs")) or likeliest_tokens(choice.get("logprobs"))
    return replace(outcome, model=clean(data.get("model"))[:_MODEL_CHARS], likeliest=likeliest)


def likeliest_tokens(logprobs: object) -> tuple[dict[str, float], ...]:
    """The likeliest tokens at each of the first places of a reply, with their log-probabilities; nothing of any other
    form."""
    content = logprobs.get("content") if isinstance(logprobs, dict) else None
    places = []
    for entry in content[:_PLACES] if isinstance(content, list) else ():
        listed = entry.get("top_logprobs") if isinstance(entry, dict) else None
        tokens: dict[str, float] = {}
        for one in [*(listed if isinstance(listed, list) else []), entry]:
            token, value = (one.get("token"), one.get("logprob")) if isinstance(one, dict) else (None, None)
            if isinstance(token, str) and isinstance(value, float | int) and not isinstance(value, bool) and value <= 0:
                tokens.setdefault(clean(token), float(value))
        places.append(tokens)
    return tuple(places)


def prompt_tokens(logprobs: object) -> tuple[dict[str, float], ...]:
    """The last tokens of a prompt with their log-probabilities, as vLLM gives them: at each place, by the token's id,
    one or more tokens of which the first is the prompt's own. A place of any other form is empty."""
    places = []
    for entry in logprobs[-_LAST_PLACES:] if isinstance(logprobs, list) else ():
        own = next(iter(entry.values()), None) if isinstance(entry, dict) else None
        token, value = (own.get("decoded_token"), own.get("logprob")) if isinstance(own, dict) else (None, None)
        if isinstance(token, str) and isinstance(value, float | int) and not isinstance(value, bool) and value <= 0:
            places.append({clean(token): float(value)})
        else:
            places.append({})
    return tuple(places)


def _first_choice(data: Any) -> dict[str, Any]:
    """The choice with index 0, wherever it stands; empty where there is none."""
    choices = data.get("choices") if isinstance(data, dict) else None
    found = [one for one in choices if isinstance(one, dict)] if isinstance(choices, list) else []
    return next((one for one in found if one.get("index") == 0), found[0] if found else {})


# --- the text of a message -------------------------------------------------------------------------------------------


def _texts(message: dict[str, Any]) -> tuple[str, str]:
    """The text and the reasoning of a message."""
    content = message.get("content")
    parts = content if isinstance(content, list) else [{"type": "text", "text": content}]
    text = "".join(_texts_of(parts, thinking=False))
    thought = "".join(_texts_of(parts, thinking=True))
    field = clean(message.get("reasoning_content")) or clean(message.get("reasoning"))
    if not field and isinstance(message.get("reasoning_details"), list):
        field = "".join(_texts_of(message["reasoning_details"], thinking=True))
    if text.lstrip().startswith(("<|channel|>", "<|start|>")):
        text, channels = _of_channels(text)
        thought += channels
    return _without_marks(text), field or thought


def _texts_of(parts: list[Any], thinking: bool, depth: int = 0) -> Iterator[str]:
    """The texts of content parts, either those of thinking or the others; parts may hold lists of parts."""
    for part in parts[:_MOST_PARTS] if depth < _DEEPEST else []:
        if isinstance(part, str) and (not thinking or depth):
            yield clean(part)
        if not isinstance(part, dict):
            continue
        kind = str(part.get("type") or "text")
        if kind.startswith(("thinking", "reasoning")) is not thinking and not depth:
            continue
        for name in ("text", "thinking", "reasoning", "summary", "content"):
            value = part.get(name)
            if isinstance(value, str):
                yield clean(value)
            elif isinstance(value, list):
                yield from _texts_of(value, thinking, depth + 1)


def _of_channels(text: str) -> tuple[str, str]:
    """The final channel of a harmony reply, and what stands in the others."""
    found = _CHANNEL.findall(text)
    final = [part for name, part in found if name == "final"]
    return "".join(final), "\n".join(part for name, part in found if name != "final")


def _without_marks(text: str) -> str:
    """`text` without the marks of a chat template behind it."""
    bare = text.rstrip()
    while mark := next((one for one in _END_MARKS if bare.endswith(one)), ""):
        text = bare = bare.removesuffix(mark).rstrip()
    return text


def _usage(usage: object) -> Usage:
    if not isinstance(usage, dict):
        return Usage()
    prompt_details = usage.get("prompt_tokens_details")
    completion_details = usage.get("completion_tokens_details")
    return Usage(
        count(usage, "prompt_tokens"),
        count(prompt_details, "cached_tokens"),
        count(usage, "completion_tokens"),
        count(completion_details, "reasoning_tokens"),
    )


# --- what came instead -----------------------------------------------------------------------------------------------


def _no_chat(data: Any, status: int, key: str) -> Fault:
    fields = data if isinstance(data, dict) else {}
    accepted = _TABLES["accepted"]
    if status == 202 or (not fields.get("choices") and str(fields.get("status")).lower() in accepted["words"]):
        return _another(accepted, status, str(data), key)
    for form in _TABLES["other_forms"]:
        if all(name in fields for name in form["fields"]):
            return _another(form, status, str(data), key)
    return Fault("bad_reply", f"status {status}, but no choice with a message: {scrub(str(data), key)}")


def _another(form: dict[str, Any], status: int, body: str, key: str) -> Fault:
    """An answer of another form than the one asked for, which a setting would change."""
    detail = f"status {status}, but {form['say']}: {scrub(body, key)}"
    return Fault("rejected", detail, advice=form["advice"], status=status)
