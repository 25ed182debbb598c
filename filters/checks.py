"""Which checks look at a text: those that ship, each listed by its package, and those of installed packages that the
recipe names. What becomes of what they find is decided in `filters/run/decide.py`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from filters.base import Target
from filters.chat import checks as chat
from filters.check import ANY, TextCheck
from filters.clauses import checks as clauses
from filters.context import Context
from filters.document.evaluation import checks as evaluation
from filters.document.facts import checks as facts
from filters.document.form import checks as form
from filters.document.identity import checks as identity
from filters.document.spec import checks as spec
from filters.document.writer import checks as writer
from filters.settings import GROUP, FilterSettings
from specs.errors import UserError
from specs.plugins import load_plugin

SHIPPED: Final[tuple[type[TextCheck], ...]] = (
    *chat.CHECKS, *form.CHECKS, *writer.CHECKS, *identity.CHECKS, *spec.CHECKS, *evaluation.CHECKS, *facts.CHECKS,
    *clauses.CHECKS,
)  # fmt: skip


def checks_for(target: Target, settings: FilterSettings, context: Context) -> list[TextCheck]:
    """The checks of one kind of text that are on: gates first, as what they drop needs no flags; cheap ones first."""
    context = replace(context, language=settings.language.code)
    every = [_made(kind, settings, context) for kind in _kinds(settings) if target in kind.looks_at]
    found = [check for check in every if check is not None]
    return sorted(found, key=lambda check: check.settings.action != "drop")


def off_in_language(settings: FilterSettings) -> list[str]:
    """The filters that the recipe has on, but that do not work in its language (`filters.language.code`), sorted."""
    code, works = settings.language.code, dict.fromkeys(settings.parts, False)
    for kind in _kinds(settings):
        works[kind.name] |= _speaks(kind, code)
    known = {kind.name for kind in _kinds(settings)}
    return sorted(name for name in known if not works[name] and settings.parts[name].action != "off")


def said_of_language(code: str, off: Sequence[str]) -> str:
    """What a person is told of filters that do not work in the language of the corpus."""
    return f"off, as they do not work in `filters.language.code: {code}`: {', '.join(off)}"


def _kinds(settings: FilterSettings) -> Iterator[type[TextCheck]]:
    yield from SHIPPED
    for name in settings.installed:
        kind = load_plugin(GROUP, name, "filters")
        if not (isinstance(kind, type) and issubclass(kind, TextCheck)):
            raise UserError(f"filters.{name}: the entry point brings {kind!r}; expected a `filters.check.TextCheck`.")
        yield kind


def _made(kind: type[TextCheck], settings: FilterSettings, context: Context) -> TextCheck | None:
    """A check, made of the part of the recipe whose key is its name; None where it is off."""
    part = settings.parts[kind.name]
    if part.action == "off" or not _speaks(kind, context.language) or not kind.is_for(context):
        return None
    return kind(part, context)


def _speaks(kind: type[TextCheck], code: str) -> bool:
    return kind.languages == ANY or code in kind.languages
