"""Whom a spec speaks of: the names that it uses for its assistant, found by what they are said to do."""

import re
from collections import Counter
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

from specs.data import load_yaml
from specs.errors import SpecError
from specs.settings import Assistant

_WORDS: Final[dict[str, str]] = load_yaml(files("specs").joinpath("names.yaml").read_text(encoding="utf-8"))
_NO_NAME: Final = frozenset(_WORDS["no_names"].split())
_VERBS: Final = "|".join(_WORDS["verbs"].split())
_KINDS: Final = "|".join(_WORDS["generic"].split())
_WANTS: Final = "|".join(_WORDS["wants"].split())
_MAKES: Final = "|".join(_WORDS["makes"].split())

_WORD = r"[A-Z][\w'\u2019-]*[\w]|[A-Z]"
_NAME = rf"(?:{_WORD})(?:[ ](?:{_WORD}|\d[\w.]*))" + "{0,2}"
_ACTS = re.compile(rf"(?<![\w{{])({_NAME})(?:['\u2019]s\b|\s+(?:{_VERBS})\b)")
_WANTED = re.compile(rf"\b(?:{_WANTS})\s+({_NAME})\s+to\b")
_MADE = re.compile(rf"\b(?:{_MAKES})\s+by\s+({_NAME})")
_GENERIC = re.compile(rf"\b(?:the|this|our|an?)\s+(?:AI\s+)?(?:{_KINDS})\b|\byou(?:r|rself)?\b", re.IGNORECASE)
_ENOUGH: Final = 2  # times that a name must act before the spec is said to be about it


@dataclass(frozen=True, slots=True)
class Names:
    """Names by how often the text uses them, commonest first; the assistant's, and makers'."""

    assistants: tuple[tuple[str, int], ...]
    makers: tuple[str, ...]
    generic: int  # times that it says "the model", "the assistant", "you"

    @property
    def assistant(self) -> str | None:
        """The name that the spec is about, where it has one."""
        return self.assistants[0][0] if self.assistants else None

    @property
    def maker(self) -> str | None:
        """The first maker that it names."""
        return self.makers[0] if self.makers else None

    def said(self) -> str:
        """The names for a message: `Maple Tutor (30 times), Acorn (2 times)`."""
        return ", ".join(f"{name} ({count} times)" for name, count in self.assistants[:5])


def names_in(text: str) -> Names:
    """Whom `text` speaks of. Made for English; names in other languages are found where they act in English words."""
    acting = Counter(name for match in _ACTS.finditer(text) if (name := _plain(match.group(1))))
    acting.update(name for match in _WANTED.finditer(text) if (name := _plain(match.group(1))))
    makers = [name for match in _MADE.finditer(text) if (name := _plain(match.group(1)))]
    strong = {name: count for name, count in acting.items() if count >= _ENOUGH and name not in makers}
    longest = max(strong.values(), default=0)
    counted = {name: _count(name, text) for name, count in strong.items() if 4 * count >= longest}
    ranked = sorted(counted.items(), key=lambda one: (-one[1], one[0]))
    return Names(tuple(ranked), tuple(dict.fromkeys(makers)), len(_GENERIC.findall(text)))


def check_named(text: str, assistant: Assistant, source: str) -> None:
    """SpecError where the spec speaks of somebody, and never of the recipe's assistant.

    A spec that has no name for its assistant ("the model must ...") fits every one.
    """
    if _count(assistant.name, text):
        return
    names = names_in(text)
    if names.assistant is None:
        return
    maker = f" and provider: {names.maker}" if names.maker else ""
    raise SpecError(
        f"{source}: never names the recipe's assistant, {assistant.name}; it speaks of {names.said()}. Set assistant: "
        f"name: {names.assistant}{maker} in the recipe, or write {{model_name}} in the spec where its name stands."
    )


def _count(name: str, text: str) -> int:
    return len(re.findall(rf"(?<!\w){re.escape(name)}(?!\w)", text, re.IGNORECASE if not name.isascii() else 0))


def _plain(name: str) -> str:
    """The name without the words around it that begin a sentence; empty where no name is left."""
    words = re.sub(r"['\u2019]s?$", "", name).split(" ")
    while words and words[0] in _NO_NAME:
        words = words[1:]
    return (
        ""
        if not words or words[-1] in _NO_NAME or all(word.isupper() and len(word) < 3 for word in words)
        else " ".join(words)
    )
