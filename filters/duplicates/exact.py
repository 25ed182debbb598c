"""The same text twice, or the same but for case, spacing and punctuation."""

import hashlib

from filters.base import Item, Rejection
from filters.duplicates.survivor_rank import ranked
from filters.text.view import words_of


def fingerprint(text: str) -> bytes:
    """128 bits of the text's words; of the text itself where it has none."""
    return fingerprint_of(words_of(text), text)


def fingerprint_of(words: list[str], text: str) -> bytes:
    """The same where the words are known."""
    return hashlib.blake2b((" ".join(words) or text).encode("utf-8", "replace"), digest_size=16).digest()


class ExactDuplicates:
    """One survivor a text."""

    name = "exact"

    def __call__(self, items: list[Item]) -> list[Rejection]:
        """A rejection for every item whose words another, better-ranked item has."""
        return self.among([(item.id, fingerprint(item.text)) for item in ranked(items)])

    def among(self, prints: list[tuple[str, bytes]]) -> list[Rejection]:
        """The same over (id, fingerprint) in the order of rank."""
        survivors: dict[bytes, str] = {}
        rejections = []
        for item_id, mark in prints:
            survivor = survivors.setdefault(mark, item_id)
            if survivor != item_id:
                rejections.append(Rejection(item_id, self.name, "the same words", 1.0, 1.0, survivor))
        return rejections
