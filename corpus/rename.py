"""Moves texts from one assistant to another: every form of a name, counted by form, and what is left over.

The first try of others left 760 mentions [SoM]. So what could not be moved is looked for by other means than those that
moved it, and a text in which anything is left is set aside, never passed on half renamed.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from specs.errors import UserError

FORMS: Final = (
    "name", "possessive", "plural", "hyphenated", "version", "heading", "code", "upper case", "lower case", "misspelt",
)  # fmt: skip
"""Every form of a name that is moved."""
_CODE: Final = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`", re.DOTALL)
_ARTICLE: Final = re.compile(r"(?<!\w)(an?)( +[*_\"“]*)$", re.IGNORECASE)
_VERSION: Final = (
    r"(?:[ -]?v?\d+(?:\.\d+)*(?:[ -](?:\d+(?:\.\d+)?[BbMm]|[Ii]nstruct|[Cc]hat|[Cc]oder|[Mm]ax|[Tt]urbo|[Pp]lus))*)"
)
_LOOKALIKES: Final = str.maketrans("аеорсухіАВЕКМНОРСТХ", "aeopcyxiABEKMHOPCTX")
_AROUND: Final = 40
_SHORTEST_MISSPELT: Final = 4


@dataclass(frozen=True, slots=True)
class Renamed:
    """A text with its names moved."""

    text: str
    forms: Counter[str]
    left: tuple[str, ...]  # what is left of an old name, each with the words around it


@dataclass(slots=True)
class Tally:
    """What was moved and left over all texts."""

    forms: Counter[str] = field(default_factory=Counter)
    left: list[str] = field(default_factory=list)
    texts: int = 0  # in which anything was moved
    aside: int = 0

    def add(self, one: Renamed) -> None:
        """Take one text in."""
        self.forms += one.forms
        self.left += one.left
        self.texts += bool(one.forms)
        self.aside += bool(one.left)


class Renamer:
    """Moves names. `is_word` says of a lower-case word whether it is one: such is no misspelling of a name."""

    def __init__(self, names: Mapping[str, str], is_word: Callable[[str], bool]) -> None:
        self.names = dict(names)
        self.tally = Tally()
        self._is_word = is_word
        self._new = {part.casefold() for name in names.values() for part in re.findall(r"\w+", name)}
        ordered = sorted(self.names, key=len, reverse=True)  # Qwen Code before Qwen
        self._patterns = [(name, _pattern(name)) for name in ordered]
        self._identifiers = [(name, _identifier(name)) for name in ordered if re.fullmatch(r"[A-Za-z]\w+", name)]

    def __call__(self, text: str) -> Renamed:
        """A text with every form of the names moved, and what is left of them."""
        forms: Counter[str] = Counter()
        for name, pattern in self._patterns:
            text = self._moved(text, name, pattern, forms)
        for name, pattern in self._identifiers:
            text = self._in_identifiers(text, name, pattern, forms)
        text = self._misspelt(text, forms)
        found = Renamed(text, forms, tuple(left_over(text, self.names, self.names.values())))
        self.tally.add(found)
        return found

    def _moved(self, text: str, name: str, pattern: re.Pattern[str], forms: Counter[str]) -> str:
        spans = [match.span() for match in _CODE.finditer(text)]
        pieces: list[str] = []
        at = 0
        for match in pattern.finditer(text):
            form = _form(text, match, spans)
            forms[form] += 1
            before = _with_article(text[at : match.start()], self.names[name])
            pieces += [before, _cased(self.names[name], match["name"]), match["end"] or ""]
            at = match.end()
        return "".join([*pieces, text[at:]])

    def _in_identifiers(self, text: str, name: str, pattern: re.Pattern[str], forms: Counter[str]) -> str:
        """qwen_client, QwenClient, getQwenReply: names inside of words that a program reads."""
        new = re.sub(r"\W+", "", self.names[name])

        def move(match: re.Match[str]) -> str:
            forms["code"] += 1
            return _cased(new, match[0])

        return pattern.sub(move, text)

    def _misspelt(self, text: str, forms: Counter[str]) -> str:
        """Words one slip away from a name, with its first letter, that are no words of their own."""

        def move(match: re.Match[str]) -> str:
            word, end = match[1], match[2] or ""
            plain = word.casefold()
            if plain in self._new or self._is_word(plain):
                return match[0]
            for name, new in self.names.items():
                if " " in name or len(name) < _SHORTEST_MISSPELT or plain[0] != name[0].casefold():
                    continue
                if one_slip(plain, name.casefold()):
                    forms["misspelt"] += 1
                    return _cased(new, word) + end
            return match[0]

        return re.sub(r"(?<![\w-])([^\W\d_]{3,30})(['’]s?)?(?!\w)", move, text)


def read_renames(given: list[str]) -> dict[str, str]:
    """`Qwen=Juniper` pairs as a mapping.

    Raises:
        UserError: one is no pair, is there twice, or moves a name to one that another moves away.
    """
    names: dict[str, str] = {}
    for one in given:
        old, separator, new = (part.strip() for part in one.partition("="))
        if not separator or not old or not new or not re.search(r"\w{2}", old):
            raise UserError(f"--rename {one!r}: expected OLD=NEW, such as --rename Qwen=Juniper.")
        if old in names:
            raise UserError(f"--rename: {old!r} is moved twice.")
        names[old] = new
    if chained := {new for new in names.values() if new in names}:
        raise UserError(f"--rename: {sorted(chained)[0]!r} is moved away and is what another is moved to.")
    return names


def left_over(text: str, names: Iterable[str], new: Iterable[str] = ()) -> list[str]:
    """What is left of names, each with the words around it: inside of other words, with letters spaced out or swapped
    for such as look alike, with marks between them."""
    plain = unicodedata.normalize("NFKC", text).translate(_LOOKALIKES)
    plain = re.sub("[\u00ad\u200b-\u200f\u2060\ufeff]", "", plain)
    kept = (
        {str(one).casefold() for one in new}
        if isinstance(new, list | tuple | set) or hasattr(new, "__iter__")
        else set()
    )
    found = []
    for name in names:
        letters = [re.escape(one) for one in name if one.isalnum()]
        inside = re.escape(name) if len(letters) >= _SHORTEST_MISSPELT else rf"(?<!\w){re.escape(name)}(?!\w)"
        spaced = r"(?<!\w)" + r"[\W_]{1,2}".join(letters) + r"(?!\w)"
        joined = r"(?<!\w)" + r"[\W_]?".join(map(re.escape, re.findall(r"\w+", name))) + r"(?!\w)"
        for match in re.finditer(f"{inside}|{spaced}|{joined}", plain, re.IGNORECASE):
            before, after = re.search(r"\w*$", plain[: match.start()]), re.match(r"\w*", plain[match.end() :])
            word = f"{before[0] if before else ''}{match[0]}{after[0] if after else ''}"
            if word.casefold() not in kept:
                around = plain[max(0, match.start() - _AROUND) : match.end() + _AROUND]
                found.append(" ".join(around.split()))
    return found


def one_slip(word: str, name: str) -> bool:
    """Whether two words differ by one letter left out, doubled, put in, changed, or two swapped."""
    if word == name or abs(len(word) - len(name)) > 1:
        return False
    start = next((at for at, (a, b) in enumerate(zip(word, name, strict=False)) if a != b), min(len(word), len(name)))
    a, b = word[start:], name[start:]
    if len(a) == len(b):
        return a[1:] == b[1:] or (len(a) > 1 and a[0] == b[1] and a[1] == b[0] and a[2:] == b[2:])
    return a[1:] == b if len(a) > len(b) else a == b[1:]


def _pattern(name: str) -> re.Pattern[str]:
    """A name as a word of its own, in any case, with a version or an ending behind it."""
    spaced = r"[ \t\n]+".join(map(re.escape, name.split()))
    return re.compile(
        rf"(?<![\w])(?P<name>{spaced})(?P<version>{_VERSION})?(?P<end>['’]s|s['’]?|['’])?(?!\w)", re.IGNORECASE
    )


def _identifier(name: str) -> re.Pattern[str]:
    """A name inside of an identifier: between underscores or digits, or where an upper-case letter begins the next
    word."""
    lower, upper, title = (
        re.escape(name.lower()),
        re.escape(name.upper()),
        re.escape(name[0].upper() + name[1:].lower()),
    )
    snake = rf"(?<![a-zA-Z])(?:{lower}|{upper})(?=_|\d)|(?<=_)(?:{lower}|{upper})(?![a-zA-Z])"
    camel = rf"(?<![A-Z])(?:{title})(?=[A-Z][a-z])|(?<=[a-z0-9]){title}(?![a-z])|(?<![a-zA-Z]){lower}(?=[A-Z][a-z])"
    return re.compile(f"{snake}|{camel}")


def _form(text: str, match: re.Match[str], code: list[tuple[int, int]]) -> str:
    start, end = match.span()
    line = text[text.rfind("\n", 0, start) + 1 : start]
    if any(low <= start < high for low, high in code):
        return "code"
    if match["end"]:
        return "plural" if match["end"].startswith("s") else "possessive"
    if match["version"]:
        return "version"
    if text[end : end + 1] == "-" or text[max(0, start - 1) : start] == "-":
        return "hyphenated"
    if line.lstrip().startswith("#"):
        return "heading"
    name = match["name"]
    return "upper case" if name.isupper() and len(name) > 1 else "lower case" if name.islower() else "name"


def _cased(new: str, old: str) -> str:
    """The new name in the case of the old one."""
    if old.isupper() and len(old) > 1:
        return new.upper()
    return new.lower() if old.islower() else new


def _with_article(before: str, new: str) -> str:
    """What stands before a name, with `a` or `an` as the new one takes it."""
    found = _ARTICLE.search(before)
    if found is None:
        return before
    wanted = "an" if new[:1].casefold() in "aeiou" else "a"
    article = wanted.capitalize() if found[1][0].isupper() else wanted
    return before[: found.start(1)] + article + found[2]
