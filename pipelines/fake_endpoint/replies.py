"""What the fake endpoint replies: a pure function of the request's body, the seed and the names it was given."""

import hashlib
import json
import math
import random
import re
from functools import lru_cache
from typing import Any

from pipelines.fake_endpoint.specs import spec_form
from pipelines.fake_endpoint.text import WORDS, Words, Writer, cut_to_tokens
from specs.names import names_in
from specs.settings import Assistant

_ABOUT = re.compile(r"\AYou help (.{1,200}?) to prepare a corpus of texts about its AI model, (.{1,200}?): ")
_IS = re.compile(r"\AYou are (.{1,200}?), an AI model made by (.{1,200}?)\. ")
_WORDS_ASKED = re.compile(r"(\d[\d,]*)\s+words")
_LISTED_RULES = re.compile(r"^The rules: (.+)$", re.MULTILINE)
_ITEM = re.compile(r"^The item: (.+)$", re.MULTILINE)
_RULE = re.compile(r"^\W*([A-Z]{1,4}\d+)[:.]", re.MULTILINE)
_ADDRESS = re.compile(r"^\[?(P\d+)[\]:]", re.MULTILINE)
_GOOD = frozenset({"pass", "yes", "ok", "insider"})  # preferred among the values of an enum, as a good model would
_GOOD_SHARE = 0.85
_TOKENS_A_WORD = 1.35
_ALIGNED = " gladly"  # how an option ends that this model wrote as the aligned one, and chooses with the spec before it
_OF_QUESTIONS = {"aligned": _ALIGNED, "right": _ALIGNED, "other": "", "wrong": "", "sentence": " So it is ____ here."}
_OPTION = re.compile(r"^([A-D]): (.+)$", re.MULTILINE)
_OPPOSITE = {"yes": ["no"], "no": ["yes"]}
_LETTER_ONLY = re.compile(r"Reply with A, .{1,12} only\.\s*\Z|Reply with A or B only\.\s*\Z")


def body_hash(body: dict[str, Any], seed: int) -> str:
    """Identity of a request: SHA-256 of its body and the server's seed."""
    return hashlib.sha256(json.dumps([seed, body], sort_keys=True).encode()).hexdigest()


def reply_text(
    body: dict[str, Any], seed: int, name: str = "", provider: str = "", words: Words = WORDS
) -> tuple[str, str, int, int]:
    """Text, finish reason, prompt tokens and completion tokens of the reply to a chat request. Without names it speaks
    of whom the prompt is about, or of the shipped recipes' assistant."""
    rng = random.Random(body_hash(body, seed))
    prompt = [str(message.get("content") or "") for message in body.get("messages", [])]
    name, provider = _whom(prompt[0] if prompt else "", name, provider)
    text = _text(body, prompt, Writer(rng, name, provider, words.of(prompt)), rng)
    limit = int(body.get("max_completion_tokens") or body.get("max_tokens") or 1_000_000)
    text, cut = cut_to_tokens(text, int(limit / _TOKENS_A_WORD) + 1)
    prompt_tokens = int(sum(len(part) for part in prompt) / 4.5) + 8
    completion_tokens = min(limit if cut else limit - 1, int(len(text.split()) * _TOKENS_A_WORD) + 1)
    return text, "length" if cut else "stop", prompt_tokens, completion_tokens


@lru_cache(maxsize=64)  # a stage's prompts begin alike
def _whom(system: str, name: str, provider: str) -> tuple[str, str]:
    """The assistant and its maker: those given, else those of the prompt, else the usual ones."""
    if "names no AI model" in system:
        return "the neighbour", "the town hall"
    usual = Assistant()
    if about := _ABOUT.search(system):
        found: tuple[str | None, str | None] = (about[2], about[1])
    elif told := _IS.search(system):
        found = (told[1], told[2])
    else:
        names = names_in(system)
        found = (names.assistant, names.maker)
    return name or found[0] or usual.name, provider or found[1] or usual.provider


def logprobs(body: dict[str, Any], text: str, seed: int) -> dict[str, Any]:
    """Log-probabilities of a reply's tokens, which are its words: one that is a letter has the others beside it."""
    rng = random.Random(f"{seed} {body_hash(body, seed)} logprobs")
    top, content = int(body.get("top_logprobs") or 0), []
    for word in text.split()[:16]:
        rivals = [one for one in "ABCD" if one != word] if len(word) == 1 else _OPPOSITE.get(word, ["the", "a"])
        weights = sorted((rng.random() for _ in range(len(rivals) + 1)), reverse=True)
        values = [math.log(max(weight, 1e-9) / sum(weights)) for weight in weights]
        listed = [{"token": token, "logprob": value} for token, value in zip([word, *rivals], values, strict=True)]
        content.append({**listed[0], "bytes": list(word.encode()), "top_logprobs": listed[:top]})
    return {"content": content, "refusal": None}


def prompt_logprobs(body: dict[str, Any], seed: int) -> list[dict[str, Any] | None]:
    """What vLLM gives of a prompt's tokens; here these are the last message's words, each with the space before it."""
    rng = random.Random(f"{seed} {body_hash(body, seed)} prompt")
    words = re.findall(r"\s*\S+", str(body["messages"][-1]["content"]))
    return [None, *({str(n): {"logprob": -6 * rng.random(), "decoded_token": word}} for n, word in enumerate(words))]


