"""Cues: families of phrases are counted by words."""

import pytest

from filters.text.cues import Cues, spelled_out
from specs.errors import SpecmillError


def test_an_entry_is_spelled_out() -> None:
    assert set(spelled_out(r"(?:i|we)(?:'ll)? writ(?:e|ing)")) == {
        ("i", "write"), ("i", "writing"), ("we", "write"), ("we", "writing"),
        ("i'll", "write"), ("i'll", "writing"), ("we'll", "write"), ("we'll", "writing"),
    }  # fmt: skip
    assert spelled_out(r"\d[\d,]* words?") == [("#", "word"), ("#", "words")]
    assert spelled_out(r"rework\w*") == [("rework*",)]


def test_an_entry_that_says_more_is_an_error() -> None:
    with pytest.raises(SpecmillError, match="no word, choice or beginning"):
        spelled_out(r"(?!not)word")


def test_the_longest_phrase_of_a_family_counts_once() -> None:
    cues = Cues({"plan": [r"(?:i'll )?need to", "i'll"], "make": [r"rework\w*"], "opener": ["so"]}, openers=("opener",))
    found = cues.find([["so", "i'll", "need", "to", "rework", "it", "so"], ["reworking", "needs", "it"]])
    assert found.counts == [1, 2, 1]
    assert found.sentences == [{0, 1, 2}, {1}]
