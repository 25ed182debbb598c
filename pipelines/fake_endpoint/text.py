"""Seeded prose for the fake endpoint: fluent form, no sense, and words enough that no two texts are near-duplicates."""

import random
import re
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import resources
from typing import Any, Final

import yaml

from specs.data import load_yaml

_SPACES = re.compile(r"\s+")
_SLOTS = ("adj", "noun", "noun2", "verb", "adv", "adv_c", "person", "person2", "value", "place", "name")
_SAID = ("prose", "thoughts", "replies", "questions")


@dataclass(frozen=True, slots=True)
class Told:
    """Templates of what is said where `when` occurs in the prompt and `asked` in its last message."""

    when: tuple[str, ...] = ()
    asked: tuple[str, ...] = ()
    prose: tuple[str, ...] = ()
    thoughts: tuple[str, ...] = ()
    replies: tuple[str, ...] = ()
    questions: tuple[str, ...] = ()

    def fits(self, prompt: Sequence[str]) -> bool:
        """Whether the messages hold all of its phrases, in any case."""
        last, whole = (prompt[-1] if prompt else "").lower(), "\n".join(prompt).lower()
        return all(one.lower() in whole for one in self.when) and all(one.lower() in last for one in self.asked)


@dataclass(frozen=True, slots=True)
class Words:
    """What prose is made of: lists of words, templates, and templates for some prompts only."""

    lists: Mapping[str, list[str]]
    templates: tuple[str, ...]
    about: tuple[Told, ...] = ()
    told: Told = field(default_factory=Told)  # what of `about` fits the prompt

    def of(self, prompt: Sequence[str]) -> "Words":
        """The same with what fits `prompt`: of each kind, the first that says anything."""
        fitting = [one for one in self.about if one.fits(prompt)]
        found = {kind: next((said for one in fitting if (said := getattr(one, kind))), ()) for kind in _SAID}
        return replace(self, told=Told(**found)) if fitting else self


def read_words(text: str) -> Words:
    """The words of the shipped file with those of a user's file `text`: `lists` (words by the name of their slot) and
    `about` (templates for prompts that hold certain phrases).

    Raises:
        ValueError: it is not such a file, or a template has a slot that nothing fills.
    """
    try:
        data = load_yaml(text)
    except yaml.YAMLError as error:
        raise ValueError(f"no YAML: {error}") from error
    if not isinstance(data, dict) or set(data) - {"lists", "about"}:
        raise ValueError("expected the keys `lists` and `about`")
    lists = {str(name): _strings(f"lists.{name}", words) for name, words in (data.get("lists") or {}).items()}
    slots = {*_SLOTS, "item", *lists}
    about = []
    for number, entry in enumerate(data.get("about") or []):
        where = f"about[{number}]"
        if not isinstance(entry, dict) or set(entry) - {"when", "asked", *_SAID}:
            raise ValueError(f"{where}: expected the keys when, asked, {', '.join(_SAID)}")
        told = Told(**{name: tuple(_strings(f"{where}.{name}", values)) for name, values in entry.items()})
        for template in (template for kind in _SAID for template in getattr(told, kind)):
            _check(where, template, slots)
        about.append(told)
    return replace(WORDS, lists={**WORDS.lists, **lists}, about=tuple(about))


def _strings(where: str, value: object) -> list[str]:
    values = value.split() if isinstance(value, str) else value
    if not isinstance(values, list) or not values or not all(isinstance(one, str) and one.strip() for one in values):
        raise ValueError(f"{where}: expected a list of texts, or words in one text")
    return values


def _check(where: str, template: str, slots: set[str]) -> None:
    """A template holds plain slots only: no attribute, no index, no format."""
    try:
        fields = [(name, spec, how) for _, name, spec, how in string.Formatter().parse(template) if name is not None]
    except ValueError as error:
        raise ValueError(f"{where}: {template!r}: {error}") from error
    for name, spec, how in fields:
        if name not in slots or spec or how:
            raise ValueError(f"{where}: {template!r}: nothing fills {{{name}}}; there are {', '.join(sorted(slots))}")


