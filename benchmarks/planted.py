"""Corpora with planted truth: realistic documents of which it is known what is wrong with each, and how often.

Sentences are drawn from a small grammar of concepts, each with two wordings, so that a document can be said again
in other words (a paraphrase), or with a share of its sentences exchanged (a near duplicate at a known similarity).
"""

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import yaml

NAME, PROVIDER = "Juniper", "Larkfield"

_WORDINGS = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))
WHO, DID, WHAT, HOW, WHY, WHERE = (_WORDINGS[part] for part in ("who", "did", "what", "how", "why", "where"))
FRAMES: list[str] = _WORDINGS["frames"]
ADJECTIVES, NOUNS, PLACES, ADVERBS = (_WORDINGS[part] for part in ("adjectives", "nouns", "places", "adverbs"))
DETAILS = 28  # entries of each of the four
GENRES = [
    "internal memo",
    "field report",
    "newsletter column",
    "support guide",
    "panel transcript",
    "training handout",
    "book chapter",
]

TABLES = (WHO, DID, WHAT, HOW, WHY, WHERE)
THEME_SIZES = (2, 5, 3, 5, 3, 3)  # concepts of each table in a document of 300 words; more in a longer one
Theme = list[list[int]]
Concepts = tuple[int, int, int, int, int, int]
Wording = tuple[int, int, int, int, int, int]  # which wording of each concept (as bits), which frame, which details


@dataclass(frozen=True)
class Planted:
    """A document, and the truth: the reason for which it must go, or None; `of`: what it repeats."""

    id: str
    text: str
    reason: str | None = None
    kind: str = "plain"
    of: str | None = None
    frame: str = "insider"
    genre: str = "internal memo"
    position: int = 0
    meta: Mapping[str, str] = field(default_factory=dict)


class Writer:
    """Writes documents from a seed."""

    def __init__(self, seed: int, words: int) -> None:
        self.random, self.words = random.Random(seed), words

    def facts(self, theme: Theme | None = None) -> list[tuple[Concepts, Wording]]:
        """What a new document says of its theme, and how; a sentence has about 27 words."""
        pick, draw = self.random.choice, self.random.randrange
        theme = theme or self.theme()
        return [
            (
                tuple(pick(concepts) for concepts in theme),
                (draw(64), draw(len(FRAMES)), *(draw(DETAILS) for _ in range(4))),
            )  # type: ignore[misc]
            for _ in range(max(2, round(self.words * self.random.uniform(0.7, 1.3) / 27)))
        ]

    def theme(self) -> Theme:
        """The few concepts that one document is about."""
        wider = max(1.0, (self.words / 200) ** 0.65)
        sizes = [min(len(table), round(few * wider)) for table, few in zip(TABLES, THEME_SIZES, strict=True)]
        return [self.random.sample(range(len(table)), size) for table, size in zip(TABLES, sizes, strict=True)]

    def text(self, facts: list[tuple[Concepts, Wording]]) -> str:
        """The document, five sentences a paragraph, under a title of its own."""
        sentences = [sentence(*fact) for fact in facts]
        first, (bits, *_) = facts[0]
        title = f"# {WHAT[first[2]][bits & 1].capitalize()}: notes from {WHO[first[0]][bits & 1]}"
        paragraphs = [" ".join(sentences[n : n + 5]) for n in range(0, len(sentences), 5)]
        return "\n\n".join([title, *paragraphs])

    def fresh(self, name: str) -> Planted:
        """A sound document."""
        return Planted(name, self.text(self.facts()), genre=self.random.choice(GENRES))

    def paraphrase(self, facts: list[tuple[Concepts, Wording]]) -> str:
        """The same facts in the other wording of every concept and in another frame."""
        other = [(said, (63 - bits, (frame + 1) % len(FRAMES), *more)) for said, (bits, frame, *more) in facts]
        return self.text(other)  # type: ignore[arg-type]

    def near(self, facts: list[tuple[Concepts, Wording]], jaccard: float) -> str:
        """So many sentences exchanged that the documents' shingles have about this Jaccard similarity."""
        share = 2 * jaccard / (1 + jaccard)
        other = list(facts)
        theme = [sorted({said[k] for said, _ in facts}) for k in range(len(TABLES))]
        for place in self.random.sample(range(1, len(facts)), min(len(facts) - 1, round(len(facts) * (1 - share)))):
            other[place] = self.facts(theme)[0]
        return self.text(other)


def sentence(said: Concepts, wording: Wording) -> str:
    """One sentence."""
    bits, frame, adjective, noun, place, adverb = wording
    detail = f" with a {ADJECTIVES[adjective]} {NOUNS[noun]}"
    who, did, what, how, why, where = (
        table[n][bits >> k & 1] for k, (table, n) in enumerate(zip(TABLES, said, strict=True))
    )
    who, how = f"{who} from {PLACES[place]}", f"{how} {ADVERBS[adverb]}"
    text = FRAMES[frame].format(who=who, did=did, what=what + detail, how=how, why=why, where=where, name=NAME)
    return text[0].upper() + text[1:]


def plain(count: int, words: int, seed: int = 1) -> Iterator[Planted]:
    """`count` sound documents of about `words` words; one in twenty is a copy, or a near copy (0.9), of another."""
    writer = Writer(seed, words)
    last = writer.facts()
    for n in range(count):
        if n % 40 == 39:
            yield Planted(f"d{n:07}", writer.text(last), "exact", of=f"d{n - 1:07}", position=n)
        elif n % 40 == 19:
            yield Planted(f"d{n:07}", writer.near(last, 0.9), "near", of=f"d{n - 1:07}", position=n)
        else:
            last = writer.facts()
            yield Planted(f"d{n:07}", writer.text(last), genre=GENRES[n % len(GENRES)], position=n)


Spoil = Callable[[Planted, random.Random], Planted]


def corpus(
    spoils: dict[str, tuple[str | None, Spoil]], each: int, sound: int, words: int, seed: int = 7
) -> list[Planted]:
    """`sound` sound documents, and `each` documents of every kind in `spoils` (kind -> reason or None, how)."""
    writer = Writer(seed, words)
    made = [writer.fresh(f"sound-{n}") for n in range(sound)]
    for kind, (reason, spoil) in spoils.items():
        for n in range(each):
            base = writer.fresh(f"{kind}-{n}")
            made.append(replace(spoil(base, writer.random), reason=reason, kind=kind))
    writer.random.shuffle(made)
    return [replace(document, position=n) for n, document in enumerate(made)]


def repeats(each: int, words: int, seed: int = 11) -> list[Planted]:
    """Originals, each with its copy, near copies at Jaccard 0.95 / 0.8 / 0.6, and a paraphrase."""
    writer = Writer(seed, words)
    made: list[Planted] = []
    for n in range(each):
        facts = writer.facts()
        original = f"original-{n}"
        made.append(Planted(original, writer.text(facts)))
        made.append(Planted(f"copy-{n}", writer.text(facts).upper(), "exact", "copy", original, position=1))
        for jaccard in (0.95, 0.8, 0.6):
            reason = "near" if jaccard > 0.7 else None
            name = f"near{round(jaccard * 100)}"
            made.append(Planted(f"{name}-{n}", writer.near(facts, jaccard), reason, name, original, position=2))
        made.append(
            Planted(f"paraphrase-{n}", writer.paraphrase(facts), "semantic", "paraphrase", original, position=3)
        )
    return made
