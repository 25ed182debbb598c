"""Names of assistants and makers, and where they stand in a text, in any spelling."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from importlib import resources

import yaml

from filters.view import View

_CUE = re.compile(
    r"\b(?:assistants?|models?|chat ?bots?|bots?|ai|llms?|language|chat|prompts?|agents?|fine[- ]?tun\w+|versions?|"
    r"trained|released?|developed)\b",
    re.IGNORECASE,
)
_CAMEL = re.compile(r"(?<=[a-z]{3})(?=[A-Z])")  # OpenAI, ChatGPT, DeepSeek
_CUE_REACH = 60  # characters around a common word in which a cue makes it a name


@dataclass(frozen=True, slots=True)
class Mention:
    """One place where a name stands."""

    name: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Name:
    """A name, its spellings as one pattern source, and whether it is an ordinary word too."""

    name: str
    source: str
    anchors: tuple[str, ...]
    common: bool


def spelled(*names: str) -> str:
    """The source of a pattern for `names`; where a space or an inner capital is, any separator or none may be."""
    parted = sorted((_CAMEL.sub(" ", name) for name in names), key=len, reverse=True)
    return "|".join(re.escape(name).replace(r"\ ", r"[\s\-_.]{0,2}") for name in parted)


def squeezed(name: str) -> str:
    """Letters and digits of `name`, in lower case."""
    return "".join(character for character in name.casefold() if character.isalnum())


@cache
def _field() -> dict[str, list[dict[str, object]]]:
    text = resources.files("filters").joinpath("field.yaml").read_text(encoding="utf-8")
    return yaml.safe_load(text)  # type: ignore[no-any-return]


class Names:
    """A list of names that can be found in a text, less those that are ours."""

    def __init__(self, kind: str, ours: Iterable[str], also: Iterable[str], allow: Iterable[str]) -> None:
        own = {squeezed(name) for name in ours} | {squeezed(name) for name in allow}
        rows = _field()[kind] + [{"name": name} for name in also]
        self.names = [_name(row) for row in rows if not _is_ours(str(row["name"]), own)]
        self.patterns = [re.compile(rf"(?<!\w)(?:{n.source})(?!\w)", 0 if n.common else re.I) for n in self.names]
        self.source = "|".join(name.source for name in self.names)

    def find(self, view: View) -> list[Mention]:
        """Every mention, in the order of the text; a common word only where a cue stands near it."""
        found = []
        for name, pattern in zip(self.names, self.patterns, strict=True):
            if not any(anchor in view.squeezed for anchor in name.anchors):
                continue
            for match in pattern.finditer(view.text):
                if not name.common or _near_cue(view.text, match):
                    found.append(Mention(name.name, match.start(), match.end()))
        return sorted(found, key=lambda mention: mention.start)

    def bare(self, view: View) -> list[Mention]:
        """Mentions of common words without a cue, of which most are no assistant's, in no order."""
        return [
            Mention(name.name, match.start(), match.end())
            for name, pattern in zip(self.names, self.patterns, strict=True)
            if name.common and name.name.lower() in view.vocabulary
            for match in pattern.finditer(view.text)
            if not _near_cue(view.text, match)
        ]

    def is_common(self, name: str) -> bool:
        """Whether `name` is an ordinary word, or a name that people bear."""
        return any(known.common for known in self.names if known.name == name)


def mentions_of(name: str) -> Callable[[str], int]:
    """A function that counts the mentions of `name` in a text in lower case."""
    # A pattern that starts with a letter is ten times faster than one with a look-behind: what is before comes after.
    pattern = re.compile(rf"(?:{spelled(name.lower())})(?!\w)")

    def count(lower: str) -> int:
        return sum(not (m.start() and lower[m.start() - 1].isalnum()) for m in pattern.finditer(lower))

    return count


def _name(row: dict[str, object]) -> Name:
    extra = row.get("spellings", ())
    spellings = [str(row["name"]), *(str(spelling) for spelling in (extra if isinstance(extra, list) else ()))]
    source = spelled(*spellings)
    version = (
        r"(?:[\s\-_]?v?\d{1,3}(?:\.\d{1,2})?[a-z]{0,2}|s)?" if not row.get("common") else r"(?:[\s\-]?\d(?:\.\d)?)?"
    )
    anchors = tuple(squeezed(spelling) for spelling in spellings)
    return Name(str(row["name"]), f"(?:{source}){version}", anchors, bool(row.get("common")))


def _is_ours(name: str, own: set[str]) -> bool:
    letters = squeezed(name)
    return any(letters == ours or letters.startswith(ours) or ours.startswith(letters) for ours in own if ours)


def _near_cue(text: str, match: re.Match[str]) -> bool:
    return bool(_CUE.search(text[max(0, match.start() - _CUE_REACH) : match.end() + _CUE_REACH]))