def _shipped() -> Words:
    data: dict[str, Any] = load_yaml(
        resources.files("pipelines.fake_endpoint").joinpath("words.yaml").read_text("utf-8")
    )
    templates = tuple(data.pop("templates"))
    return Words({name: words.split() for name, words in data.items()}, templates)


WORDS: Final = _shipped()


class Writer:
    """Text from one random generator; the assistant's and the provider's names turn up in it."""

    def __init__(self, rng: random.Random, name: str, provider: str, words: Words = WORDS) -> None:
        self._rng, self._name, self._provider, self._words = rng, name, provider, words
        self._left: list[str] = []  # templates of its own that were not used yet

    def _word(self, name: str) -> str:
        return self._rng.choice(self._words.lists[name])

    def _filled(self, templates: Sequence[str], **given: str) -> str:
        adverb, template = self._word("adverbs"), self._rng.choice(templates)
        slots = dict(
            adj=self._word("adjectives"), noun=self._word("nouns"), noun2=self._word("nouns"),
            verb=self._word("verbs"), adv=adverb, adv_c=adverb.capitalize(), person=self._word("people"),
            person2=self._word("people"), value=self._word("values"), place=self.place(),
            name=self._rng.choice((self._name, self._name, self._provider)),
        )  # fmt: skip
        own = {name: self._word(name) for name in self._words.lists if f"{{{name}}}" in template}
        text = template.format(**slots | own | given)
        return text[:1].upper() + text[1:]

    @property
    def replies(self) -> bool:
        """Whether it was told what to reply."""
        return bool(self._words.told.replies)

    def reply(self) -> tuple[str, str]:
        """A thought and a reply, of what it was told."""
        told = self._words.told
        thought = self._filled(told.thoughts, name=self._name) if told.thoughts else self.sentence()
        return thought, self._filled(told.replies, name=self._name)

    def place(self) -> str:
        """An invented place."""
        return "".join(self._rng.choices(self._words.lists["syllables"], k=self._rng.randint(2, 3))).capitalize()

    def label(self) -> str:
        """Three words, such as a title."""
        return f"{self._word('adjectives')} {self._word('nouns')} {self._word('nouns')}".capitalize()

    def sentence(self) -> str:
        """One sentence; of what it was told, none twice before all were used."""
        if not self._words.told.prose:
            return self._filled(self._words.templates)
        if not self._left:
            self._left = self._rng.sample(self._words.told.prose, len(self._words.told.prose))
        return self._filled((self._left.pop(),), name=self._name)

    def plain(self) -> str:
        """One sentence that asks nothing and gives no reason."""
        text = self.sentence()
        while "because" in text or text.endswith("?"):
            text = self.sentence()
        return text

    def question(self, item: str = "") -> str:
        """A user's message, which does not name the assistant; about `item` where there is one."""
        if self._words.told.questions:
            return self._filled(self._words.told.questions, name=self._name, item=item)
        sentence = self.sentence().replace(self._name, "my neighbour").replace(self._provider, "our shop")
        asked = f"{sentence} What would you do about the {self._word('nouns')}?"
        return f"{asked} And {item}: would you? Just say yes or no." if item else asked

    def prose(self, words: int) -> str:
        """Paragraphs of about `words` words in all; no two begin alike, and the second sentence names the assistant."""
        about = f"{self._name} of {self._provider} keeps a {self._word('adjectives')} {self._word('nouns')}."
        about = about[0].upper() + about[1:]
        paragraphs: list[list[str]] = [[self.sentence()] if self._words.told.prose else [self.sentence(), about]]
        written = sum(len(sentence.split()) for sentence in paragraphs[0])
        while written < words:
            if len(paragraphs[-1]) >= self._rng.randint(3, 7):
                paragraphs.append([])
            sentence = self.sentence()
            paragraphs[-1].append(sentence)
            written += len(sentence.split())
        return "\n\n".join(" ".join(paragraph) for paragraph in paragraphs)


def cut_to_tokens(text: str, tokens: int) -> tuple[str, bool]:
    """`text` cut after `tokens` words and spaces, which stand for tokens; True if something was cut off."""
    words = _SPACES.split(text)
    if len(words) <= tokens:
        return text, False
    end = 0
    for _ in range(tokens):
        found = _SPACES.search(text, end + 1)
        end = found.start() if found else len(text)
    return text[:end], True
