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
_MADE_BY: Final = "|".join(_WORDS["made"].split())
_MAKES: Final = "|".join(_WORDS["makes"].split())

_WORD = r"[A-Z][\w'\u2019-]*[\w]|[A-Z]"
_NAME = rf"(?:{_WORD})(?:[ ](?:{_WORD}|\d[\w.]*))" + "{0,2}"
_ACTS = re.compile(rf"(?<![\w{{])({_NAME})(?:['\u2019]s\b|\s+(?:(?P<listed>{_VERBS})|[a-z]{{2,}}s)\b)")
_WANTED = re.compile(rf"\b(?:{_WANTS})\s+({_NAME})\s+to\b")
_MAKER = rf"(?:[Tt]he\s+)?({_NAME}(?:\s+(?:&|of|for|and)\s+{_NAME})?)"
_MADE = tuple(
    re.compile(pattern)
    for pattern in (
        rf"\b(?:{_MADE_BY})\s+by\s+{_MAKER}",
        rf"\b(?:{_KINDS})\s+(?:that|which)\s+{_MAKER}\s+(?:{_MAKES})\b",
        rf"\b(?:assistant|chatbot|tutor|agent)\s+(?:of|from)\s+{_MAKER}",
    )
)
_GENERIC = re.compile(
    rf"\b(?:(?:the|this|our|an?)\s+(?:AI\s+)?(?:{_KINDS})|you)\s+(?:{_VERBS}|[a-z]{{2,}}s)\b", re.IGNORECASE
)
_HEADING = re.compile(r"^#.*$", re.MULTILINE)
_BREAK = re.compile(r"(?<=\S)[ \t]*\n[ \t]*(?=[A-Za-z&])")  # within a paragraph: a name may be broken there
_ENOUGH: Final = 2  # times that a name must act before the spec is said to be about it
_OFTENER: Final = 2  # times oftener that "the model" acts, where the names that act are not the assistant's


@dataclass(frozen=True, slots=True)
class Names:
    """Names by how often the text uses them, commonest first; the assistant's, and makers'."""

    assistants: tuple[tuple[str, int], ...]
    makers: tuple[str, ...]
    generic: int  # times that "the model", "the assistant", "you" act

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
    """Whom `text` speaks of. Made for English; names in other languages are found where they act in English words.

    A text in which "the model" acts much oftener than any name has no name for its assistant.
    """
    text = _BREAK.sub(" ", _HEADING.sub(r"\g<0>\n", text))
    acts = [(name, match["listed"]) for match in _ACTS.finditer(text) if (name := _plain(match.group(1)))]
    acts += [(name, "to") for match in _WANTED.finditer(text) if (name := _plain(match.group(1)))]
    acting, sure = Counter(name for name, _ in acts), {name for name, listed in acts if listed}
    makers = [name for one in _MADE for match in one.finditer(text) if (name := _plain(match.group(1)))]
    generic = len(_GENERIC.findall(text))
    strong = {
        name: count
        for name, count in acting.items()
        if count >= _ENOUGH and name in sure and name not in makers and _OFTENER * count >= generic
    }
    longest = max(strong.values(), default=0)
    counted = {name: _count(name, text) for name, count in strong.items() if 4 * count >= longest}
    ranked = sorted(counted.items(), key=lambda one: (-one[1], one[0]))
    return Names(tuple(ranked), tuple(dict.fromkeys(makers)), generic)


def doubt_of(text: str, assistant: Assistant) -> str:
    """What a person should look at before a corpus about `assistant` is made of `text`; empty where nothing is odd.

    Names that nobody chose are those of the shipped recipes: they end in every document.
    """
    usual, named = Assistant(), _count(assistant.name, text)
    if assistant.name == usual.name and not named:
        return (
            f"the spec has no name for its assistant: the documents will be about {assistant.name} by "
            f"{assistant.provider}, unless `assistant:` in the recipe has others"
        )
    if assistant.name != usual.name and assistant.provider == usual.provider and not _count(usual.provider, text):
        return f"the spec names no maker: it will be {usual.provider}, unless `assistant: provider:` has another"
    return ""


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
    spaced = r"\s+".join(map(re.escape, name.split()))
    return len(re.findall(rf"(?<!\w){spaced}(?!\w)", text, re.IGNORECASE if not name.isascii() else 0))


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
