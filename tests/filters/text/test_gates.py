"""Gates: what an expression needs is read off it, and a gate is never closed where the expression matches."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.base import Item
from filters.text.gates import Gate, Gated, Marks
from filters.text.view import View

_PIECES = ["survey", "polls", "of", "users", "i'm", "don’t", "Juniper", "7", "x-ray", "naïve", "_id_", ".", "\n"]
_SOURCES = [
    r"\b(?:survey|poll)s? (?:of|by) users\b",
    r"(?<!\w)i['’]?m (?:called )?juniper(?!\w)",
    r"do(?:n['’]t| not)|x-ray",
    r"\d+(?: users)?",
    r"(?:survey){1,2}\W+(?:of|juniper)?",
    r"^(?:polls|users)$",
    r"(?i:JUNIPER)|na.ve",
    r"[sp]olls|_id_",
    r"surveys?(?= of)",
]


def view(text: str) -> View:
    """A view of a text."""
    return View(Item("a", text))


@pytest.mark.parametrize("source", _SOURCES)
@settings(deadline=None)
@given(words=st.lists(st.sampled_from(_PIECES), max_size=8), glue=st.sampled_from([" ", "", "-", "'"]))
def test_never_closed_where_the_expression_matches(source: str, words: list[str], glue: str) -> None:
    text = glue.join(words)
    seen = view(text)
    if re.search(source, seen.lower, re.IGNORECASE | re.MULTILINE):
        assert Gate(source).open(seen)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (r"\b(?:survey|poll)s? (?:of|by) users\b", "A survey of readers."),
        (r"\b(?:survey|poll)s? (?:of|by) users\b", "All users of polish."),
        (r"the user wants", "Users want the thing."),
        (r"\d+ users", "Many users."),
    ],
)
def test_closed_where_a_word_is_missing(source: str, text: str) -> None:
    assert not Gate(source).open(view(text))


def test_an_expression_without_words_is_always_tried() -> None:
    assert Gated(r"\[[^\]]*\]").search(view("a [slot]"), "a [slot]") is not None


def test_marks_stand_as_they_are() -> None:
    marks = Marks("the user ", "://")
    assert marks.present(view("What the user wants: http://x.y")) == ["the user ", "://"]
    assert not marks.open(view("The users; the user."))


def test_a_gate_that_is_made_after_a_text_was_asked_sees_it_whole() -> None:
    seen = view("The zwieback lay on the counter, and nobody said whose it was.")
    assert not Gate(r"\bmarzipan\b").open(seen)
    assert Gate(r"zwie\w+ lay").open(seen) and Gate(r"\bnobody\b").open(seen)
    assert not Gate(r"\bcounte\b").open(seen)


def test_long_words_are_searched_for_parts_too() -> None:
    assert Gate(r"zwieback").open(view("x" * 50 + "zwieback" + "y" * 50))
    assert Gate(r"\d+").open(view("x" * 60 + "7"))
