"""Where names stand in a text, by whose they are: a clause is told by its wording, whatever the assistant's name."""

from collections.abc import Sequence
from functools import lru_cache

from filters.clauses.features import MAKER, NAME, OTHER, RIVAL
from filters.text.names import known_names, mentions_of
from filters.text.view import View


class Slots:
    """The assistant's names and makers, and all others that are known."""

    def __init__(self, names: Sequence[str], makers: Sequence[str]) -> None:
        self._own = {NAME: [mentions_of(name) for name in names], MAKER: [mentions_of(name) for name in makers]}
        ours = (*names, *makers)
        self._others = {OTHER: known_names("assistants", ours), RIVAL: known_names("makers", ours)}

    def places(self, view: View) -> dict[str, list[int]]:
        """Where each kind of name begins; another's also where it may be a word, as a clause says what it is."""
        found = {slot: [place for one in own for place in one.within(view)] for slot, own in self._own.items()}
        for slot, names in self._others.items():
            near = names.near(view)
            found[slot] = [one.start for one in (*names.find(view), *names.bare(view))] if near else []
        return found


@lru_cache(maxsize=16)
def slots_of(name: str, maker: str) -> Slots:
    """The slots of an assistant, kept: every check of a kind asks for them, and each stage of a build makes its checks
    anew."""
    return Slots((name,), (maker,))
