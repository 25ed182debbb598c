"""Prompts: Jinja2 files in `pipelines/prompts/`, each with a version, overridable by a folder that the recipe names.

The system message (the spec) is byte-identical over every stage, and a stage's instructions come before what differs
from row to row, so that providers' prompt caches serve almost all of a request.
"""

import hashlib
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from jinja2 import ChoiceLoader, FileSystemLoader, StrictUndefined, TemplateError, meta
from jinja2.sandbox import ImmutableSandboxedEnvironment

from pipelines.completion import Message
from specs.errors import UserError

FOLDER: Final = Path(__file__).parent
STAGES: Final = ("shared", "decompose", "documents", "chats", "judging", "audit", "variants", "questions", "evaluation")
"""The folders of the shipped templates. Names are unique over all of them, so a template is asked for by name alone."""

SETS: Final = ("small",)
"""Shipped folders of replacements: `small` says less, for models of a few billion parameters."""

_STYLED = {
    "story": {"document_types", "ideas", "documents"},
    "neutral": {"domains", "subdomains", "document_types", "ideas", "documents"},
}


class Prompts:
    """The templates of one corpus. Texts of the spec and of models are only ever values, never templates."""

    def __init__(self, folder: str | None = None, *, attribution: str = "explain", style: str = "corpus") -> None:
        """`attribution` and `style` are the recipe's, under `documents`; every template may ask for them."""
        if folder and folder not in SETS and not Path(folder).is_dir():
            raise UserError(
                f"prompts: {folder!r} is not a folder; expected one with .j2 files that replace shipped ones."
            )
        shipped = FileSystemLoader([FOLDER / stage for stage in STAGES])
        own = FileSystemLoader(FOLDER / folder if folder in SETS else folder or ".")
        loader = ChoiceLoader([own, shipped]) if folder else shipped
        self._environment = ImmutableSandboxedEnvironment(
            loader=loader, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=False
        )
        self._environment.filters["opening_words"] = opening_words
        self._environment.globals |= {"attribution": attribution, "style": style}
        self._told = "" if attribution == "explain" else attribution  # `style` has templates of its own
        if folder and folder not in SETS:
            self._refuse_unused(folder, set(own.list_templates()), set(shipped.list_templates()))

    def _refuse_unused(self, folder: str, own: set[str], shipped: set[str]) -> None:
        """UserError for a template that replaces no shipped one and that none of those includes: a misspelt name."""
        used = self._closure([name.removesuffix(".j2") for name in own & shipped])
        for name in sorted(name for name in own - used if name.endswith(".j2")):
            close = get_close_matches(name, shipped, n=1)
            hint = f" Did you mean {close[0]}?" if close else ""
            raise UserError(f"prompts: {Path(folder) / name} replaces no shipped prompt and none includes it.{hint}")

    def render(self, name: str, **values: Any) -> str:
        """The text of template `name`.j2; UserError where an overriding template does not work."""
        try:
            return self._environment.get_template(f"{name}.j2").render(**values).strip() + "\n"
        except TemplateError as error:
            raise UserError(f"prompt {name}.j2: {error}. The shipped file shows which values there are.") from error

    def messages(self, name: str, system: str, **values: Any) -> list[Message]:
        """A system message (the same `str` for every row of a corpus) and the user message of one row."""
        return [{"role": "system", "content": system}, {"role": "user", "content": self.render(name, **values)}]

    def version(self, *names: str) -> str:
        """Version of the templates `names` and all that they include: 8 hex digits over their sources."""
        digest = hashlib.sha256(self._told.encode())
        for name in sorted(self._closure(names)):
            digest.update(f"{name}\0{self._source(name)}\0".encode())
        return digest.hexdigest()[:8]

    def source(self, name: str) -> str:
        """The text of template `name`, unrendered."""
        return self._source(f"{name}.j2")

    def _closure(self, names: Iterable[str]) -> set[str]:
        todo, seen = [f"{name}.j2" for name in names], set[str]()
        while todo:
            name = todo.pop()
            if name not in seen:
                seen.add(name)
                todo += self._referenced(name)
        return seen

    def _referenced(self, name: str) -> list[str]:
        try:
            tree = self._environment.parse(self._source(name))
        except TemplateError as error:
            raise UserError(f"prompt {name}: {error}.") from error
        return [found for found in meta.find_referenced_templates(tree) if found]

    def _source(self, name: str) -> str:
        assert self._environment.loader is not None
        try:
            return self._environment.loader.get_source(self._environment, name)[0]
        except TemplateError as error:
            raise UserError(f"prompt {name}: {error}") from error


def styled(name: str, style: str) -> str:
    """The template that asks for `name`: stories and neutral documents have some of their own."""
    return f"{name}_{style}" if name in _STYLED.get(style, ()) else name


def opening_words(text: str, count: int = 14) -> str:
    """The first words of a passage, to point at it without repeating it."""
    words = text.split()
    return " ".join(words[:count]) + (" ..." if len(words) > count else "")
