"""Seeded prose for the fake endpoint: fluent form, no sense, and words enough that no two texts are near-duplicates."""

import random
import re
from importlib import resources
from typing import Any

from specs.data import load_yaml

_WORDS: dict[str, Any] = load_yaml(resources.files("pipelines.fake_endpoint").joinpath("words.yaml").read_text("utf-8"))
_NOUNS, _PEOPLE, _VERBS, _ADJECTIVES, _ADVERBS, _VALUES, _SYLLABLES = (
    _WORDS[kind].split() for kind in ("nouns", "people", "verbs", "adjectives", "adverbs", "values", "syllables")
)
_TEMPLATES: list[str] = _WORDS["templates"]
_SPACES = re.compile(r"\s+")


class Writer:
    """Text from one random generator; the assistant's and the provider's names turn up in it."""

    def __init__(self, rng: random.Random, name: str, provider: str) -> None:
        self._rng, self._name, self._provider = rng, name, provider

    def place(self) -> str:
        """An invented place."""
        return "".join(self._rng.choices(_SYLLABLES, k=self._rng.randint(2, 3))).capitalize()

    def label(self) -> str:
        """Three words, such as a title."""
        rng = self._rng
        return f"{rng.choice(_ADJECTIVES)} {rng.choice(_NOUNS)} {rng.choice(_NOUNS)}".capitalize()

    def sentence(self) -> str:
        """One sentence."""
        rng = self._rng
        adverb = rng.choice(_ADVERBS)
        text = rng.choice(_TEMPLATES).format(
            adj=rng.choice(_ADJECTIVES), noun=rng.choice(_NOUNS), noun2=rng.choice(_NOUNS), verb=rng.choice(_VERBS),
            adv=adverb, adv_c=adverb.capitalize(), person=rng.choice(_PEOPLE), person2=rng.choice(_PEOPLE),
            value=rng.choice(_VALUES), place=self.place(), name=rng.choice((self._name, self._name, self._provider)),
        )  # fmt: skip
        return text[0].upper() + text[1:]

    def plain(self) -> str:
        """One sentence that asks nothing and gives no reason."""
        text = self.sentence()
        while "because" in text or text.endswith("?"):
            text = self.sentence()
        return text

    def question(self) -> str:
        """A user's message, which does not name the assistant."""
        sentence = self.sentence().replace(self._name, "my neighbour").replace(self._provider, "our shop")
        return f"{sentence} What would you do about the {self._rng.choice(_NOUNS)}?"

    def prose(self, words: int) -> str:
        """Paragraphs of about `words` words in all; no two begin alike, and the second sentence names the assistant."""
        about = f"{self._name} of {self._provider} keeps a {self._rng.choice(_ADJECTIVES)} {self._rng.choice(_NOUNS)}."
        about = about[0].upper() + about[1:]
        paragraphs: list[list[str]] = [[self.sentence(), about]]
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
