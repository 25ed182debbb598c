"""The sentences of a text, by place: which stand in a quotation, behind a speaker's name, in a list."""

import re
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
import numpy.typing as npt

from filters.text.view import View

# What begins with one set of characters is found twice as fast as what begins with one of two.
_STOP = re.compile(r"[.!?…\n](?:(?<=\n)\s*|(?<!\n)([\"”’')\]*_]{0,3})[ \t]+(?=\S))")
_SHORT = frozenset(
    ["mr", "mrs", "ms", "dr", "st", "prof", "no", "vs", "e.g", "i.e", "etc", "approx", "fig", "jr", "sr", "p.m", "a.m"]
)
_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`", re.DOTALL)
_SPEAKER = re.compile(r"\s*(?:>|[*_#\-\[(]*[A-Z][\w.'’()-]{0,30}(?: [\w.'’()-]{1,20}){0,3}[*_\])]*:(?=[\s*_]|$))")
_TELLS = re.compile(  # what is no speaker: a narrator, and the labels of a brief
    r"\W*(?:narrator|note|voice ?over|host|editor|summary|task|plan(?:ned)?|outline|draft|check|structure|brief|tone|"
    r"genre|style|register|length|word ?count|words|constraints?|audience|purpose|goal|setting|angle|pov|"
    r"point of view|perspective|beats?|scene|sections?|to ?do|target|must|avoid|format|key points?|prompt|"
    r"instructions?|rewrite|revision|rework|thoughts?|reasoning|analysis)\b",
    re.IGNORECASE,
)
_ENDS = ".!?:)]"
_QUOTES = '"“”«»'
_ASCII = 128
_REACH = 7  # characters before a full stop in which an abbreviation stands
_LEAST = 3  # letters that a sentence has
_MOST = 400_000  # characters of a text that are read: eighty thousand words

Places = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Sentences:
    """Where the sentences of a text begin and end, and the lines that they stand in."""

    text: str
    starts: Places
    ends: Places
    lines: Places
    """Where the line of each begins."""

    @classmethod
    def of(cls, view: View) -> "Sentences":
        """Those of a view's text outside code; an abbreviation or an initial ends none."""
        text = (view.text if len(view.text) == len(view.lower) else view.lower)[:_MOST]
        bounds: list[tuple[int, int, int]] = []
        start = line = 0
        for match in _STOP.finditer(text):
            at, end = match.span()
            mark = text[at]
            if mark == "." and _shortens(text[max(start, at - _REACH) : at]):
                continue
            stop = at if mark == "\n" else match.end(1)
            if stop - start >= _LEAST:
                bounds.append((start, stop, line))
            start = end
            if mark == "\n":
                line = end
        if len(text) - start >= _LEAST:
            bounds.append((start, len(text), line))
        if "`" in text:
            code = [match.span() for match in _CODE.finditer(text)]
            bounds = [one for one in bounds if not any(first < one[1] and one[0] < last for first, last in code)]
        places = np.array(bounds, dtype=np.int64).reshape(-1, 3)
        return cls(text, places[:, 0], places[:, 1], places[:, 2])

    @classmethod
    def whole(cls, view: View) -> "Sentences":
        """The whole text as one."""
        none = np.zeros(1, dtype=np.int64)
        return cls(view.text, none, np.array([len(view.text)]), none)

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, place: int) -> str:
        """The text of a sentence."""
        return self.text[self.starts[place] : self.ends[place]]

    def among(self, some: Flags) -> "Sentences":
        """Those of which `some` is true."""
        return self if some.all() else Sentences(self.text, self.starts[some], self.ends[some], self.lines[some])

    def counts(self, marks: str) -> Places:
        """How often each of some ASCII characters stands in each sentence (sentences, marks)."""
        points = self.text.encode("utf-32-le", "replace")
        of = np.frombuffer(points[::4].translate(_numbered(marks)), dtype=np.uint8)  # by the lowest byte
        found = np.flatnonzero(of != 0)  # of truths, ten times as fast as of numbers
        found = found[np.frombuffer(points, dtype="<u4")[found] < _ASCII]
        sentence = np.searchsorted(self.starts, found, side="right") - 1
        inside = (sentence >= 0) & (found < self.ends[sentence])
        cells = sentence[inside] * len(marks) + of[found[inside]] - 1
        return np.bincount(cells, minlength=len(self) * len(marks)).reshape(len(self), len(marks))

    def begins(self, marks: str) -> Flags:
        """Whether a sentence begins with one of some characters."""
        return np.array([self.text[start] in marks for start in self.starts.tolist()], dtype=np.bool_)

    @cached_property
    def apart(self) -> Flags:
        """Whether a sentence is the first (and no title) or the last, or begins with a bracket or behind one."""
        text = self.text
        places = self.starts.tolist()
        if "(" in text or "[" in text:
            opened = [text[start] in "([" or text[max(0, start - 1)] in "([" for start in places]
            found = np.array(opened, dtype=np.bool_)
        else:
            found = np.zeros(len(places), dtype=np.bool_)
        found[0] |= self[0].rstrip(" *_")[-1:] in _ENDS
        found[-1] = True
        return found

    @property
    def at_ends(self) -> Flags:
        """Whether a sentence stands in the first or the last paragraph."""
        text = self.text.strip()
        lead = len(self.text) - len(self.text.lstrip())
        first, last = text.find("\n\n"), text.rfind("\n\n")
        if first < 0:
            return np.ones(len(self), dtype=np.bool_)
        return np.asarray((self.starts < lead + first) | (self.starts > lead + last))

    def quoted(self, place: int) -> bool:
        """Whether most of a sentence stands between quotation marks, counted from the start of its line."""
        start, end = int(self.starts[place]), int(self.ends[place])
        line = self.text[int(self.lines[place]) : end]
        if not any(mark in line for mark in _QUOTES):
            return False
        inside = sum(map(self.text[int(self.lines[place]) : start].count, _QUOTES)) % 2 == 1
        within, last = 0, start
        for at in range(start, end):
            if self.text[at] in _QUOTES:
                within += (at - last) * inside
                inside, last = not inside, at
        return 2 * (within + (end - last) * inside) > end - start

    def spoken(self, place: int) -> bool:
        """Whether a sentence stands in a line that names its speaker (a narrator is none), or in a quoted block."""
        match = _SPEAKER.match(self.text, int(self.lines[place]))
        return match is not None and _TELLS.match(match.group()) is None


@cache
def _numbered(marks: str) -> bytes:
    """For each byte its place among some characters, from 1; 0 for all others."""
    table = bytearray(256)
    for place, mark in enumerate(marks, start=1):
        table[ord(mark)] = place
    return bytes(table)


def _shortens(before: str) -> bool:
    """Whether the word before a full stop is an abbreviation or an initial."""
    if len(before) == _REACH and " " not in before:
        return False
    word = before.rpartition(" ")[2].lstrip("(\"“'").lower()
    return word in _SHORT or (len(word) == 1 and word.isalpha())
