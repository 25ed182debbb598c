"""What is left of names in a text, looked for by other means than those that move them."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from typing import Final

SHORTEST_MISSPELT: Final = 4
_LONG_ENOUGH: Final = 6
"""Letters from which on a word that is two slips away from a name may be it."""
_LOOKALIKES: Final = str.maketrans("аеорсухіАВЕКМНОРСТХ", "aeopcyxiABEKMHOPCTX")
_HIDDEN: Final = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")
_MARKUP: Final = re.compile(r"[*_~`]+|</?[a-zA-Z][^<>\n]{0,80}>|-[ \t]*\n[ \t>]*")
_AROUND: Final = 40
_WORD: Final = re.compile(r"(?<![\w-])[^\W\d_]{3,30}(?!\w)")


def left_over(
    text: str, names: Iterable[str], new: Iterable[str] = (), is_word: Callable[[str], bool] = lambda word: True
) -> list[str]:
    """What is left of names, each with the words around it: inside of other words, with letters spaced out or swapped
    for such as look alike, with marks or emphasis between them; a word that is two slips away, and the first word
    of a name of several, where `is_word` does not know them."""
    names = list(names)
    plain = _HIDDEN.sub("", unicodedata.normalize("NFKC", text).translate(_LOOKALIKES))
    kept = {one.casefold() for one in new}
    whole = {one.casefold() for one in (*kept, *names)}
    found: list[str] = []
    for name in names:
        spelled = list(_spelled(plain, name, kept))
        if not spelled:  # emphasis inside of a word, a word over two lines
            spelled = list(_spelled(_MARKUP.sub("", plain), name, kept))
        found += spelled or _parts(plain, name, is_word, whole)
    found += _two_slips(plain, names, is_word, whole)
    return found


def _spelled(plain: str, name: str, kept: set[str]) -> Iterator[str]:
    letters = [re.escape(one) for one in name if one.isalnum()]
    inside = re.escape(name) if len(letters) >= SHORTEST_MISSPELT else rf"(?<!\w){re.escape(name)}(?!\w)"
    spaced = r"(?<!\w)" + r"[\W_]{1,2}".join(letters) + r"(?!\w)"
    joined = r"(?<!\w)" + r"[\W_]?".join(map(re.escape, re.findall(r"\w+", name))) + r"(?!\w)"
    for match in re.finditer(f"{inside}|{spaced}|{joined}", plain, re.IGNORECASE):
        before, after = re.search(r"\w*$", plain[: match.start()]), re.match(r"\w*", plain[match.end() :])
        word = f"{before[0] if before else ''}{match[0]}{after[0] if after else ''}"
        if word.casefold() not in kept:
            yield _around(plain, match)


def _parts(plain: str, name: str, is_word: Callable[[str], bool], known: set[str]) -> list[str]:
    """The first word of a name of several, by itself, where it is no word and no name of its own."""
    first, *rest = name.split()
    if not rest or len(first) < SHORTEST_MISSPELT or is_word(first.casefold()) or first.casefold() in known:
        return []
    return [_around(plain, match) for match in re.finditer(rf"(?<!\w){re.escape(first)}(?!\w)", plain)]


def _two_slips(plain: str, names: Iterable[str], is_word: Callable[[str], bool], known: set[str]) -> list[str]:
    long = [name.casefold() for name in names if " " not in name and len(name) >= _LONG_ENOUGH]
    if not long:
        return []
    return [
        _around(plain, match) for match in _WORD.finditer(plain)
        if (word := match[0].casefold()) not in known and any(two_slips(word, name) for name in long)
        and not is_word(word)
    ]  # fmt: skip


def _around(plain: str, match: re.Match[str]) -> str:
    return " ".join(plain[max(0, match.start() - _AROUND) : match.end() + _AROUND].split())


def one_slip(word: str, name: str) -> bool:
    """Whether two words differ by one letter left out, doubled, put in, changed, or two swapped."""
    if word == name or abs(len(word) - len(name)) > 1:
        return False
    start = next((at for at, (a, b) in enumerate(zip(word, name, strict=False)) if a != b), min(len(word), len(name)))
    a, b = word[start:], name[start:]
    if len(a) == len(b):
        return a[1:] == b[1:] or (len(a) > 1 and a[0] == b[1] and a[1] == b[0] and a[2:] == b[2:])
    return a[1:] == b if len(a) > len(b) else a == b[1:]


def two_slips(word: str, name: str) -> bool:
    """Whether two words of one first letter differ by two slips, of which one is a letter too many or too few."""
    if word[0] != name[0] or abs(len(word) - len(name)) > 2 or word == name or one_slip(word, name):
        return False
    shorter = (_without(word, name), _without(name, word))
    return any(part == other or one_slip(part, other) for pairs in shorter for part, other in pairs)


def _without(word: str, other: str) -> Iterator[tuple[str, str]]:
    """A word with one letter less, each in turn, beside another."""
    return ((word[:at] + word[at + 1 :], other) for at in range(1, len(word)))
