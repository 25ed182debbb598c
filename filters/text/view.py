"""One text, read once: what several checks need of it is computed on first use and shared."""

import re
import unicodedata
import zlib
from collections import Counter
from functools import cached_property

import numpy as np
import numpy.typing as npt

from filters.base import Item

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
_START = 3  # letters by which a name is looked for first
_PAGE = 2_000  # characters of a first or last paragraph that are looked at
_VOCABULARY_LIMIT = 1_000_000

Hashes = npt.NDArray[np.uint64]


class _WordHashes(dict[str, int]):
    """The 64-bit hash of a word, the same in every process; forgets all when a hostile text fills it."""

    def __missing__(self, word: str) -> int:
        if len(self) >= _VOCABULARY_LIMIT:
            self.clear()
        data = word.encode("utf-8", "replace")
        self[word] = value = zlib.crc32(data) << 32 | zlib.adler32(data)
        return value


_hash_of = _WordHashes()


def visible(text: str) -> str:
    """`text` in Unicode's NFKC form without characters that show nothing (zero-width, bidi marks, soft hyphens)."""
    if text.isascii():
        return text
    return _INVISIBLE.sub("", unicodedata.normalize("NFKC", text))


def words_in(plain: str) -> list[str]:
    """The words of `plain` as they stand. Where a script puts no space between words each character is one: what is cut
    into words by a guess is cut differently in another place, and no run of words would be found again.
    """
    marked = plain
    for mark in _DASHES:  # all that is not ASCII in most texts
        marked = marked.replace(mark, " ")
    if marked.isascii():  # the same words as WORD finds, three times as fast
        return _EDGE.sub(" ", marked.translate(_GAPS)).split()
    spaced = UNSPACED.search(plain) is None
    return (WORD if spaced else _EITHER).findall(plain)


def words_of(text: str) -> list[str]:
    """The words of `text` in lower case, without punctuation; both apostrophes are one."""
    return words_in(visible(text).lower().replace("’", "'"))


def hashes_of(words: list[str]) -> Hashes:
    """A 64-bit hash a word."""
    return np.fromiter(map(_hash_of.__getitem__, words), dtype=np.uint64, count=len(words))


def ngrams_of(hashes: Hashes, n: int) -> Hashes:
    """A 64-bit hash for each run of `n` words; empty where there are fewer words."""
    count = len(hashes) - n + 1
    if count <= 0:
        return np.empty(0, dtype=np.uint64)
    total = np.zeros(count, dtype=np.uint64)
    for offset in range(n):
        total = total * np.uint64(0x9E3779B97F4A7C15) + hashes[offset : offset + count]
    total ^= total >> np.uint64(29)
    total *= np.uint64(0xBF58476D1CE4E5B9)
    return total ^ (total >> np.uint64(32))


class View:
    """An item, and its text in the forms that the checks look at."""

    def __init__(self, item: Item) -> None:
        self.item = item
        self._ngrams: dict[int, Hashes] = {}

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
    def vocabulary(self) -> frozenset[str]:
        """The different words: a cheap question to ask before a costly pattern."""
        return frozenset(self.counts)

    @cached_property
    def hashes(self) -> Hashes:
        """A hash a word."""
        return hashes_of(self.words)

    def ngrams(self, n: int) -> Hashes:
        """A hash for each run of `n` words; of the same length only once."""
        if n not in self._ngrams:
            self._ngrams[n] = ngrams_of(self.hashes, n)
        return self._ngrams[n]

    @cached_property
    def _starts(self) -> frozenset[str]:
        """The first letters of all words, three where they have so many."""
        parts = (part for word in self.vocabulary for part in (word.split("'") if "'" in word else (word,)))
        return frozenset(part.lstrip("_")[:_START] for part in parts)

    def may_have(self, name: str) -> bool:
        """Whether a name, squeezed, may stand here where a word begins, however it is spelled: cheap to ask of many."""
        begins = any(name[:length] in self._starts for length in range(1, _START + 1))
        return begins and name in self.squeezed

    @cached_property
    def counts(self) -> Counter[str]:
        """How often each word stands here."""
        return Counter(self.words)

    @cached_property
    def numeric(self) -> str:
        """The parts of the text that stand near a digit, a line each: where dates and figures can be."""
        if self.text.isascii() and not any(digit in self.text for digit in "0123456789"):
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
