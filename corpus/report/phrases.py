"""Over-used phrases and names: what more documents share than chance and the subject would explain.

Counted in documents, not occurrences, over a sample: a tic is what many documents have, however often.
"""

import re
from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

_WORD: Final = re.compile(r"[^\W_][\w'’-]*")
_SENTENCE_START: Final = re.compile(r"(?:^|[.!?:;\n\"“”(*#>-])\s*$")
_PHRASE_WORDS = 5
_SHOWN = 30


def overused(texts: list[str], spec: str, known: Iterable[str]) -> dict[str, Any]:
    """Phrases of five words, names, and openings, each with the number of documents and an example's position.

    Phrases that stand in the spec are left out, and so are names that do, or that are in `known`.
    """
    spec_words = [word.lower() for word in _WORD.findall(spec)]
    spec_phrases = set(_grams(spec_words))
    excluded = set(spec_words) | {word.lower() for name in known for word in _WORD.findall(name)}
    phrases: Counter[str] = Counter()
    names: Counter[str] = Counter()
    openings: Counter[str] = Counter()
    for text in texts:
        words = _WORD.findall(text)
        lower = [word.lower() for word in words]
        phrases.update(set(_grams(lower)) - spec_phrases)
        names.update(name for name in _names(text) if name.lower() not in excluded)
        openings[" ".join(lower[:3])] += 1
    return {
        "documents": len(texts),
        "phrases": _distinct(phrases.most_common(_SHOWN * 20)),
        "names": [pair for pair in names.most_common(_SHOWN) if pair[1] > 1],
        "openings": [pair for pair in openings.most_common(_SHOWN) if pair[1] > 1],
    }


def _grams(words: list[str]) -> Iterable[str]:
    return (" ".join(words[i : i + _PHRASE_WORDS]) for i in range(len(words) - _PHRASE_WORDS + 1))


def _names(text: str) -> set[str]:
    """Capitalised words that do not begin a sentence."""
    found = set()
    for match in _WORD.finditer(text):
        word = match.group()
        if word[0].isupper() and word[1:].islower() and len(word) > 2:
            before = text[max(0, match.start() - 3) : match.start()]
            if match.start() and not _SENTENCE_START.search(before):
                found.add(word.removesuffix("'s").removesuffix("’s"))
    return found


def _distinct(counted: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """The most shared phrases, without those that overlap one already taken in four words (one longer phrase)."""
    taken: list[tuple[str, int]] = []
    parts: set[str] = set()
    for phrase, count in counted:
        words = phrase.split()
        edges = {" ".join(words[:-1]), " ".join(words[1:])}
        if count > 1 and not edges & parts:
            taken.append((phrase, count))
        parts |= edges
    return taken[:_SHOWN]
