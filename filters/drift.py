"""Another assistant that takes over midway: the writer forgot whose document it was (field-notes, section 5, item 1).

A rival who belongs in a text is introduced: beside ours, by a comparison, or by what somebody does with it ("my brother
asks Siri"). One that drifted in acts as if it had been there all along: "Claude agreed", in a paragraph of its own.
"""

import re
from collections.abc import Callable

from filters.names import Mention, Names
from filters.view import View

_ACTS = re.compile(
    r"(?:,? (?:\w+ly|then|also|itself),?)? (?:(?:had|has|would|will|did) (?:not )?)?"
    r"(?:(?:agree|answer|explain|suggest|declin|refus|draft|offer|add|warn|apologi[sz]|recommend|prefer|report|stopp?|"
    r"list|paus|ask|choos|point|not)(?:e?s|e?d)?|repl(?:y|ies|ied)|sa(?:y|ys|id)|t(?:ell|ells|old)|writes?|wrote|written|"
    r"chose|(?:was|is|were|got) (?:asked|told))\b|['’]s (?:answer|reply|reason|response|advice|draft)\b",
)
_BESIDE = re.compile(
    r"\b(?:unlike|whereas|than|versus|vs|compar\w+|competitors?|rivals?|other|others|another|both|instead|alternatives?|"
    r"similar\w*|differ\w*|switch\w*|too|tried|same|second|previous|former|earlier|older|next)\b"
)
_PRONOUN = re.compile(r"\b(?:he|she|it)\b(?: (\w+))?")
_SPEAKS = frozenset(
    ["said", "says", "added", "answered", "replied", "told", "explained", "wrote", "asked", "suggested", "declined"]
)
_REACH = 160  # characters after a common name in which "it said" must show that it is no person's


class Drift:
    """Finds the first mention of another assistant where that is a deed of its own, after ours has been named."""

    def __init__(self, others: Names, own: Callable[[str], int]) -> None:
        self.others, self.own = others, own

    def find(self, view: View, others: list[Mention]) -> list[Mention]:
        """Of `others`, and of names that are words too, the first mentions that took our assistant's place."""
        first: dict[str, Mention] = {}
        for mention in sorted(others + self.others.bare(view), key=lambda mention: mention.start):
            first.setdefault(mention.name, mention)
        return [mention for mention in first.values() if self._took_over(view, mention)]

    def _took_over(self, view: View, mention: Mention) -> bool:
        if not _ACTS.match(view.text, mention.end) or not self.own(view.text[: mention.start].lower()):
            return False
        start, end = view.text.rfind("\n\n", 0, mention.start), view.text.find("\n\n", mention.end)
        paragraph = view.text[max(0, start) : end if end >= 0 else None].lower()
        if self.own(paragraph) or _BESIDE.search(paragraph):
            return False
        return not self.others.is_common(mention.name) or _speaks(view.text[mention.end : mention.end + _REACH])


def _speaks(after: str) -> bool:
    """Whether the first pronoun that follows is an "it" that says something."""
    pronoun = _PRONOUN.search(after)
    return bool(pronoun and pronoun.group().startswith("it") and pronoun[1] in _SPEAKS)
