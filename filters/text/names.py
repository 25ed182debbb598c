"""Names of assistants and makers, and where they stand in a text, in any spelling."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources

import numpy as np

from filters.text.lexicon import START, Column, among, pieces_of
from filters.text.patterns import Patterns
from filters.text.static import static_words
from filters.text.view import UNSPACED, View
from specs.data import load_yaml

_EN = Patterns.of("filters.text", "en")
_CUE = _EN.expression("name_cue", re.IGNORECASE, form=r"\b{}\b")
_CAMEL = re.compile(r"(?<=[a-z]{3})(?=[A-Z])")  # OpenAI, ChatGPT, DeepSeek
_UNMISTAKABLE = re.compile(r"[A-Z]{2,}[a-z]|-\d|\d\.\d")  # LLaMA, Llama-3, Claude 3.5: no word, and nobody's name
_LETTER = (
    r"[^\W\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3100-\u312f\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]"
)
_NO_NAME = f"(?!{_EN.in_order('no_name_before')})"  # no name stands before it
_BEFORE_A_DATE = _EN.expression("before_a_date", form=r"\b{}[ -]$")
_WORDS = 6_000  # the commonest words of English
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_MISSPELT = 7  # letters from which on a name with one letter wrong is still that name
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
    text = resources.files("filters.text").joinpath("assistants.yaml").read_text(encoding="utf-8")
    return load_yaml(text)  # type: ignore[no-any-return]


class Names:
    """A list of names that can be found in a text, less those that are ours."""

    def __init__(self, kind: str, ours: Iterable[str], also: Iterable[str], allow: Iterable[str]) -> None:
        own = {squeezed(name) for name in ours} | {squeezed(name) for name in allow}
        rows = _field()[kind] + [{"name": name} for name in also]
        self.names = [_name(row) for row in rows if not _is_ours(str(row["name"]), own)]
        self.patterns = [re.compile(rf"(?<!\w)(?:{n.source})(?!\w)", 0 if n.common else re.I) for n in self.names]
        self.source = "|".join(rf"(?-i:{n.source})" if n.common else n.source for n in self.names)
        self.misspelt = _misspelt(self.names)
        self._common = frozenset(word for name in self.names if name.common for word in _possessed(name.name.lower()))
        self._beginning: dict[str, list[tuple[int, str]]] = {}  # by the first letters of a spelling
        for place, name in enumerate(self.names):
            for start, anchor in {(anchor[:size], anchor) for anchor in name.anchors for size in range(1, START + 1)}:
                self._beginning.setdefault(start, []).append((place, anchor))
        self._by_word: dict[str, tuple[tuple[int, str, bool], ...]] = {}
        self._begun: Column[np.bool_] = Column(lambda words: map(self._learned, words), np.bool_)
        self._wrong = among(self.misspelt)

    def find(self, view: View) -> list[Mention]:
        """Every mention, in the order of the text; a common word only where a cue stands near it."""
        found = [
            Mention(self.misspelt[word], match.start(), match.end())
            for word in view.which(self._wrong)
            for match in re.finditer(rf"(?<!\w){re.escape(word)}(?!\w)", view.text, re.IGNORECASE)
        ]
        for place in self._possible(view):
            name = self.names[place]
            for match in self.patterns[place].finditer(view.text):
                if not name.common or _is_name(view.text, match):
                    found.append(Mention(name.name, match.start(), match.end()))
        return sorted(found, key=lambda mention: mention.start)

    def near(self, view: View) -> bool:
        """Whether any of the names may be in the text: cheap, and wrong where a name is a word."""
        if not self._common.isdisjoint(view.vocabulary):
            return True
        return any(not self.names[place].common for place in self._possible(view))

    def _possible(self, view: View) -> list[int]:
        """The places of the names that may stand in the text, however they are spelled: cheap to ask of many."""
        asked = f"names {id(self)}"  # several checks of a text ask for the same list
        if asked not in view.shared:
            begun = {one for word in view.which(self._begun) for one in self._by_word[word]}
            here = {place for place, _, whole in begun if whole}
            here |= {place for place, anchor, whole in begun if place not in here and view.may_have(anchor)}
            view.shared[asked] = sorted(here)
        possible: list[int] = view.shared[asked]
        return possible

    def _learned(self, word: str) -> bool:
        """Whether names or spellings begin in a word, or with it; they are kept, and whether they stand in it whole."""
        found = tuple(
            (place, anchor, piece.startswith(anchor))
            for piece in pieces_of(word)
            for place, anchor in self._beginning.get(piece[:START], ())
            if piece.startswith(anchor) or anchor.startswith(piece)
        )
        if found:
            self._by_word[word] = found
        return bool(found)

    def bare(self, view: View) -> list[Mention]:
        """Mentions of common words without a cue, of which most are no assistant's, in no order."""
        return [
            Mention(name.name, match.start(), match.end())
            for name, pattern in zip(self.names, self.patterns, strict=True)
            if name.common and name.name.lower() in view.vocabulary
            for match in pattern.finditer(view.text)
            if not _is_name(view.text, match)
        ]

    def is_common(self, mention: Mention, text: str) -> bool:
        """Whether what stands there is an ordinary word, or a name that people bear."""
        if _UNMISTAKABLE.search(text[mention.start : mention.end]):
            return False
        return any(known.common for known in self.names if known.name == mention.name)


