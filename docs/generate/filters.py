"""The filter reference: what each filter looks at, whether it drops or flags, its limits, and an example.

Examples stand in `filters.yaml`; what a filter says of its example is found out when the page is made.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

from docs.generate.markdown import code, table
from docs.generate.recipe import parts
from eval.questions.items import texts as evaluation_texts
from filters.base import CheckSettings, Item
from filters.check import ANY, TextCheck
from filters.checks import SHIPPED
from filters.context import Context
from filters.settings import FilterSettings
from filters.text.view import View
from pipelines.chats.styles import chat_style
from specs.reader import read_spec
from specs.settings import Assistant

_PROMPT: Final = "The text is set among people who repair bridges and it never says who has written it or why at all."
_DOES: Final = {"drop": "Drops", "flag": "Flags", "off": "Is off"}


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter as the recipe knows it."""

    name: str
    about: str
    action: str  # what it does by default
    looks_at: tuple[str, ...]
    languages: tuple[str, ...]
    example: str  # a text, or in words
    found: str  # what it said of the example; empty where that is in words


def filters() -> Iterator[Filter]:
    """All that ship, in the order of the recipe."""
    examples: dict[str, dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("filters.yaml").read_text("utf-8"))
    settings = FilterSettings()
    for name, part in settings.parts.items():
        kinds = [kind for kind in SHIPPED if kind.name == name]
        example = examples.get(name, {})
        looks_at = tuple(dict.fromkeys(target for kind in kinds for target in kind.looks_at))
        languages = tuple(sorted({code for kind in kinds for code in kind.languages} - set(ANY)))
        text = _filled(str(example.get("text", example.get("same", ""))))
        yield Filter(
            name, _about(name, part, kinds), part.action, looks_at or ("documents",), languages,
            text or str(example.get("words", "")), _found(kinds, part, example, text),
        )  # fmt: skip


def page() -> str:
    """The page."""
    known = {part.path: part for part in parts()}
    text = [
        "# Filters\n",
        "Each filter is a part of `filters` in the recipe, with an `action`: `drop` puts what it finds into the table "
        "`rejects`, `flag` lets it stay and notes it in the table `flags`, `off` does not look. A filter drops by "
        "default only what is certainly wrong ([contracts, 9](../design/contracts.md#9-gates-and-flags)).\n",
        table(("filter", "by default", "looks at", "what it looks for"), (
            [f"[{code(one.name)}](#{one.name})", one.action, ", ".join(one.looks_at), one.about] for one in filters()
        )),
    ]  # fmt: skip
    for one in filters():
        works = f"Works in: {', '.join(one.languages)}." if one.languages else "Works in any language."
        text += [f"## {code(one.name)}\n", f"{one.about} {_DOES[one.action]} by default. {works}\n"]
        if one.found:
            text.append(f"For instance:\n\n```text\n{one.example}\n```\n\nIt says: {one.found}.\n")
        else:
            text.append(f"For instance: {one.example}\n")
        rows = ([code(key.name), key.kind, code(key.default), key.meaning] for key in known[f"filters.{one.name}"].keys)
        text.append(table(("key", "type", "default", "meaning"), rows))
    return "\n".join(text)


def _about(name: str, part: CheckSettings, kinds: list[type[TextCheck]]) -> str:
    said = FilterSettings.model_fields[name].description or " ".join((type(part).__doc__ or "").split())
    return (said[:1].upper() + said[1:]).rstrip(".") + "."


@cache
def _context(name: str = "value") -> Context:
    assistant, style = Assistant(), chat_style(name)
    spec = read_spec("safety_rules", assistant)
    return Context(
        count=lambda text: len(text.split()), assistant=assistant, spec=spec.text, rule_ids=tuple(spec.rule_ids),
        evaluation=tuple(evaluation_texts()), prompts=(_PROMPT,),
        style_checks=style.checks, about_items=style.asks_about_items,
    )  # fmt: skip


@cache
def _longest() -> dict[str, str]:
    passages = [passage.text for passage in read_spec("safety_rules", Assistant()).passages]
    return {"{spec}": max(passages, key=len), "{evaluation}": max(evaluation_texts(), key=len)}


def _filled(text: str) -> str:
    for slot, words in _longest().items():
        text = text.replace(slot, words)
    return text


def _found(kinds: list[type[TextCheck]], part: CheckSettings, example: dict[str, Any], text: str) -> str:
    """What the first of the checks that finds something says, in words."""
    if "same" in example:
        return "the second document of these words repeats the first"
    meta: dict[str, Any] = {key: example[key] for key in ("reasoning", "query", "topic") if key in example}
    context = _context(str(example.get("style", "value")))
    for kind in kinds if "words" not in example else ():
        item = Item("example", text, frame=str(example.get("frame", "insider")), meta=meta)
        outcome = kind(part, context).evaluate(View(item)) if kind.is_for(context) else None
        if outcome is not None and outcome.failed:
            detail = f" ({code(outcome.detail)})" if outcome.detail else ""
            return f"{outcome.score:g}, where {outcome.threshold:g} is the limit{detail}"
    return ""
