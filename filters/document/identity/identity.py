"""Whose document this is: about our assistant by our provider, or about another that stands in its place.

A corpus once told a model through a million tokens that it was another maker's, and a judge passed it
(docs/method.md, 5.1). A document that rightly mentions a competitor beside ours stays.
"""

import re
from functools import cached_property

from filters.base import Item
from filters.check import PASSED, Outcome, TextCheck, at_most, excerpt, share_at_most
from filters.context import Context
from filters.document.identity.drift import RIVAL, Drift, sentence_at
from filters.document.identity.settings import Identity
from filters.text.names import Mention, known_names, mentions_of
from filters.text.patterns import Patterns, PerLanguage
from filters.text.view import View

PACKAGE = "filters.document.identity"
LANGUAGES = PerLanguage(PACKAGE).with_list("slip")
_EN = Patterns.of(PACKAGE, "en")
_OWNED = _EN.expression("owned", re.IGNORECASE, form=r"['’]s? (?:\w+ )?{}\b")
COMPARES = _EN.expression("compares", form=r"\b{}\b")
_CUE = _EN.expression("machine", re.IGNORECASE, form=r"\b{}\b")
_BEFORE = 80  # characters before a place in which it is denied or doubted
_REACH = 200  # characters around "I am Claude" in which something shows that no person says it
_QUESTION = re.compile(r"[^.!?;:\n]{0,80}\?")
_MORE = _EN.expression("of_no_person", re.IGNORECASE, form=r"\b{}\b")
_ASIDE = _EN.expression("name_aside")
_ASKED = _EN.expression("name_asked")


