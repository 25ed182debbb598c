"""Augmentations: a system message, or tools that the request does not need, for a share of the chats [WHY].

What a chat gets is drawn from its query's id, so that it never changes when other chats come or go. The response is
written with the system message in sight; the tools are only attached.
"""

import json
import random
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from pipelines.settings import BuildSettings
from specs.data import load_yaml
from specs.placeholders import substitute

_MOST_TOOLS = 4


@dataclass(frozen=True, slots=True)
class Extras:
    """What stands around one chat. `tools` is JSON: a list in the OpenAI tools format."""

    system: str | None = None
    tools: str | None = None


def extras_of(query_id: str, settings: BuildSettings) -> Extras:
    """The augmentations of the chat that answers `query_id`."""
    chats = settings.chats
    rng = random.Random(f"{settings.seed} {query_id}")
    system_draw, tools_draw = rng.random(), rng.random()
    system = tools = None
    if system_draw < chats.system_share:
        texts = chats.system_prompts or tuple(_shipped()["system_prompts"])
        system = substitute(rng.choice(texts), settings.assistant, "chats.system_prompts")
    if tools_draw < chats.tools_share:
        chosen = rng.sample(_shipped()["tools"], rng.randint(1, _MOST_TOOLS))
        tools = json.dumps([_definition(tool) for tool in chosen])
    return Extras(system, tools)


@cache
def _shipped() -> dict[str, list[Any]]:
    text = files("pipelines.chats").joinpath("augment.yaml").read_text(encoding="utf-8")
    loaded: dict[str, list[Any]] = load_yaml(text)
    return loaded


def _definition(tool: dict[str, Any]) -> dict[str, Any]:
    properties = {name: {"type": kind, "description": text} for name, (kind, text) in tool["parameters"].items()}
    parameters = {"type": "object", "properties": properties, "required": tool["required"]}
    return {
        "type": "function",
        "function": {"name": tool["name"], "description": tool["description"], "parameters": parameters},
    }
