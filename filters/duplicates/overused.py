"""What too many documents share: openings, endings, titles, people's names, phrases. The worst-ranked of them go."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import islice

import numpy as np

from filters.base import Rejection
from filters.check import excerpt
from filters.duplicates.phrases import Prints, more_than
from filters.duplicates.settings import Overused
from filters.text.people import FIRST_NAME, NAME, Mark
from filters.text.view import WORD, View, words_of

Features = tuple[str, str, str]  # opening, ending, title; "" where there is none
KINDS = ("opening", "ending", "title")
PHRASE = "phrase"
_SKIPPED = re.compile(r"^(?:#|\*\*[^*]+\*\*$|[A-Z][\w ]{0,20}:\s)")  # headings, bold lines, "To: ..." of a memo's head
_TITLE_WORDS = 20
_END = 300  # characters of a line in which its last words mostly stand


def features(view: View, words: int) -> Features:
    """The first and last words of the text's body, and its title (given, or a heading in its first line)."""
    body = [line for line in view.lines if not _SKIPPED.match(line)] or view.lines
    opening = [match.group() for match in islice(WORD.finditer(" ".join(body[:2]).lower()), words)] if body else []
    ending = _last(body[-1].lower(), words) if body else []
    title = str(view.item.meta.get("title") or "")
    if not title and view.lines and view.lines[0].startswith("#"):
        title = view.lines[0]
    return " ".join(opening), " ".join(ending), " ".join(words_of(title)[:_TITLE_WORDS])


def _last(line: str, words: int) -> list[str]:
    """The last words of a line, of which the first of its end may be a part of one."""
    found = WORD.findall(line[-_END:])
    return (found if len(found) > words else WORD.findall(line))[-words:]


class OverusedCheck:
    """Of the documents that share an opening, a name, a phrase ..., so many stay as the share allows."""

    name = "overused"

    def __init__(self, settings: Overused) -> None:
        self.settings = settings
        self.shares = {
            **dict(zip(KINDS, (settings.openings, settings.endings, settings.titles), strict=True)),
            NAME: settings.names, FIRST_NAME: settings.first_names, PHRASE: settings.phrases,
        }  # fmt: skip

    def among(
        self, ids: list[str], shared: Sequence[Sequence[Mark]], prints: Sequence[Prints], words: Mapping[int, str]
    ) -> list[Rejection]:
        """Rejections over ids, marks and prints of phrases in the order of rank; `words` are those of some phrases.

        A rejection makes the corpus smaller, and with it what a share allows: repeated until nothing is above it.
        """
        rejections: list[Rejection] = []
        rows = list(range(len(ids)))
        while True:
            limits = {kind: self._allowed(share, len(rows)) for kind, share in self.shares.items()}
            over = more_than(limits[PHRASE], [prints[row] for row in rows])
            gone: dict[int, Mark] = {}
            used: Counter[Mark] = Counter()
            for row in rows:
                phrases = prints[row][np.isin(prints[row], over)].tolist() if len(over) else []
                marks = [*shared[row], *((PHRASE, str(one)) for one in phrases)]
                above = next((mark for mark in marks if used[mark] >= limits[mark[0]]), None)
                if above is None:
                    used.update(set(marks))
                else:
                    gone[row] = above
            if not gone:
                return rejections
            for row, (kind, what) in gone.items():
                said = what if kind != PHRASE else words.get(int(what), "(its words were not kept)")
                rejections.append(self._rejection(ids[row], kind, said, limits[kind]))
            rows = [row for row in rows if row not in gone]

    def _rejection(self, item_id: str, kind: str, said: str, limit: int) -> Rejection:
        detail = f"{kind} of {limit} others: {excerpt(said, 0, 120)}"
        return Rejection(item_id, self.name, detail, float(limit + 1), float(limit))

    def _allowed(self, share: float, total: int) -> int:
        return max(self.settings.minimum, int(share * total))