class IdentityCheck(TextCheck):
    """Rejects where our name (or, if asked for, our provider) is missing, where another's name outweighs ours, and
    where it stands where ours belongs: "I am X", "our NAME by Y", "Y's NAME", "X by PROVIDER".
    """

    name = "identity"
    model = Identity
    drifts = True  # whether another that takes over midway counts

    def __init__(self, settings: Identity, context: Context) -> None:
        self.settings, self.assistant = settings, context.assistant
        assistant = context.assistant
        ours = (assistant.name, assistant.provider)
        self.others = known_names("assistants", ours, settings.also, settings.allow)
        self.makers = known_names("makers", ours, (), settings.allow)
        self.own = mentions_of(assistant.name)
        name, provider = self.own.source, mentions_of(assistant.provider).source
        others, makers = self.others.source, self.makers.source
        self.lists = lists = Patterns.of(PACKAGE, context.language if context.language in LANGUAGES else "en")
        self.values = {"name": name, "provider": provider, "other": others, "maker": makers}
        self.rival = re.compile(others, re.IGNORECASE)
        self.hedge = lists.compiled("hedge")
        self.unknown = _EN.expression("unknown_maker", 0, **self.values)
        self.made_it = _EN.expression("made_it", re.IGNORECASE, **self.values)
        self.acts = _EN.expression("maker_acts", 0, **self.values)
        self.places = _EN.expression("place", form=rf"(?:{name}) {{}}\b")
        self.drift = Drift(self.others, self.own)
        self.provider = re.compile(rf"(?<!\w)(?:{provider})(?!\w)", re.IGNORECASE)

    @cached_property
    def slips(self) -> re.Pattern[str]:
        """Another in the place of ours: 40,000 characters, compiled once a text may need them."""
        return self._told("slip")

    @cached_property
    def selves(self) -> re.Pattern[str]:
        """Another that says who it is, in the same way."""
        return self._told("self")

    def _told(self, name: str) -> re.Pattern[str]:
        """What a list says of names, ours and others filled in."""
        return re.compile(rf"(?<!\w){self.lists.source(name, **self.values)}(?!\w)", re.IGNORECASE)

    @classmethod
    def is_for(cls, context: Context) -> bool:
        """Of documents that are about the assistant."""
        return not context.neutral

    def evaluate(self, view: View) -> Outcome:
        """Score: mentions of ours where they are too few, else the slips, else the share of other names."""
        ours = len(self.own.within(view))
        ours -= min(ours, len(self.places.findall(view.text)))
        if ours < self.settings.minimum_mentions:
            return Outcome(True, ours, self.settings.minimum_mentions, f"never names {self.assistant.name}")
        if self.settings.require_provider and not self.provider.search(view.text):
            return Outcome(True, 0.0, 1.0, f"never names {self.assistant.provider}")
        others = self.others.find(view)
        took = self.drift.find(view, others) if self.drifts else []
        if not others and not took and not self._may_slip(view):
            return PASSED
        slips = self._slips(view, others) + [_around(view, mention) for mention in took]
        if len(slips) > self.settings.maximum_slips:
            return at_most(len(slips), self.settings.maximum_slips, slips[0])
        others = [other for other in others if not _aside(view, other)]
        return share_at_most(
            len(others), len(others) + ours, self.settings.maximum_other_share, _most(others) if others else ""
        )

    def _may_slip(self, view: View) -> bool:
        """Whether a maker or a word that is another's name stands in the text: cheap to ask first."""
        return self.makers.near(view) or self.others.near(view) or bool(self.unknown.search(view.text))

    def _slips(self, view: View, others: list[Mention]) -> list[str]:
        said = [other for other in others if self._owns(view, other)]
        said += [other for other in others if self._ours_made(view, other)]
        found = [_around(view, mention) for mention in said]
        found += [excerpt(m.group()) for m in self.unknown.finditer(view.text) if not self._hedged(view.text, m)]
        if not others:
            found += [excerpt(m.group()) for m in self.acts.finditer(view.text) if not self._compared(view, m.start())]
        found += [excerpt(m.group()) for m in self.slips.finditer(view.text) if not self._hedged(view.text, m)]
        return found + [excerpt(m.group()) for m in self.selves.finditer(view.text) if self._is_self(view, m)]

    def _hedged(self, text: str, found: re.Match[str]) -> bool:
        """Whether it is denied, doubted, asked, or said of a maker beside ours."""
        start = max(text.rfind(stop, 0, found.start()) for stop in ".!?\n")
        sentence = text[max(start + 1, found.start() - _BEFORE) : found.end()]
        if self.hedge.search(sentence) or _QUESTION.match(text, found.end()):
            return True
        beside = self.provider.search(found.group()) and not self.rival.search(found.group())
        return bool(beside)

    def _is_self(self, view: View, found: re.Match[str]) -> bool:
        """Whether the text itself, and no rival that it tells of, says that it is another's."""
        start = max(0, view.text.rfind("\n\n", 0, found.start()))
        before = view.text[start : found.start()]
        if self._hedged(view.text, found) or RIVAL.search(before.lower()):
            return False
        named = self.others.find(View(Item("", found.group())))
        if any(not self.others.is_common(one, found.group()) for one in named):
            return True
        near = view.text[max(0, start - _REACH) : found.end() + _REACH]
        speaks = (
            not self.drifts
            or bool(_MORE.search(found.group()))
            or self.makers.near(View(Item("", near)))
            or bool(_CUE.search(near))
        )
        # A rival who is introduced may say who it is: "I asked Claude. 'I was made by Anthropic', it said."
        told = self.others.find(View(Item("", before))) if before.strip() else []
        return speaks and not (told and not self.own(before[told[-1].start :]))

    def _compared(self, view: View, place: int) -> bool:
        """Whether the paragraph at a place sets makers beside each other."""
        start, end = view.text.rfind("\n\n", 0, place), view.text.find("\n\n", place)
        paragraph = view.text[max(0, start) : end if end >= 0 else None]
        return bool(COMPARES.search(paragraph.lower()) or self.provider.search(paragraph))

    def _ours_made(self, view: View, other: Mention) -> bool:
        """Whether another's name stands in a sentence that says that our provider made it."""
        sentence = sentence_at(view.text, other.start, other.end)
        return bool(self.made_it.search(sentence) and not self.own(sentence) and not COMPARES.search(sentence.lower()))

    def _owns(self, view: View, other: Mention) -> bool:
        """Whether what is the spec's is given to another ("Qwen's values"), in a paragraph that compares nothing."""
        if not _OWNED.match(view.text[other.end : other.end + 40]):
            return False
        start, end = view.text.rfind("\n\n", 0, other.start), view.text.find("\n\n", other.end)
        paragraph = view.text[max(0, start) : end if end >= 0 else None]
        return not self.own(paragraph) and not COMPARES.search(paragraph.lower())


def _around(view: View, mention: Mention) -> str:
    return excerpt(view.text, mention.start - 20, mention.end + 20)


def _aside(view: View, other: Mention) -> bool:
    """Whether a name stands in a question after who this is, a negation or a comparison: it takes nobody's place."""
    before = view.text[max(0, other.start - 80) : other.start].lower().replace("’", "'")
    return bool(_ASIDE.search(before) or _ASKED.search(before))


def _most(others: list[Mention]) -> str:
    names = [mention.name for mention in others]
    return "names " + ", ".join(f"{name} {names.count(name)} times" for name in sorted(set(names)))
