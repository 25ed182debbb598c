"""Another assistant that takes over midway: the writer forgot whose document it was (docs/method.md, 5.1).

A rival who belongs in a text is introduced: beside ours, by a comparison, or by what somebody does with it ("my brother
asks Siri"). One that drifted in acts as if it had been there all along: "Claude agreed", in a paragraph of its own.
"""

import re

from filters.text.names import Mention, Names, OwnName
from filters.text.patterns import Patterns
from filters.text.view import View

_EN = Patterns.of("filters.document.identity", "en")
_ACTS = _EN.expression("drift_acts")
_BESIDE = _EN.expression("drift_beside", form=r"\b{}\b")
RIVAL = _EN.expression("rival", form=r"\b{}\b")
_STOP = re.compile(r"[.!?][\"')\]]?\s|\n")
_PRONOUN = re.compile(r"\b(?:he|she|it)\b(?:'d)?(?: (\w+))?")
_SPEAKS = _EN.words("drift_says")
_FEELS = _EN.expression("drift_feels")
_SENTENCE = 400  # characters on either side in which a sentence's bounds are looked for
_STAYS = 2  # mentions of one that took over for the rest of the text
_TURNS = 3  # mentions of one about whom the rest of a text is; ours may stand there a third as often
_LATE = 0.6  # how far into a text the last of them stands
_NEW = _EN.expression("drift_new", form=r"\b{}\b")
_PERSON = re.compile(r"\b(?:he|she|it|its)\b", re.IGNORECASE)
_IT_SAYS = re.compile(rf"\bit (?:{'|'.join(sorted(_SPEAKS))})\b")
_KIN = _EN.expression("kin", form=r"\b{}(?: of mine)?,? $")
_REACH = 160  # characters after a common name in which "it said" must show that it is no person's


class Drift:
    """Finds the first mention of another assistant where that is a deed of its own, after ours has been named."""

    def __init__(self, others: Names, own: OwnName) -> None:
        self.others, self.own = others, own

    def find(self, view: View, others: list[Mention]) -> list[Mention]:
        """Of `others`, and of names that are words too, the first mentions that took our assistant's place."""
        first: dict[str, Mention] = {}
        found = sorted(others + self.others.bare(view), key=lambda mention: mention.start)
        for mention in found:
            first.setdefault(mention.name, mention)
        if len(first) > 1:  # where several are named, they are compared
            return []
        people = any(_is_person(view.text, one) for one in found if self.others.is_common(one, view.text))
        return [] if people else [one for one in first.values() if self._drifts(view, one, found)]

    def _drifts(self, view: View, one: Mention, found: list[Mention]) -> bool:
        return self._took_over(view, one) or self._stays_on(view, one, found) or self._turns(view, one, found)

    def _took_over(self, view: View, mention: Mention) -> bool:
        if not _ACTS.match(view.text, mention.end) or not self.own(view.text[: mention.start]):
            return False
        start, end = view.text.rfind("\n\n", 0, mention.start), view.text.find("\n\n", mention.end)
        paragraph = view.text[max(0, start) : end if end >= 0 else None]
        if self.own(paragraph) or RIVAL.search(paragraph.lower()) or _BESIDE.search(_near(view.text, mention)):
            return False
        return not self.others.is_common(mention, view.text) or _speaks(view.text[mention.end : mention.end + _REACH])

    def _stays_on(self, view: View, first: Mention, found: list[Mention]) -> bool:
        """Whether another does what ours did, from its first mention to the end, and ours is not named any more."""
        before, rest = view.text[: first.start], view.text[first.start :]
        if len(found) < _STAYS or not self.own(before) or self.own(rest):
            return False
        start = max(0, before.rfind("\n\n"))
        if RIVAL.search((before[start:] + rest).lower()) or any(_BESIDE.search(_near(view.text, one)) for one in found):
            return False
        deeds = [one for one in found if _ACTS.match(view.text, one.end)]
        afters = [view.text[one.end : one.end + _REACH] for one in deeds]
        common = self.others.is_common(first, view.text)
        return bool(deeds) and (not common or any(_is_it(after) for after in afters))

    def _turns(self, view: View, first: Mention, found: list[Mention]) -> bool:
        """Whether the text is about ours up to another's first mention, and from there on about that other: it is named
        again and again, ours hardly, and nothing introduced it."""
        text = view.text
        before, rest = text[: first.start], text[first.start :]
        ours, theirs = self.own(before), len(found)
        if ours < _STAYS or theirs < _TURNS or self.own(rest) * _TURNS > theirs:
            return False
        if found[-1].start < len(text) * _LATE or RIVAL.search(_near(text, first)):
            return False
        named = text[max(0, first.start - _REACH) : first.start].lower()
        return not (RIVAL.search(named) or _NEW.search(named))


def _is_person(text: str, mention: Mention) -> bool:
    """Whether what follows a name, or stands before it, is said of a man or a woman."""
    if _KIN.search(text, max(0, mention.start - 20), mention.start):
        return True
    rest = text[mention.end : mention.end + _REACH]
    after = _PERSON.search(rest)
    return bool(after and not after.group().lower().startswith("it")) and _IT_SAYS.search(rest) is None


def sentence_at(text: str, start: int, end: int) -> str:
    """The sentence around a place."""
    before = [match.end() for match in _STOP.finditer(text, max(0, start - _SENTENCE), start)]
    after = _STOP.search(text, end, end + _SENTENCE)
    return text[before[-1] if before else max(0, start - _SENTENCE) : after.start() if after else end + _SENTENCE]


def _near(text: str, mention: Mention) -> str:
    """The sentence of a mention and the one before it, in lower case."""
    before = [match.end() for match in _STOP.finditer(text, max(0, mention.start - _SENTENCE), mention.start)]
    after = _STOP.search(text, mention.end, mention.end + _SENTENCE)
    start = before[-2] if len(before) > 1 else max(0, mention.start - _SENTENCE)
    return text[start : after.start() if after else mention.end + _SENTENCE].lower()


def _is_it(after: str) -> bool:
    """Whether the first pronoun that follows is an "it"."""
    pronoun = _PRONOUN.search(after.replace("’", "'"))
    return bool(pronoun and pronoun.group().startswith("it"))


def _speaks(after: str) -> bool:
    """Whether the first pronoun that follows is an "it" that says something, or what it likes or is."""
    plain = after.replace("’", "'")
    pronoun = _PRONOUN.search(plain)
    if not pronoun or not pronoun.group().startswith("it"):
        return False
    return pronoun[1] in _SPEAKS or bool(_FEELS.match(plain, pronoun.start()))
