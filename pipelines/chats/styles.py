"""Styles of chats: what a style asks of users and of the assistant, how its chats are checked, and how they are judged.

A style is found by its name in `chats.style`, through an entry point of the group `specmill.chat_styles`; those that
ship here are found in the same way. Their texts are in `styles.yaml`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from specs.data import load_yaml
from specs.errors import UserError
from specs.plugins import load_plugin, plugins

GROUP: Final = "specmill.chat_styles"


@dataclass(frozen=True, slots=True)
class ChatStyle:
    """A style of chats. Templates are names of Jinja2 files, without `.j2`."""

    summary: str  # what its chats are, in half a sentence; shown where the styles are listed
    query_types: Mapping[str, str]  # kinds of user message, name: what it is
    criteria: Mapping[str, str]  # what a judge asks of a chat, name: a statement that must be true of it
    responses: str  # template that asks for the assistant's reasoning and reply
    queries: str = "queries"  # template that asks for users' messages
    templates: Path | None = None  # a folder with those of its templates that do not ship with specmill
    checks: tuple[str, ...] = ()  # names of checks that only some styles need, such as rule_cited
    asks_about_items: bool = False  # one item of the spec a chat (`chats.topics`), as many chats of each
    rewrites: bool = False  # existing chats are rewritten (`chats.source`); no users' messages are asked for
    cites_rules: bool = False  # needs a spec whose rules are numbered


def chat_style(name: str) -> ChatStyle:
    """The style of this name.

    Raises:
        UserError: no such style is installed, or what is installed under the name is none.
    """
    style = load_plugin(GROUP, name, "chats.style")
    if not isinstance(style, ChatStyle):
        raise UserError(
            f"chats.style: {name!r} is {type(style).__name__}; an entry point of {GROUP} must be a "
            "pipelines.chats.styles.ChatStyle."
        )
    return style


def style_names() -> list[str]:
    """The styles that are installed; nothing of them is imported."""
    return list(plugins(GROUP))


@cache
def shipped() -> dict[str, dict[str, dict[str, str]]]:
    """`query_types`, `manners` and `criteria`: named sets of name -> text."""
    text = files("pipelines.chats").joinpath("styles.yaml").read_text(encoding="utf-8")
    loaded: dict[str, dict[str, dict[str, str]]] = load_yaml(text)
    return loaded


def criteria_of(sets: Iterable[str], own: Mapping[str, str]) -> dict[str, str]:
    """The criteria of some sets (shipped ones, or those of an installed style), and one's own.

    Raises:
        ValueError: there is no such set.
    """
    known = shipped()["criteria"]
    found: dict[str, str] = {}
    for name in sets:
        if name not in known and name not in style_names():
            sets_there_are = dict.fromkeys([*known, *style_names()])
            raise ValueError(f"criteria_sets: {name!r} is no set; expected some of {', '.join(sets_there_are)}")
        found |= known.get(name) or chat_style(name).criteria
    return found | dict(own)


def _shipped(summary: str, query_types: str, criteria: str, **parts: Any) -> ChatStyle:
    texts = shipped()
    return ChatStyle(
        summary, texts["query_types"][query_types], texts["criteria"][criteria], f"responses_{criteria}", **parts
    )


VALUE: Final = _shipped("reasons from held values", "plain", "value")
RULE: Final = _shipped("cites rule ids", "plain", "rule", cites_rules=True, checks=("rule_cited",))
OPAQUE: Final = _shipped(
    "a preference without its reason",
    "opaque",
    "opaque",
    queries="queries_opaque",
    asks_about_items=True,
    checks=("opaque_query", "reason_given"),
)
ADVICE: Final = _shipped("counsel in a user's dilemma", "dilemma", "advice", queries="queries_advice")
REWRITE: Final = _shipped("existing replies, rewritten to weigh the values first", "plain", "rewrite", rewrites=True)
