"""An answer that says the user's message or its own reasoning again instead of answering; small models do."""

import numpy as np

from filters.chat.settings import Parroting
from filters.check import Outcome, TextCheck, share_at_most
from filters.text.overlap import member
from filters.text.view import View, hashes_of, ngrams_of, words_of

_N = 4  # words of the n-grams that are compared
_OPENING = 5  # words of the shortest message that an answer may not open with


class ParrotingCheck(TextCheck):
    """The answer opens with the message that it answers, or most of its words stand there, or nearly all in its
    reasoning, in the same order."""

    name = "parroting"
    model = Parroting
    looks_at = ("chats",)

    def evaluate(self, view: View) -> Outcome:
        """Score: share of the answer's 4-grams that the user's message has (`meta["query"]`), else that its reasoning
        has (`meta["reasoning"]`)."""
        asked = share_at_most(*_shared(view, "query"), self.settings.maximum, "the user's own message, said again")
        if asked.failed:
            return asked
        query = words_of(str(view.item.meta.get("query") or ""))
        if len(query) >= _OPENING and view.words[: len(query)] == query:
            return Outcome(True, 1.0, self.settings.maximum, "opens with the user's own message")
        return share_at_most(*_shared(view, "reasoning"), self.settings.maximum_reasoning, "its reasoning, said again")


def _shared(view: View, name: str) -> tuple[int, int]:
    """The answer's n-grams that stand in another text, and all."""
    other = np.unique(ngrams_of(hashes_of(words_of(str(view.item.meta.get(name) or ""))), _N))
    mine = ngrams_of(view.hashes, _N)
    return int(member(mine, other).sum()), len(mine)
