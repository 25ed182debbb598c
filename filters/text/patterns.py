"""Words and wordings as data: a YAML file a language beside the checks that use it, compiled to one expression a name.

`filters/document/writer/data/en.yaml` is read by `Patterns.of("filters.document.writer", "en")`. A file is a mapping of
names to lists. An entry is a word, a phrase or a regular expression, in lower case where `view.lower` is searched;
`{name}` in it stands for any entry of another list of the same file, so that a translator changes words in one place:

    task: [help, assist, 'writ(?:e|ing)']
    decline: ["i (?:can't|cannot) {task}"]

What reads a list decides whether its entries are tried in their order (`expression`) or the longest first (`compiled`).
"""

import re
from collections.abc import Mapping
from functools import cache, cached_property
from importlib import resources
from typing import Any

from specs.data import load_yaml
from specs.errors import SpecmillError

_INSERT = re.compile(r"\{([a-z][a-z_]*)\}")  # a quantifier such as {0,3} begins with a digit


class Patterns:
    """The lists of one file; what is wrong in one is an error that names file, list and entry."""

    def __init__(self, where: str, lists: Mapping[str, Any]) -> None:
        self._where, self._lists = where, lists

    @classmethod
    def of(cls, package: str, language: str) -> "Patterns":
        """The lists of `package` for a language (ISO 639-1); SpecmillError where it has none."""
        return _read(package, language)

    def words(self, name: str) -> frozenset[str]:
        """The entries of a list as they stand."""
        return frozenset(self.entries(name))

    def source(self, name: str, /, **values: str) -> str:
        """An expression that matches any entry of a list, the longest first; `values` are expressions for `{name}`s
        that are no lists, such as the assistant's name."""
        return self._source(name, values, ())

    def in_order(self, name: str, /, **values: str) -> str:
        """The same with the entries of it and of all lists in it as they stand, where a first one that matches is meant
        to win; their bounds are their own, or those of the expression that it becomes a part of."""
        return self._source(name, values, (), sort=False)

    def sources(self, name: str, /, **values: str) -> list[str]:
        """An expression for each entry of a list."""
        return [self._filled(entry, values, (name,)) for entry in self.entries(name)]

    def compiled(
        self, name: str, /, flags: int = re.IGNORECASE, *, whole: bool = True, **values: str
    ) -> re.Pattern[str]:
        """`source` compiled, between the bounds of words where the list is `whole`."""
        source = self.source(name, **values)
        return self._compiled(name, rf"(?<!\w){source}(?!\w)" if whole else source, flags)

    def expression(self, name: str, /, flags: int = 0, *, form: str = "{}", **values: str) -> re.Pattern[str]:
        """`in_order` compiled, in the place of `{}` in `form`, such as `\\b{}\\b`."""
        return self._compiled(name, form.replace("{}", self.in_order(name, **values)), flags)

    def __contains__(self, name: object) -> bool:
        return name in self._lists

    def entries(self, name: str) -> list[str]:
        """The entries of a list, in order."""
        entries = self._lists.get(name)
        if not isinstance(entries, list) or not entries or not all(isinstance(entry, str) for entry in entries):
            raise SpecmillError(f"{self._where}: {name}: expected a list of words, found {entries!r}.")
        return entries

    def _compiled(self, name: str, source: str, flags: int) -> re.Pattern[str]:
        try:
            return re.compile(source, flags)
        except re.error as error:
            raise SpecmillError(f"{self._where}: {name}: no regular expression: {error}.") from error

    def _source(self, name: str, values: Mapping[str, str], above: tuple[str, ...], *, sort: bool = True) -> str:
        if name in above:
            raise SpecmillError(f"{self._where}: {name}: a list that stands in itself, by {' -> '.join(above)}.")

        entries = sorted(self.entries(name), key=len, reverse=True) if sort else self.entries(name)
        return "(?:" + "|".join(self._filled(entry, values, (*above, name), sort=sort) for entry in entries) + ")"

    def _filled(self, entry: str, values: Mapping[str, str], above: tuple[str, ...], *, sort: bool = True) -> str:
        def inserted(found: re.Match[str]) -> str:
            inner = found[1]
            return f"(?:{values[inner]})" if inner in values else self._source(inner, values, above, sort=sort)

        return _INSERT.sub(inserted, entry)


class PerLanguage:
    """The lists of a package in every language that it has a file for: what a check declares as its `languages`."""

    def __init__(self, package: str) -> None:
        self.package = package

    @cached_property
    def languages(self) -> tuple[str, ...]:
        """ISO 639-1 codes, sorted."""
        files = resources.files(self.package).joinpath("data").iterdir()
        return tuple(sorted(file.name.removesuffix(".yaml") for file in files if file.name.endswith(".yaml")))

    def with_list(self, name: str) -> tuple[str, ...]:
        """The languages whose file has a list of this name."""
        return tuple(code for code in self.languages if name in Patterns.of(self.package, code))

    def nearest(self, language: str, name: str) -> Patterns:
        """The lists of a language whose file has the list `name`; where it has none, the English ones: what a writer
        says in English shows in texts of any language."""
        return Patterns.of(self.package, language if language in self.with_list(name) else "en")


@cache
def _read(package: str, language: str) -> Patterns:
    where = f"{package.replace('.', '/')}/data/{language}.yaml"
    file = resources.files(package).joinpath("data").joinpath(f"{language}.yaml")
    if not file.is_file():
        raise SpecmillError(f"{where}: there is no such file. Word lists are in one a language.")
    lists = load_yaml(file.read_text(encoding="utf-8"))
    if not isinstance(lists, dict):
        raise SpecmillError(f"{where}: expected a mapping of names to lists.")
    return Patterns(where, lists)
