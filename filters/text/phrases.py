"""Lists of words and phrases, by language: YAML files beside the checks that read them, compiled once a process.

A file `NAME.CODE.yaml` maps families to sources of regular expressions for text in lower case, a line each. A source
stands between word bounds; `~` before one leaves them away. `{other}` in a source is a family above it.
"""

import re
from collections.abc import Mapping
from functools import cache
from importlib import resources

import yaml

_REFERENCE = re.compile(r"\{([a-z_]+)\}")
_BARE = "~"


@cache
def phrases(package: str, name: str, code: str) -> Mapping[str, re.Pattern[str]]:
    """The families of the list `name` of `package` in the language `code`; none where the language has no such list."""
    return {family: re.compile(source) for family, source in sources(package, name, code).items()}


@cache
def sources(package: str, name: str, code: str) -> Mapping[str, str]:
    """The same, not compiled, to be put into a larger pattern."""
    file = resources.files(package).joinpath(f"{name}.{code}.yaml")
    if not file.is_file():
        return {}
    told: dict[str, str] = yaml.safe_load(file.read_text(encoding="utf-8"))
    found: dict[str, str] = {}
    for family, listed in told.items():
        found[family] = "(?:" + "|".join(_source(one, found) for one in listed.splitlines() if one) + ")"
    return found


def languages_of(package: str, name: str) -> tuple[str, ...]:
    """The languages in which there is such a list, sorted."""
    names = (file.name.split(".") for file in resources.files(package).iterdir())
    return tuple(sorted(parts[1] for parts in names if len(parts) == 3 and parts[0] == name and parts[2] == "yaml"))


def _source(listed: str, known: Mapping[str, str]) -> str:
    plain = _REFERENCE.sub(lambda match: known[match[1]], listed)
    return plain.removeprefix(_BARE) if plain.startswith(_BARE) else rf"(?<!\w){plain}(?!\w)"
