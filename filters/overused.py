"""What too many documents share: openings, endings, titles. The best-ranked documents keep it, the others go."""

import re
from collections import Counter
from collections.abc import Sequence

from filters.base import Rejection
from filters.check import excerpt
from filters.settings import Overused
from filters.view import WORD, View, words_of

Features = tuple[str, str, str]  # opening, ending, title; "" where there is none
_KINDS = ("opening", "ending", "title")
_SKIPPED = re.compile(r"^(?:#|\*\*[^*]+\*\*$|[A-Z][\w ]{0,20}:\s)")  # headings, bold lines, "To: ..." of a memo's head
_TITLE_WORDS = 20


def features(view: View, words: int) -> Features:
    """The first and last words of the text's body, and its title (given, or a heading in its first line)."""
    body = [line for line in view.lines if not _SKIPPED.match(line)] or view.lines
    opening = WORD.findall(" ".join(body[:2]).lower())[:words] if body else []
    ending = WORD.findall(body[-1].lower())[-words:] if body else []
    title = str(view.item.meta.get("title") or "")
    if not title and view.lines and view.lines[0].startswith("#"):
        title = view.lines[0]
    return " ".join(opening), " ".join(ending), " ".join(words_of(title)[:_TITLE_WORDS])


class OverusedCheck:
    """Of the documents that share an opening, an ending or a title, so many stay as the share allows."""

    name = "overused"

    def __init__(self, settings: Overused) -> None:
        self.settings = settings

    def among(self, ids: list[str], shared: Sequence[Features]) -> list[Rejection]:
        """Rejections over ids and features in the order of rank.

        A rejection makes the corpus smaller, and with it what a share allows: repeated until nothing is above it.
        """
        rejections: list[Rejection] = []
        rows = list(range(len(ids)))
        while True:
            gone = self._pass(ids, shared, rows)
            if not gone:
                return rejections
            rejections += gone.values()
            rows = [row for row in rows if row not in gone]

    def _pass(self, ids: list[str], shared: Sequence[Features], rows: list[int]) -> dict[int, Rejection]:
        used: Counter[tuple[int, str]] = Counter()
        gone: dict[int, Rejection] = {}
        limits = [self._allowed(share, len(rows)) for share in self._shares()]
        for row in rows:
            marks = [(kind, text) for kind, text in enumerate(shared[row]) if text]
            over = next((mark for mark in marks if used[mark] >= limits[mark[0]]), None)
            if over is None:
                used.update(marks)
            else:
                kind, text = over
                detail = f"{_KINDS[kind]} of {limits[kind]} others: {excerpt(text)}"
                gone[row] = Rejection(ids[row], self.name, detail, float(limits[kind] + 1), float(limits[kind]))
        return gone

    def _shares(self) -> tuple[float, float, float]:
        return self.settings.openings, self.settings.endings, self.settings.titles

    def _allowed(self, share: float, total: int) -> int:
        return max(self.settings.minimum, int(share * total))
