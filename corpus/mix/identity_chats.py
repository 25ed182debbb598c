"""The synthetic identity set: who the assistant is, who made it, what it can do, from the recipe's facts alone."""

import random
import re
from importlib.resources import files
from itertools import product
from typing import Any

from corpus.mix.settings import IdentityChats
from specs.data import load_yaml
from specs.errors import UserError
from specs.settings import Assistant

Messages = list[dict[str, str]]
_SLOT = re.compile(r"\{\w+\}")
_FACTS = {"ability": "abilities", "limit": "limits"}


def identity_chats(settings: IdentityChats, assistant: Assistant, seed: int) -> list[Messages]:
    """`settings.samples` different chats, drawn from all combinations of the templates.

    No chat denies what the assistant is: see `_questions`. Raises UserError where the facts do not make so many.
    """
    kinds = [_chats(name, kind, settings, assistant) for name, kind in _templates().items() if name != "openings"]
    everything = [chat for chats in kinds for chat in chats]
    if settings.samples > len(everything):
        raise UserError(
            f"mix.identity.samples: {settings.samples} are asked for, and the facts make {len(everything)} different "
            "chats. Ask for fewer, or give more `abilities` and `limits`."
        )
    return random.Random(f"{seed} identity").sample(everything, settings.samples)


def _templates() -> dict[str, Any]:
    text = files("corpus.mix").joinpath("identity_chats.yaml").read_text(encoding="utf-8")
    loaded: dict[str, Any] = load_yaml(text)
    return loaded


def _chats(name: str, kind: dict[str, list[Any]], settings: IdentityChats, assistant: Assistant) -> list[Messages]:
    facts = getattr(settings, _FACTS[name]) if name in _FACTS else ("",)
    values = [{"{model_name}": assistant.name, "{provider_name}": assistant.provider, f"{{{name}}}": f} for f in facts]
    return [
        [
            {"role": "user", "content": _asked(opening, question)},
            {"role": "assistant", "content": _filled(answer, one)},
        ]
        for opening, question, answer, one in product(
            _templates()["openings"], _questions(kind["questions"], assistant), kind["answers"], values
        )
    ]


def _questions(questions: list[Any], assistant: Assistant) -> list[str]:
    """The questions, less those that are answered with a no and are about the assistant itself or its maker."""
    own = [_letters(assistant.name), _letters(assistant.provider)]
    plain = [one if isinstance(one, dict) else {"asks": one, "of": []} for one in questions]
    return [one["asks"] for one in plain if not any(_letters(name) in ours for name in one["of"] for ours in own)]


def _letters(name: str) -> str:
    """In lower case and without what stands between the words: Chat-GPT and ChatGPT are one name."""
    return re.sub(r"[\W_]", "", name.casefold())


def _asked(opening: str, question: str) -> str:
    begins = not opening or opening.rstrip().endswith((".", "!"))
    return opening + (question[0].upper() + question[1:] if begins else question)


def _filled(text: str, values: dict[str, str]) -> str:
    """The template with its slots filled, in one pass: a fact with braces in it is text."""
    return _SLOT.sub(lambda match: values.get(match.group(), match.group()), text)
