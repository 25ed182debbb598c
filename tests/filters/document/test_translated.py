"""A language whose file has a check's lists is looked at with them; one without is looked at with the English ones."""

from collections.abc import Iterator

import pytest

from filters.base import CheckSettings, GateSettings, Item
from filters.context import Context
from filters.document.writer import talk
from filters.document.writer.chatter import Chatter
from filters.document.writer.leakage import Leakage
from filters.document.writer.refusal import Refusal
from filters.document.writer.settings import Leak
from filters.text import patterns
from filters.text.patterns import Patterns

GERMAN = {
    "leak_sure": ["der text soll", "die figur weiß"],
    "leak_planned": [r"etwa \d+ wörter", "beginnt mit", "kein datum"],
    "refusal_start": [r"(?:leider|bedauere),? (?:aber )?ich {refusal_deed}"],
    "refusal_deed": ["mache das nicht", "schreibe das nicht"],
    "chatter_assent": ["gern, hier"],
}
PLAN = "Der Text soll zeigen, was sie mag; etwa 300 Wörter, beginnt mit einem Brief, kein Datum."
LETTER = "Die Gießkanne steht wieder am Zaun. Sie hat den Griff selbst geflickt und freut sich daran."


@pytest.fixture
def translated(monkeypatch: pytest.MonkeyPatch) -> Iterator[Context]:
    """German as it would be if somebody had translated the lists of three checks."""
    shipped = patterns._read
    english = Patterns.of("filters.document.writer", "en")
    lists = {name: english.entries(name) for name in english._lists} | GERMAN

    def read(package: str, language: str) -> Patterns:
        mine = package == "filters.document.writer" and language == "de"
        return Patterns("de.yaml", lists) if mine else shipped(package, language)

    monkeypatch.setattr(patterns, "_read", read)
    talk.families.cache_clear()
    yield Context(count=len, language="de")
    talk.families.cache_clear()  # which is kept for the whole process


PLANNED, PLAIN = Item("", f"{LETTER}\n\n{PLAN}"), Item("", f"{LETTER}\n\n{LETTER}")
DECLINED = Item("", f"Leider, ich schreibe das nicht.\n\n{LETTER}")
HANDED = Item("", f"Gern, hier der Brief.\n\n{LETTER}")


def test_lists_of_a_language_take_the_place_of_the_english_ones(translated: Context) -> None:
    leakage, refusal = Leakage(Leak(), translated), Refusal(GateSettings(), translated)
    chatter = Chatter(CheckSettings(), translated)
    assert leakage(PLANNED) and refusal(DECLINED) and chatter(HANDED)
    assert not (leakage(PLAIN) or refusal(PLAIN) or chatter(PLAIN))


def test_a_language_without_them_has_the_english_ones() -> None:
    german = Context(count=len, language="de")
    leakage = Leakage(Leak(), german)
    assert leakage(Item("", f"{LETTER}\n\nThe author knows the value; aim for 300 words, start with it, no dates."))
    assert not (leakage(PLANNED) or Refusal(GateSettings(), german)(DECLINED))
    assert Chatter(CheckSettings(), german)(Item("", f"Sure! Here is the letter.\n\n{LETTER}"))
