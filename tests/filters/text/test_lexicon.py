"""The lexicon: words by number."""

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.base import Item
from filters.text.lexicon import Column, Lexicon, among
from filters.text.overlap import again
from filters.text.view import View, hashes_of, ngrams_of

_WORDS = st.lists(st.sampled_from(["a", "b", "the", "of", "don't", "zebra"]), max_size=40)


@settings(deadline=None)
@given(_WORDS)
def test_counts_are_those_of_the_words(words: list[str]) -> None:
    view = View(Item("a", " ".join(words)))
    assert view.counts == Counter(words)
    assert view.vocabulary == frozenset(words)
    assert view.known(among(["the", "of"])).tolist() == [word in ("the", "of") for word in words]


@settings(deadline=None)
@given(_WORDS, st.integers(1, 9))
def test_runs_of_words_have_one_hash_wherever_they_stand(words: list[str], n: int) -> None:
    grams = ngrams_of(hashes_of(words), n).tolist()
    runs = [tuple(words[place : place + n]) for place in range(len(words) - n + 1)]
    assert len(grams) == len(runs)
    assert len(set(grams)) == len(set(runs))
    assert len(set(zip(grams, runs, strict=True))) == len(set(runs))


@settings(deadline=None)
@given(st.lists(st.integers(0, 20), max_size=60))
def test_again_is_every_place_but_the_first(values: list[int]) -> None:
    # Far apart and next to each other: some share a slot of the table.
    hashes = np.array([value * 2**40 + value for value in values], dtype=np.uint64)
    expected = [place for place, value in enumerate(values) if value in values[:place]]
    assert again(hashes).tolist() == expected


def test_a_column_knows_words_that_come_later() -> None:
    known, lengths = Lexicon(), Column(lambda new: map(len, new), np.int64)
    assert lengths(known.ids(["one"]), known).tolist() == [3]
    many = [f"word{n}" for n in range(10_000)]
    assert lengths(known.ids(many), known).tolist() == [len(word) for word in many]
