"""One text, read once: what several checks need of it is computed on first use and shared."""

import re
import unicodedata
from collections import Counter
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from filters.base import Item
from filters.text.lexicon import HASH, START, Column, Hashes, Ids, Scalar, lexicon

_UNSPACED = (  # scripts that put no space between words: Thai, Lao, Burmese, Khmer, kana, bopomofo, ideographs
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3100-\u312f\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
)
WORD = re.compile(r"\w+(?:['’]\w+)*")
UNSPACED = re.compile(f"[{_UNSPACED}]")
_EITHER = re.compile(rf"[{_UNSPACED}]|[^\W{_UNSPACED}]+(?:['’][^\W{_UNSPACED}]+)*")
_DASHES = "—–…•“”"
_GAPS = str.maketrans({code: " " for code in range(128) if not (chr(code).isalnum() or chr(code) in "_'")})
_EDGE = re.compile(r"'(?:(?!\w)|(?<!\w'))")  # an apostrophe that does not stand inside of a word
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")
_DIGITS = re.compile(r"\d+")
_REACH = 70  # characters around a number in which what it is a number of must stand
_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`", re.DOTALL)
_SEPARATORS = {ord(mark): None for mark in " -_.\n\t"}
_PIECES = range(1, START + 1)
_FACTOR = 0x9E3779B97F4A7C15
_PAGE = 2_000  # characters of a first or last paragraph that are looked at


def visible(text: str) -> str:
    """`text` in Unicode's NFKC form without characters that show nothing (zero-width, bidi marks, soft hyphens)."""
    if text.isascii():
        return text
    return _INVISIBLE.sub("", unicodedata.normalize("NFKC", text))


def words_in(plain: str) -> list[str]:
    """The words of `plain` as they stand. Where a script puts no space between words each character is one: what is cut
    into words by a guess is cut differently in another place, and no run of words would be found again.
    """
    marked = _without_dashes(plain)
    if marked.isascii():  # the same words as WORD finds, three times as fast
        return _gapped(marked).split()
    spaced = UNSPACED.search(plain) is None
    return (WORD if spaced else _EITHER).findall(plain)


def _without_dashes(plain: str) -> str:
    """`plain` without the marks that are all that is not ASCII in most texts."""
    for mark in _DASHES:
        plain = plain.replace(mark, " ")
    return plain


def _gapped(marked: str) -> str:
    """An ASCII text with a space for each character that is no part of a word."""
    return _EDGE.sub(" ", marked.translate(_GAPS))


def word_starts(plain: str) -> npt.NDArray[np.int64]:
    """Where each of `words_in(plain)` begins. A script that puts no space between words has none here."""
    marked = _without_dashes(plain)
    if not marked.isascii():
        if UNSPACED.search(marked):
            return np.empty(0, dtype=np.int64)
        other = {ord(mark): "x" if mark.isalnum() else " " for mark in set(marked) if mark > "\x7f"}
        marked = marked.translate(other)
    letters = np.frombuffer(_gapped(marked).encode("ascii"), dtype=np.uint8) != ord(" ")
    found: npt.NDArray[np.int64] = np.flatnonzero(letters[1:] & ~letters[:-1]) + 1
    return np.concatenate([[0], found]) if len(letters) and letters[0] else found


def words_of(text: str) -> list[str]:
    """The words of `text` in lower case, without punctuation; both apostrophes are one."""
    return words_in(visible(text).lower().replace("’", "'"))


def hashes_of(words: list[str]) -> Hashes:
    """A 64-bit hash a word."""
    known = lexicon()
    return HASH(known.ids(words), known)


def ngrams_of(hashes: Hashes, n: int) -> Hashes:
    """A 64-bit hash for each run of `n` words; empty where there are fewer words."""
    return _mixed(_Runs(hashes).of(n))


class _Runs:
    """Sums over runs of words, the long ones from the short ones."""

    def __init__(self, hashes: Hashes) -> None:
        self._sums = {1: hashes}

    def of(self, n: int) -> Hashes:
        """For each run of `n` words the sum of their hashes, each times a power of a constant by its place."""
        if n not in self._sums:
            half = 1 << (n - 1).bit_length() - 1
            one, other = self.of(half), self.of(n - half)
            count = max(0, len(self._sums[1]) - n + 1)
            self._sums[n] = one[:count] * np.uint64(pow(_FACTOR, n - half, 1 << 64)) + other[half : half + count]
        return self._sums[n]


def _mixed(sums: Hashes) -> Hashes:
    total = sums ^ (sums >> np.uint64(29))
    total *= np.uint64(0xBF58476D1CE4E5B9)
    total ^= total >> np.uint64(32)
    return total


class View:
    """An item, and its text in the forms that the checks look at."""

    def __init__(self, item: Item) -> None:
        self.item = item
        self.lexicon = lexicon()
        self._may_have: dict[str, bool] = {}
        self._ngrams: dict[int, Hashes] = {}
        self.shared: dict[str, Any] = {}  # what one check computed and another needs

    @cached_property
    def text(self) -> str:
        """The text as a reader sees it, see `visible`."""
        return visible(self.item.text)

    @cached_property
    def prose(self) -> str:
        """The text without code blocks and inline code."""
        return _CODE.sub(" ", self.text) if "`" in self.text else self.text

    @cached_property
    def lower(self) -> str:
        """The text in lower case, with plain apostrophes and quotes."""
        return self.text.lower().replace("’", "'").replace("“", '"').replace("”", '"')

    @cached_property
    def squeezed(self) -> str:
        """The text in lower case without spaces and separators: whether a name is in it, however it is spelled."""
        return self.lower.translate(_SEPARATORS)

    @cached_property
    def words(self) -> list[str]:
        """The words, in lower case."""
        return words_in(self.lower)

    @cached_property
    def word_starts(self) -> npt.NDArray[np.int64]:
        """Where in `lower` each word begins; of a script that puts no space between words nothing is known."""
        return word_starts(self.lower)

    @cached_property
    def ids(self) -> Ids:
        """The number of each word in this process, see `filters.text.lexicon`."""
        return self.lexicon.ids(self.words)

    @cached_property
    def distinct(self) -> tuple[Ids, npt.NDArray[np.int64]]:
        """The numbers of the different words, and how often each stands here."""
        return self.lexicon.distinct(self.ids)

    def known(self, column: Column[Scalar], *, distinct: bool = False) -> npt.NDArray[Scalar]:
        """What is known of each word, or of each different word."""
        return column(self.distinct[0] if distinct else self.ids, self.lexicon)

    def which(self, column: Column[np.bool_]) -> list[str]:
        """The different words of which a column is true."""
        ids = self.distinct[0]
        return [self.lexicon.words[one] for one in ids[column(ids, self.lexicon)].tolist()]

    @cached_property
    def vocabulary(self) -> frozenset[str]:
        """The different words: a cheap question to ask before a costly pattern."""
        return frozenset(map(self.lexicon.words.__getitem__, self.distinct[0].tolist()))

    @cached_property
    def spelled(self) -> str:
        """The different words, a line each: whether letters stand in any of them."""
        return "\n".join(self.vocabulary)

    @cached_property
    def has_digit(self) -> bool:
        """Whether there is a digit in any word."""
        return _DIGITS.search(self.spelled) is not None

    @cached_property
    def hashes(self) -> Hashes:
        """A hash a word."""
        return self.known(HASH)

    @cached_property
    def _runs(self) -> _Runs:
        return _Runs(self.hashes)

    def ngrams(self, n: int) -> Hashes:
        """A hash for each run of `n` words; of the same length only once."""
        if n not in self._ngrams:
            self._ngrams[n] = _mixed(self._runs.of(n))
        return self._ngrams[n]

    @cached_property
    def starts(self) -> frozenset[str]:
        """The first letters of all words, three where they have so many."""
        return self.lexicon.starts_of(self.distinct[0])

    def may_have(self, name: str) -> bool:
        """Whether a name, squeezed, may stand here where a word begins, however it is spelled: cheap to ask of many."""
        if name not in self._may_have:
            begins = self._begins(name)
            self._may_have[name] = begins and (name in self.spelled or (self._parts(name) and name in self.squeezed))
        return self._may_have[name]

    def _parts(self, name: str) -> bool:
        """Whether a name may go on in another word than it begins in."""
        return any(name[start : start + length] in self.starts for start in range(1, len(name)) for length in _PIECES)

    def _begins(self, name: str) -> bool:
        """Whether words begin as a name does, and as it goes on where a word ends in it."""
        starts = self.starts
        return name[:START] in starts or any(
            name[:end] in starts and (len(name) <= end or self._begins(name[end:])) for end in range(1, START)
        )

    @cached_property
    def counts(self) -> Counter[str]:
        """How often each word stands here."""
        ids, times = self.distinct
        return Counter(dict(zip(map(self.lexicon.words.__getitem__, ids.tolist()), times.tolist(), strict=True)))

    @cached_property
    def numeric(self) -> str:
        """The parts of the text that stand near a digit, a line each: where dates and figures can be."""
        if not self.has_digit:
            return ""
        parts: list[str] = []
        start = end = -1
        for match in _DIGITS.finditer(self.text):
            if match.start() - _REACH > end:
                parts.append(self.text[max(0, start) : max(0, end)])
                start = max(0, match.start() - _REACH)
            end = match.end() + _REACH
        parts.append(self.text[max(0, start) : max(0, end)])
        return "\n".join(part for part in parts if part)

    @cached_property
    def lines(self) -> list[str]:
        """The lines that are not empty, stripped."""
        return [line for raw in self.text.splitlines() if (line := raw.strip())]

    @cached_property
    def edges(self) -> tuple[str, ...]:
        """The first and the last paragraph of the text in lower case, no more than a page of each."""
        text = self.lower.strip()
        first, last = text[:_PAGE].partition("\n\n")[0], text[-_PAGE:].rpartition("\n\n")[2]
        return (first, last) if "\n\n" in text else (first,)

    @property
    def insider(self) -> bool:
        """Whether the author may know the spec."""
        return self.item.frame != "lay"