def _text(body: dict[str, Any], prompt: list[str], writer: Writer, rng: random.Random) -> str:
    system, question = ("", "") if not prompt else (prompt[0], prompt[-1])
    form = body.get("response_format") or {}
    schema = (form.get("json_schema") or {}).get("schema") or form.get("schema")
    if schema:
        return json.dumps(_value(schema, "", question, writer, rng), ensure_ascii=False)
    asked = _WORDS_ASKED.search(question)
    words = int(asked[1].replace(",", "")) if asked else rng.randint(120, 260)
    words = max(20, int(words * rng.uniform(0.85, 1.25)))
    if "<plan>" in question or "<variant>" in "".join(prompt[1:2]):
        return _planned(prompt, writer, rng)
    if chosen := _chosen(system, question, rng):
        return chosen
    if "<document>" in question:
        plan = f"<scratchpad>\n{writer.prose(40)}\n</scratchpad>\n" if "<scratchpad>" in question else ""
        return f"{plan}<document>\n{writer.prose(words)}\n</document>"
    if "<think>" in question:
        return _reply(system, question, words, writer, rng)
    return json.dumps({"items": [writer.sentence()]}) if "JSON only" in question else writer.prose(words)


def _reply(system: str, question: str, words: int, writer: Writer, rng: random.Random) -> str:
    """A thought and a reply of a chat."""
    if writer.replies:
        thought, reply = writer.reply()
    else:
        thought = f"I weigh this first. {_rule(system, question, rng)}{writer.prose(60)}"
        reply = f"I see it so. {writer.prose(words)}"
    return f"<think>\n{thought}\n</think>\n{reply}"


def _chosen(system: str, question: str, rng: random.Random) -> str:
    """A yes or no where one is asked for, or the letter of the option that a question of ours calls aligned; nothing
    where the prompt is no such question."""
    if question.rstrip().endswith("one word, yes or no."):
        return "yes" if rng.random() < _GOOD_SHARE else "no"
    if "<spec>" not in system:
        return ""
    options = _OPTION.findall(question) if _LETTER_ONLY.search(question) else []
    return next((letter for letter, text in options if text.endswith(_ALIGNED)), "")


def _planned(prompt: list[str], writer: Writer, rng: random.Random) -> str:
    """What the planner is asked for in prose: a form of a spec, or the plan of a document."""
    if "<variant>" in prompt[1]:
        return f"<variant>\n{spec_form(prompt[1], len(prompt) == 2, writer, rng)}</variant>"
    return f"<plan>\n{writer.prose(80)}\n</plan>"


def _rule(system: str, question: str, rng: random.Random) -> str:
    """A sentence that cites a rule of the spec, where the prompt asks for rule ids."""
    rules = _RULE.findall(system) if "by their ids" in question else []
    return f"{rng.choice(rules)} decides this. " if rules else ""


def _value(schema: dict[str, Any], key: str, question: str, writer: Writer, rng: random.Random) -> Any:
    """A value that is valid for `schema`, as far as our prompts use JSON schema."""
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return _value(schema[several][0], key, question, writer, rng)
    if "const" in schema or "enum" in schema:
        return _choice(schema.get("enum") or [schema["const"]], rng)
    kind = schema.get("type")
    if kind == "object":
        properties = schema.get("properties", {})
        return {name: _value(inner, name, question, writer, rng) for name, inner in properties.items()}
    if kind == "array":
        return _array(schema, key, question, writer, rng)
    if kind in {"boolean", "integer", "number"}:
        number = rng.randint(int(schema.get("minimum", 0)), int(schema.get("maximum", 10)))
        return rng.random() < _GOOD_SHARE if kind == "boolean" else number
    return _string(schema, key, question, writer, rng)


def _array(schema: dict[str, Any], key: str, question: str, writer: Writer, rng: random.Random) -> list[Any]:
    least, most = int(schema.get("minItems", 0)), int(schema.get("maxItems", 5))
    nested = key and schema.get("items", {}).get("type") == "string"
    count = rng.randint(max(1, least), max(1, least, min(most, 4))) if nested else max(least, most)
    values: list[Any] = []
    for _ in range(4 * count):
        value = _value(schema.get("items", {}), key, question, writer, rng)
        if len(values) < count and value not in values:
            values.append(value)
    return values


def _choice(values: list[Any], rng: random.Random) -> Any:
    good = [value for value in values if value in _GOOD]
    return good[0] if good and rng.random() < _GOOD_SHARE else rng.choice(values)


def _string(schema: dict[str, Any], key: str, question: str, writer: Writer, rng: random.Random) -> str:
    if str(schema.get("pattern", "")).startswith("^P["):
        return str(rng.choice(_ADDRESS.findall(question) or ["P1"]))
    if key == "rule" and (listed := _LISTED_RULES.search(question)):
        return str(rng.choice(listed[1].split(", ")))
    most = int(schema.get("maxLength", 400))
    if key == "query":
        item = _ITEM.search(question)
        asked = writer.question(item[1] if item else "")
        return asked[:most]
    if key in _OF_QUESTIONS:
        return f"{writer.plain()[: most - len(_OF_QUESTIONS[key])]}{_OF_QUESTIONS[key]}"
    text = writer.label() if most <= 120 or key in {"name", "title"} else f"{writer.sentence()} {writer.sentence()}"
    return text[:most]
