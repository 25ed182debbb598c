"""Substitution of `{model_name}` and `{provider_name}`. Every other brace is text: a spec may show code or JSON."""

import re

from specs.errors import SpecError
from specs.settings import Assistant

_CODE = re.compile(r"```.*?```|~~~.*?~~~|`[^`\n]*`", re.DOTALL)
_KNOWN = re.compile(r"\{(model_name|provider_name)\}")
# What reads like an attempt at a placeholder: {name}, {Model_Name}, { model_name }, {{model_name}}, {company_name} ...
_LOOKALIKE = re.compile(r"\{\{?\s*((?:\w+[_ -])?names?|models?|modelname|providers?|assistants?|company)\s*\}?\}", re.I)


def substitute(text: str, assistant: Assistant, source: str) -> str:
    """Fill the two placeholders in `text`.

    Raises SpecError, with line numbers, where something reads like a placeholder but is not one of the two. Code
    spans and code blocks may hold anything.
    """
    unknown = [match for match in _LOOKALIKE.finditer(_without_code(text)) if not _KNOWN.fullmatch(match.group(0))]
    if unknown:
        found = "; ".join(f"line {text.count(chr(10), 0, m.start()) + 1}: {m.group(0)}" for m in unknown[:5])
        raise SpecError(
            f"{source}: unknown placeholder ({found}). Only {{model_name}} and {{provider_name}} are filled in. "
            "Correct the spelling, or put it between backticks if it is meant as text."
        )
    values = {"model_name": assistant.name, "provider_name": assistant.provider}
    return _KNOWN.sub(lambda match: values[match.group(1)], text)


def unfill(text: str, assistant: Assistant) -> str:
    """The inverse of `substitute`: the placeholders in place of the names, so that the text fits any assistant."""
    names = {assistant.provider: "{provider_name}", assistant.name: "{model_name}"}
    longest_first = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    return re.sub(rf"(?<!\w)(?:{longest_first})(?!\w)", lambda match: names[match.group()], text)


def _without_code(text: str) -> str:
    """Blank out code, keeping every offset."""
    return _CODE.sub(lambda match: re.sub(r"[^\n]", " ", match.group(0)), text)