@lru_cache(maxsize=16)
def known_names(kind: str, ours: tuple[str, ...], also: tuple[str, ...] = (), allow: tuple[str, ...] = ()) -> Names:
    """`Names`, kept: each stage of a build makes its checks anew."""
    return Names(kind, ours, also, allow)


class OwnName:
    """Our assistant's name (or our provider's): how often it stands in a text.

    A name that is also a word (Will, Rose, May) is told from it by its capital and by its place: "Will you" and "May 3"
    name nobody. In scripts without spaces, and beside them, a name has no bounds.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_word = bool(name) and name[:1].isupper() and is_word(name)
        bounded = re.search(r"[A-Za-z]", name) is not None
        spelling = spelled(name if self.is_word else name.lower())
        source = rf"(?:{spelling})" + (rf"(?!{_LETTER})" if bounded else "")
        self.source = rf"(?-i:{spelled(name)}){_NO_NAME}" if self.is_word else spelled(name)
        self._bounded = bounded
        # A pattern that starts with a letter is ten times faster than one with a look-behind: that comes after.
        self._pattern = re.compile(source + (_NO_NAME if self.is_word else ""))

    def __call__(self, text: str) -> int:
        """Mentions in `text`, which is as it was written."""
        return len(self.places(text))

    def within(self, view: View) -> list[int]:
        """Where in the text of `view` the mentions begin; several checks of a text ask."""
        asked = f"own {self.name}"
        if asked not in view.shared:
            view.shared[asked] = self.places(view.text)
        found: list[int] = view.shared[asked]
        return found

    def places(self, text: str) -> list[int]:
        """Where in `text`, which is as it was written, the mentions begin."""
        plain = text if self.is_word else text.lower()
        return [match.start() for match in self._pattern.finditer(plain) if self._stands(plain, match.start())]

    def _stands(self, text: str, start: int) -> bool:
        before = text[start - 1] if start else " "
        if self._bounded and before.isalnum() and not UNSPACED.match(before):
            return False
        return not self.is_word or _BEFORE_A_DATE.search(text, max(0, start - 12), start) is None


def mentions_of(name: str) -> OwnName:
    """What counts the mentions of `name` in a text."""
    return OwnName(name)


def is_word(name: str) -> bool:
    """Whether a name is an ordinary word of English too."""
    index = static_words().index
    place = index.get(name.lower())
    return place is not None and place - index["the"] < _WORDS


def _possessed(word: str) -> tuple[str, str]:
    return word, f"{word}'s"


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


def _misspelt(names: list[Name]) -> dict[str, str]:
    """Long names that are no words, with one letter wrong, missing, doubled or swapped with the next."""
    found: dict[str, str] = {}
    for name in names:
        word = name.anchors[0]
        if name.common or " " in name.name or len(word) < _MISSPELT:
            continue
        for n in range(len(word)):
            head, one, rest = word[:n], word[n], word[n + 1 :]
            wrong = {head + letter + rest for letter in _LETTERS}
            wrong |= {head + rest, head + one + one + rest, head + rest[:1] + one + rest[1:]}
            found |= dict.fromkeys(wrong, name.name)
    right = {known.anchors[0] for known in names}
    return {variant: name for variant, name in found.items() if variant not in right}


def _is_name(text: str, match: re.Match[str]) -> bool:
    """Whether a word that is common is a name here: by its spelling, or by a cue near it."""
    if _UNMISTAKABLE.search(match.group()):
        return True
    return bool(_CUE.search(text[max(0, match.start() - _CUE_REACH) : match.end() + _CUE_REACH]))
