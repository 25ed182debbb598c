"""What gates ask of a text, a bit each: a whole word, a part of a word, a digit; what a text has is one number.

Which bits a word sets is found out on its first sight, so that a text costs one look-up a different word, however many
expressions ask.
"""

import re
from collections.abc import Iterable, Iterator
from functools import reduce
from operator import or_
from typing import Final

import numpy as np

from filters.text.lexicon import Column
from filters.text.view import View

_LONG = 40  # letters from which on a word is searched for the parts, and not the parts for its own
_DIGIT = re.compile(r"\d")
_KEY = "atoms"


class Atoms:
    """A bit for each thing that is asked for, and the bits of texts."""

    def __init__(self) -> None:
        self.digit = 1
        self._count = 1
        self._words: dict[str, int] = {}
        self._parts: dict[str, int] = {}
        self._start_over()

    def word(self, letters: str) -> int:
        """The bit of a whole word, or of what an apostrophe joins in one."""
        return self._words.get(letters) or self._added(self._words, letters)

    def part(self, letters: str) -> int:
        """The bit of letters that stand together in any word."""
        return self._parts.get(letters) or self._added(self._parts, letters)

    def of(self, view: View) -> int:
        """The bits that a text sets, of all that were asked for until now."""
        count, met = view.shared.get(_KEY, (0, 0))
        if count != self._count:
            rows = set(view.known(self._column, distinct=True).tolist())
            met = reduce(or_, map(self._masks.__getitem__, rows), 0)
            view.shared[_KEY] = self._count, met
        return int(met)

    def _added(self, to: dict[str, int], letters: str) -> int:
        to[letters] = bit = 1 << self._count
        self._count += 1
        self._start_over()
        return bit

    def _start_over(self) -> None:
        """Words that were seen may set the bit that is new."""
        self._lengths = sorted({len(part) for part in self._parts})
        self._masks = [0]
        self._rows = {0: 0}  # the place of each mask: most words set no bit, and many the same
        self._column: Column[np.int32] = Column(self._rows_of, np.int32)

    def _rows_of(self, words: list[str]) -> Iterable[int]:
        for word in words:
            mask = reduce(or_, self._bits(word), 0)
            row = self._rows.setdefault(mask, len(self._masks))
            if row == len(self._masks):
                self._masks.append(mask)
            yield row

    def _bits(self, word: str) -> Iterator[int]:
        for token in (word, *word.split("'")) if "'" in word else (word,):
            if token in self._words:
                yield self._words[token]
        if _DIGIT.search(word):
            yield self.digit
        if len(word) > _LONG:
            yield from (bit for part, bit in self._parts.items() if part in word)
            return
        for length in self._lengths:
            for start in range(len(word) - length + 1):
                if bit := self._parts.get(word[start : start + length]):
                    yield bit


ATOMS: Final = Atoms()
"""Those of this process."""
