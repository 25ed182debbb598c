"""What a writer says that is no part of the document: its plan, offers, notes, disclaimers, in any wording.

No phrase tells, and lists of phrases end where another writer begins. So a paragraph at either end is described by
families of words (what a text is called, how one speaks of making it, of who asked for it, of its form, ...), by which
of them meet in a sentence, and in English by its embedding; a linear model that was trained on paragraphs written for
it (benchmarks/talk.yaml, benchmarks/train_talk.py) says which kind it is. Another language needs only its families.
"""

import re
from collections.abc import Sequence
from functools import cache
from importlib import resources
from itertools import combinations, islice

import numpy as np
import numpy.typing as npt

from filters.check import excerpt
from filters.text.cues import Cues
from filters.text.patterns import Patterns, PerLanguage
from filters.text.static import static_words
from filters.text.threads import one_thread
from filters.text.view import View, words_in

PACKAGE = "filters.document.writer"
KINDS = ("content", "plan", "offer", "note", "decline")
FAMILIES = (
    "text", "make", "asked", "plan", "frame", "opener", "offer", "change", "stop", "fiction", "first", "you",
    "decline", "reason", "instead",
)  # fmt: skip
LANGUAGES = PerLanguage(PACKAGE).with_list("talk_text")
_PAIRS = tuple(combinations(range(len(FAMILIES)), 2))
_PLACES = {pair: place for place, pair in enumerate(_PAIRS, start=len(FAMILIES))}
_STOPS, _BREAK = (". ", "! ", "? ", ": "), " __ "
_PARAGRAPH = re.compile(r"\n\s*\n")
_SPOKEN = re.compile(r"\W*[\w .']{1,30}:\s")
_POSTSCRIPT = re.compile(r"\W*p\.? ?s\b")  # of a letter, where offers are the author's own
_WORDS = 120  # words of a paragraph that are looked at
_MOST = 3  # times that a family counts
_FORM = (
    lambda text, sentences: 1.0,
    lambda text, sentences: sum(map(len, sentences)) / _WORDS,
    lambda text, sentences: float(bool(_SPOKEN.match(text))),
    lambda text, sentences: min(4, text.count('"')) / 4,
)
_PAGE = 4_000  # characters of a text's start and end in which paragraphs are looked for
_EACH = 2  # paragraphs at either end

Numbers = npt.NDArray[np.float32]


class Families:
    """The families of one language."""

    def __init__(self, code: str) -> None:
        lists = Patterns.of(PACKAGE, code)
        self.cues = Cues({name: lists.entries(f"talk_{name}") for name in FAMILIES}, openers=("opener",))
        self.embeds = code == "en"

    def features(self, paragraphs: Sequence[str]) -> Numbers:
        """What is known of paragraphs in lower case, a row each: families, pairs in a sentence, form, embedding."""
        texts = [" ".join(paragraph.split()[:_WORDS]) for paragraph in paragraphs]
        rows = np.zeros((len(texts), len(FAMILIES) + len(_PAIRS) + len(_FORM)), dtype=np.float32)
        told = [_sentences(text) for text in texts]
        for row, text, sentences in zip(rows, texts, told, strict=True):
            found = self.cues.find(sentences)
            row[: len(FAMILIES)] = [min(count, _MOST) / _MOST for count in found.counts]
            met = {_PLACES[pair] for families in found.sentences for pair in combinations(sorted(families), 2)}
            row[[*met]] = 1
            row[-len(_FORM) :] = [form(text, sentences) for form in _FORM]
        if not self.embeds:
            return rows
        words = [[word for sentence in sentences for word in sentence] for sentences in told]
        return np.concatenate([rows, static_words().embed_lists(words)], axis=1)


def _sentences(text: str) -> list[list[str]]:
    """The words of each sentence of a text in lower case."""
    for stop in _STOPS:
        text = text.replace(stop, _BREAK)
    sentences: list[list[str]] = [[]]
    for word in words_in(text):
        if word == _BREAK.strip():
            sentences.append([])
        else:
            sentences[-1].append(word)
    return sentences


class Talk:
    """Tells the paragraphs of a document from what its writer says around it."""

    def __init__(self, code: str) -> None:
        self.families = families(code)
        with np.load(str(resources.files(PACKAGE).joinpath("talk.npz"))) as stored:
            self.weights = stored["embedded" if self.families.embeds else "families"].astype(np.float32)
            self.limit = float(stored["limit"])

    def kinds(self, paragraphs: Sequence[str]) -> Numbers:
        """The probability of each of `KINDS` (paragraphs, kinds)."""
        with one_thread():
            scores = self.families.features(paragraphs) @ self.weights
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True), dtype=np.float32)

    def find(self, view: View, kinds: tuple[str, ...] = KINDS[1:]) -> tuple[float, str]:
        """The highest probability, among paragraphs at the ends, that it is one of `kinds`; and its paragraph."""
        columns = [KINDS.index(kind) for kind in kinds]
        paragraphs = [paragraph for paragraph in edges(view) if not _POSTSCRIPT.match(paragraph)]
        if not paragraphs:
            return 0.0, ""
        likely = self.kinds(paragraphs)[:, columns].sum(axis=1).tolist()
        most, paragraph = max(zip(likely, paragraphs, strict=True))
        return most, excerpt(paragraph, 0, 160)


def edges(view: View) -> list[str]:
    """The first and the last paragraphs in lower case, and those between that stand in brackets."""
    text = view.lower.strip()
    first, last = text[:_PAGE], text[-_PAGE:] if len(text) > _PAGE else ""
    head = [part for part in _PARAGRAPH.split(first) if part.strip()]
    tail = [part for part in _PARAGRAPH.split(last) if part.strip()] if last else head[_EACH:]
    return [*head[:_EACH], *_bracketed(text), *tail[-_EACH:]]


def _bracketed(text: str) -> list[str]:
    """The first paragraphs between the ends that are a remark in brackets."""
    if "\n(" not in text and "\n[" not in text and "\n*" not in text:
        return []
    between = text.split("\n\n")[_EACH:-_EACH]
    remarks = (
        part for part in between if part.lstrip("*_ \n")[:1] in ("(", "[") and part.rstrip("*_ .\n")[-1:] in ")]"
    )
    return list(islice(remarks, _EACH))


@cache
def families(code: str) -> Families:
    """The families of a language, compiled once a process."""
    return Families(code)
