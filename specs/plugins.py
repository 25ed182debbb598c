"""What can be added from outside: entry points, found by group and name. What ships is found in the same way.

A package adds a part by an entry point in one of `GROUPS`; a recipe names it. Nothing is imported before it is named,
so an installed package that does not work hurts only those who ask for it.
"""

from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

from specs.errors import UserError

GROUPS: Final = {
    "specmill.checks": "a check of one document or chat (`filters.check.TextCheck`)",
    "specmill.chat_styles": "a style of chats (`pipelines.chats.styles.ChatStyle`)",
    "specmill.trainers": "a trainer (`train.base.Trainer`)",
    "specmill.question_sets": "a file of questions for an evaluation",
    "specmill.prompts": "a folder of Jinja2 templates that replace shipped ones",
}


@cache
def _installed() -> dict[str, tuple[EntryPoint, ...]]:
    """The entry points of our groups, in one go: each look at them reads a file of every package."""
    found = entry_points()
    return {group: tuple(found.select(group=group)) for group in GROUPS}


def forget() -> None:
    """Look again at what is installed: for a process in which a package comes or goes."""
    _installed.cache_clear()
    plugins.cache_clear()


@cache
def plugins(group: str) -> dict[str, EntryPoint]:
    """The entry points of a group by name, sorted; nothing is imported.

    Raises:
        UserError: two packages give different parts one name.
    """
    found: dict[str, EntryPoint] = {}
    for point in _installed()[group]:
        other = found.setdefault(point.name, point)
        if other.value != point.value:
            raise UserError(
                f"two packages bring {GROUPS[group]} with the name {point.name!r}: {_origin(other)} and "
                f"{_origin(point)}. Uninstall one of them."
            )
    return dict(sorted(found.items()))


def load_plugin(group: str, name: str, key: str) -> Any:
    """What the entry point `name` of a group points to; `key` is the recipe's key that names it.

    Raises:
        UserError: there is none of that name, or it cannot be imported.
    """
    known = plugins(group)
    if name not in known:
        raise UserError(f"{key} is {name!r}; expected one of: {', '.join(known) or 'none is installed'}.")
    try:
        return known[name].load()
    except Exception as error:
        raise UserError(f"{key}: {name!r} of {_origin(known[name])} cannot be loaded: {error!r}.") from error


def _origin(point: EntryPoint) -> str:
    return f"{point.dist.name} ({point.value})" if point.dist else point.value
