"""Moves texts from one assistant to another: every form of a name, counted by form, and what is left over.

The first try of others left 760 mentions [SoM]. So what could not be moved is looked for by other means than those that
moved it, and a text in which anything is left is set aside, never passed on half renamed.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from corpus.rename.forms import Spans, cased, form_of, inside_pattern, moved, pattern_of, split_pattern, with_article
from corpus.rename.leftover import SHORTEST_MISSPELT, left_over, one_slip
from specs.errors import UserError


@dataclass(frozen=True, slots=True)
class Renamed:
    """A text with its names moved."""

    text: str
    forms: Counter[str]
    left: tuple[str, ...]  # what is left of an old name, each with the words around it
    misspelt: Counter[str]  # words that were taken for misspellings


@dataclass(slots=True)
class Tally:
    """What was moved and left over all texts."""

    forms: Counter[str] = field(default_factory=Counter)
    left: list[str] = field(default_factory=list)
    misspelt: Counter[str] = field(default_factory=Counter)
    texts: int = 0  # in which anything was moved
    aside: int = 0

    def add(self, one: Renamed) -> None:
        """Take one text in."""
        self.forms += one.forms
        self.left += one.left
        self.misspelt += one.misspelt
        self.texts += bool(one.forms)
        self.aside += bool(one.left)


class Renamer:
    """Moves names. `is_word` says of a lower-case word whether it is one, or somebody's name: such is no misspelling of
    a name, and where the name is itself a word, that word in lower case is left alone in prose."""

    def __init__(self, names: Mapping[str, str], is_word: Callable[[str], bool]) -> None:
        self.names = dict(names)
        self.tally = Tally()
        self._is_word = is_word
        self._new = {part.casefold() for name in names.values() for part in re.findall(r"\w+", name)}
        ordered = sorted(self.names, key=len, reverse=True)  # Qwen Code before Qwen
        self._patterns = [(name, pattern_of(name, is_word)) for name in ordered]
        self._split = [(name, split_pattern(name)) for name in ordered if len(name) >= SHORTEST_MISSPELT]
        self._inside = [(name, inside_pattern(name)) for name in ordered if re.fullmatch(r"[A-Za-z][\w ]+", name)]
        self._several = [(name, _windows(name)) for name in ordered if " " in name]

    def __call__(self, text: str) -> Renamed:
        """A text with every form of the names moved, and what is left of them."""
        forms, slips = Counter[str](), Counter[str]()
        for name, pattern in self._split:
            text = self._replaced(text, name, pattern, forms, "split")
        for name, pattern in self._patterns:
            text = self._moved(text, name, pattern, forms)
        for name, pattern in self._inside:
            text = self._replaced(text, name, pattern, forms, "code")
        text = self._misspelt(self._misspelt_several(text, slips), slips)
        left = left_over(text, self._looked_for(), self.names.values(), self._is_word)
        found = Renamed(text, forms + Counter(misspelt=slips.total()), tuple(left), slips)
        self.tally.add(found)
        return found

    def _looked_for(self) -> list[str]:
        """Names whose every mention is one: of a name that is a word too, what is left alone is no remains."""
        return [name for name in self.names if not self._is_word(name.casefold())]

    def _moved(self, text: str, name: str, pattern: re.Pattern[str], forms: Counter[str]) -> str:
        spans, word = Spans(text), self._is_word(name.casefold())
        pieces: list[str] = []
        at = 0
        for match in pattern.finditer(text):
            form = form_of(text, match, spans)
            if word and form == "lower case":
                continue
            forms[form] += 1
            pieces.append(with_article(text[at : match.start()], self.names[name]))
            pieces.append(moved(self.names[name], name, match, text))
            at = match.end()
        return "".join([*pieces, text[at:]])

    def _replaced(self, text: str, name: str, pattern: re.Pattern[str], forms: Counter[str], form: str) -> str:
        """Names cut in two, or inside of words that a program reads."""
        new = self.names[name] if form == "split" else re.sub(r"\W+", "", self.names[name])

        def move(match: re.Match[str]) -> str:
            forms[form] += 1
            return cased(new, re.sub(r"[^\w]|\s", "", match[0]))

        return pattern.sub(move, text)

    def _misspelt(self, text: str, slips: Counter[str]) -> str:
        """Words one slip away from a name, with its first letter, that are no words of their own."""

        def move(match: re.Match[str]) -> str:
            word, end = match[1], match[2] or ""
            plain = word.casefold()
            if plain in self._new or self._is_word(plain):
                return match[0]
            for name, new in self.names.items():
                if " " in name or len(name) < SHORTEST_MISSPELT or plain[0] != name[0].casefold():
                    continue
                if one_slip(plain, name.casefold()):
                    slips[word] += 1
                    return cased(new, word) + end
            return match[0]

        return re.sub(r"(?<![\w-])([^\W\d_]{3,30})(['’]s?)?(?!\w)", move, text)

    def _misspelt_several(self, text: str, slips: Counter[str]) -> str:
        """Names of several words with one slip in one of them: Orin Lane for Orrin Lane."""
        for name, pattern in self._several:

            def move(match: re.Match[str], name: str = name) -> str:
                found = [word.casefold() for word in match[0].split()]
                pairs = [pair for pair in zip(found, name.casefold().split(), strict=True) if pair[0] != pair[1]]
                if len(pairs) != 1 or not one_slip(*pairs[0]):
                    return match[0]
                slips[match[0]] += 1
                return cased(self.names[name], match[0])

            text = pattern.sub(move, text)
        return text


def _windows(name: str) -> re.Pattern[str]:
    """As many words with a capital as a name has."""
    word = r"[^\W\d_a-z][^\W\d_]*"
    return re.compile(rf"(?<![^\W_]){word}(?:\s{word}){{{len(name.split()) - 1}}}(?![^\W_])")


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
