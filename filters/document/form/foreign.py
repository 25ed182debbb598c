"""A stretch in another script or language inside of a text that is otherwise in the wanted one.

A word, a name, a sentence between quotation marks are what texts have; a clause that just goes on in another script,
or a sentence in another language, is a model that slipped.
"""

import re
import unicodedata
from functools import cache

import numpy as np

from filters.check import excerpt
from filters.text.lexicon import Column, among
from filters.text.patterns import Patterns
from filters.text.static import static_words
from filters.text.view import View, words_of
from filters.text.windows import COMMON

UNFIT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")  # what CLD2 refuses
_LATIN = frozenset(
    re.findall(
        r"\w+",
        "af ca cs cy da de en es et eu fi fr ga gl hr hu id is it lt lv ms nl no pl pt ro sk sl sq sv sw tl tr vi",
    )
)
_DENSE = (  # Chinese and Japanese, Hangul: few characters say a clause
    "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"
)
_SPACED = "\u0370-\u03ff\u0400-\u052f\u0530-\u058f\u0590-\u05ff\u0600-\u06ff\u0900-\u0dff\u0e00-\u0eff\u10a0-\u10ff"
_BETWEEN = r"\s\d,.;:!?'’()\-–—\u3000-\u303f\uff00-\uffef"
_RUN = re.compile(
    rf"[{_DENSE}](?:[{_BETWEEN}]{{0,3}}[{_DENSE}])*|"
    rf"[{_SPACED}](?:[{_BETWEEN}]{{0,3}}[{_SPACED}\u0300-\u036f\u200c\u200d])*"
)
_ANY = re.compile(f"[{_DENSE}{_SPACED}]{{2}}")
_DENSE_LETTER = re.compile(f"[{_DENSE}]")
_CLAUSE_DENSE, _CLAUSE = 9, 24  # letters of a clause in such a script
_QUOTES = "\"“”„«»‘'「『（(["
_QUOTED = re.compile(r"[\"“„«][^\"“”„«»\n]*[\"”“»]|(?<!\w)[*_][^*_\n]+[*_](?!\w)|^>[^\n]*", re.MULTILINE)
_SENTENCE = re.compile(r"(?<=[.!?:])\s+|\n\s*\n")
_FEWEST = 10  # words of a sentence from which on its language can be told
_WINDOW = 12  # words in a row without a word that only English has: names, lists, or another language
_ONLY = COMMON - Patterns.of("filters.document.form", "en").words(
    "not_only_english"
)  # function words that look like no word of its neighbours
DIALECTS = {"en": ("sco",)}  # CLD2 calls English in a northern spelling Scots
_NOT_OTHER = ("", "en", "sco", "la")  # unsure, English, its northern spelling; Latin is mottoes
_WORDS_A_COMMA = 5
_SURE = 90  # percent of a sentence in the one language
_MARKUP = re.compile(r"[/|<>=\[\]{}\ufffd]")  # links, tables, code: CLD2 takes them for Danish
_COMMON = among(_ONLY)
_KNOWN = 5_000  # the commonest words of English
_ENGLISH = 0.4  # of a stretch's words among these, from which on it is in no other language


def surely(text: str) -> str:
    """The code of the one language of `text` where CLD2 is sure of it, else nothing. That it is sure of English is not
    enough: of French sentences with words such as "note" and "coefficient" it is (findings/cld2_sure_of_english.sh).
    """
    import pycld2

    try:
        reliable, _, details = pycld2.detect(UNFIT.sub(" ", text), isPlainText=True)
    except pycld2.error:
        return ""
    code = str(details[0][1]) if reliable and details[0][2] >= _SURE else ""
    return "" if code == "en" and not is_english(words_of(text)) else code


def unquoted(text: str) -> str:
    """`text` without what stands between quotation marks, in italics or in a quoted line."""
    return _QUOTED.sub(" ", text)


def sentences_of(text: str) -> list[tuple[str, list[str]]]:
    """The sentences of a text that are long enough to tell their language by, without links and lists; their words."""
    pieces = (one for one in _SENTENCE.split(text) if not (_MARKUP.search(one) or _is_list(one)))
    return [(one, words) for one in pieces if len(words := words_of(one)) >= _FEWEST]


def is_english(words: list[str]) -> bool:
    """Whether a sentence has a word that only English has for every dozen of its words."""
    return sum(map(_ONLY.__contains__, words)) * _WINDOW > len(words)


def other_script(view: View, code: str) -> str:
    """The first clause in another script than the wanted one, outside quotation marks, or nothing."""
    if view.text.isascii() or code not in _LATIN or not _ANY.search(view.text):
        return ""
    for match in _RUN.finditer(view.prose):
        letters = sum(unicodedata.category(character)[0] == "L" for character in match.group())
        needed = _CLAUSE_DENSE if _DENSE_LETTER.match(match.group()) else _CLAUSE
        before = view.prose[max(0, match.start() - 3) : match.start()].rstrip(" *_")
        if letters >= needed and not (before and before[-1] in _QUOTES):
            return excerpt(match.group())
    return ""


def other_language(view: View) -> str:
    """The first sentence in another language that shares the script, outside quotation marks; only beside English."""
    if len(view.words) < _WINDOW or not _may_be(view):
        return ""
    for sentence, words in sentences_of(unquoted(view.prose)):
        if not is_english(words) and (code := surely(sentence)) not in _NOT_OTHER:
            return f"{code}: {excerpt(sentence)}"
    return ""


@cache
def _commonest() -> Column[np.bool_]:
    """The commonest words of English, in the order of the shipped word table."""
    index = static_words().index
    first = index["the"]
    return among(word for word, place in index.items() if first <= place < first + _KNOWN)


def _is_list(sentence: str) -> bool:
    """Whether it has a comma for every few words: a menu, or names."""
    return sentence.count(",") * _WORDS_A_COMMA > sentence.count(" ")


def _may_be(view: View) -> bool:
    """Whether a stretch without a function word of English is in another language: cheap to ask first."""
    english = np.concatenate([[-1], np.flatnonzero(view.known(_COMMON)), [len(view.words)]])
    long = np.flatnonzero(np.diff(english) > _WINDOW)
    known = np.concatenate([[0], np.cumsum(view.known(_commonest()))]) if len(long) else english
    places = [(int(english[n]) + 1, int(english[n + 1])) for n in long]
    unsure = [(start, end) for start, end in places if known[end] - known[start] < _ENGLISH * (end - start)]
    stretches = (" ".join(view.words[start:end]) for start, end in unsure)
    return any(surely(stretch) not in _NOT_OTHER for stretch in stretches)
