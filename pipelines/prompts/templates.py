"""Prompts: Jinja2 files in `pipelines/prompts/`, each with a version, replaceable by a folder that the recipe names.

The recipe gives a path, or the name of an entry point of the group `specmill.prompts`: a package whose `.j2` files
replace those that ship. `small`, which says less, for models of a few billion parameters, is found in that way too, and
`tiny`, with a form to fill in, for those of one or two.

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
from yaml import YAMLError

from pipelines.completion import Message
from pipelines.prompts.form import Form
from specs.data import load_yaml
from specs.errors import UserError
from specs.plugins import load_plugin, plugins

FOLDER: Final = Path(__file__).parent
STAGES: Final = ("shared", "decompose", "documents", "chats", "judging", "audit", "variants", "questions", "evaluation")
"""The folders of the shipped templates. Names are unique over all of them, so a template is asked for by name alone."""

GROUP: Final = "specmill.prompts"

_STYLED = {
    "story": {"document_types", "ideas", "documents"},
    "neutral": {"domains", "subdomains", "document_types", "ideas", "documents"},
}


class Prompts:
    """The templates of one corpus. Texts of the spec and of models are only ever values, never templates."""

    def __init__(
        self, given: str | None = None, *, attribution: str = "explain", style: str = "corpus", more: Path | None = None
    ) -> None:
        """`given` is the recipe's `prompts`: a folder, or the name of an installed set of templates. `attribution` and
        `style` are the recipe's, under `documents`; every template may ask for them. `more` is a folder of a chat style
        that brings templates of its own.

        Raises:
            UserError: `given` is neither, or has a template that replaces none.
        """
        folder = self._folder = folder_of(given) if given else None
        shipped = FileSystemLoader([*([more] if more else []), *(FOLDER / stage for stage in STAGES)])
        own = FileSystemLoader(folder) if folder else None
        loader = ChoiceLoader([own, shipped]) if own else shipped
        self._own = set(own.list_templates()) if own else set()
        self._environment = ImmutableSandboxedEnvironment(
            loader=loader, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=False
        )
        self._environment.filters["opening_words"] = opening_words
        self._environment.globals |= {"attribution": attribution, "style": style}
        self._told = "" if attribution == "explain" else attribution  # `style` has templates of its own
        if folder and own:
            self._refuse_unused(folder, self._own, set(shipped.list_templates()))

    def _refuse_unused(self, folder: Path, own: set[str], shipped: set[str]) -> None:
        """UserError for a template that replaces no shipped one and that none of those includes: a misspelt name."""
        replaced = [name.removesuffix(".j2") for name in own & shipped]
        beside = [name for one in shipped if (name := self.own_system(one.removesuffix(".j2")))]
        beside += [layout for name in replaced if (form := self.form(name)) for layout in form.layouts]
        used = self._closure([*replaced, *beside])
        for name in sorted(name for name in own - used if name.endswith(".j2")):
            close = get_close_matches(name, shipped, n=1)
            hint = f" Did you mean {close[0]}?" if close else ""
            raise UserError(f"prompts: {folder / name} replaces no shipped prompt and none includes it.{hint}")

    def render(self, name: str, **values: Any) -> str:
        """The text of template `name`.j2; UserError where an overriding template does not work."""
        try:
            return self._environment.get_template(f"{name}.j2").render(**values).strip() + "\n"
        except TemplateError as error:
            raise UserError(f"prompt {name}.j2: {error}. The shipped file shows which values there are.") from error

    def messages(self, name: str, system: str, **values: Any) -> list[Message]:
        """A system message (the same `str` for every row of a corpus) and the user message of one row."""
        return [{"role": "system", "content": system}, {"role": "user", "content": self.render(name, **values)}]

    def own_system(self, template: str) -> str | None:
        """The system message that the recipe's set has for `template` alone: `system_documents` for `documents`."""
        name = f"system_{template}"
        return name if f"{name}.j2" in self._own else None

    def form(self, template: str) -> Form | None:
        """The form that the recipe's set has beside `template`: `documents.yaml` beside `documents.j2`.

        Raises UserError where it cannot be read.
        """
        path = self._folder / f"{template}.yaml" if self._folder else None
        if path is None or not path.is_file():
            return None
        try:
            form = Form.model_validate(load_yaml(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, YAMLError) as error:
            raise UserError(f"prompts: {path} is no form: {error}") from error
        if missing := [name for name in form.layouts if f"{name}.j2" not in self._own]:
            raise UserError(f"prompts: {path}: there is no template {missing[0]}.j2 beside it.")
        return form

    def version(self, *names: str) -> str:
        """Version of the templates `names` and all that they include: 8 hex digits over their sources."""
        digest = hashlib.sha256(self._told.encode())
        for path in [] if self._folder is None else [self._folder / f"{name}.yaml" for name in sorted(names)]:
            if path.is_file():
                digest.update(path.read_bytes())
        beside = [own for name in names if (own := self.own_system(name))]
        beside += [layout for name in names if (form := self.form(name)) for layout in form.layouts]
        for name in sorted(self._closure([*names, *beside])):
            digest.update(f"{name}\0{self._source(name)}\0".encode())
        return digest.hexdigest()[:8]

    def includes(self, name: str, part: str) -> bool:
        """Whether template `name` includes the file `part`, itself or through another."""
        return part in self._closure([name])

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


def is_installed(name: str) -> bool:
    """Whether `prompts: NAME` is a set of templates that ships with specmill or with an installed package."""
    return name in plugins(GROUP)


def folder_of(given: str) -> Path:
    """The folder of templates that a recipe's `prompts` names.

    Raises:
        UserError: there is no such folder, and no such set is installed.
    """
    if is_installed(given):
        package = load_plugin(GROUP, given, "prompts")
        if not (paths := list(getattr(package, "__path__", ()))):
            raise UserError(f"prompts: {given!r} is no package with .j2 files; an entry point of {GROUP} must be one.")
        return Path(paths[0])
    if not Path(given).is_dir():
        raise UserError(
            f"prompts: {given!r} is not a folder; expected one with .j2 files that replace shipped ones, or an "
            f"installed set of them: {', '.join(plugins(GROUP))}."
        )
    return Path(given)


def styled(name: str, style: str) -> str:
    """The template that asks for `name`: stories and neutral documents have some of their own."""
    return f"{name}_{style}" if name in _STYLED.get(style, ()) else name


def opening_words(text: str, count: int = 14) -> str:
    """The first words of a passage, to point at it without repeating it."""
    words = text.split()
    return " ".join(words[:count]) + (" ..." if len(words) > count else "")
