"""What holds for any corpus."""

import random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from filters.base import Item
from filters.checks import checks_for
from filters.run.decide import check_documents
from filters.run.verdicts import decide_verdicts
from filters.settings import Length, Overused, Semantic
from filters.text.overlap import Grams
from filters.text.view import View, words_of
from tests.filters.samples import CONTEXT, SETTINGS, document

ALL = SETTINGS.model_copy(
    update={
        "semantic": Semantic(),
        "overused": Overused(action="drop", minimum=2, phrase_words=7),
        "length": Length(minimum=8),
    }
)


def version(seed: int, change: int) -> str:
    """A document, or one of its near copies."""
    sentences = document(seed, 14).split(". ")
    if change:
        sentences[change] = sentences[change].upper() if change % 2 else document(change, 1).rstrip(".")
    return ". ".join(sentences)


entries = st.tuples(st.integers(0, 6), st.integers(0, 6), st.sampled_from([None, 0.0, 1.0, 2.0]), st.integers(0, 30))


def items_of(drawn: list[tuple[int, int, float | None, int]]) -> list[Item]:
    return [
        Item(f"id{n:02}", version(seed, change), meta={"score": score, "position": position})
        for n, (seed, change, score, position) in enumerate(drawn)
    ]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(entries, max_size=25), st.randoms(use_true_random=False))
def test_the_order_of_documents_never_changes_the_decision(
    drawn: list[tuple[int, int, float | None, int]], shuffle: random.Random
) -> None:
    items = items_of(drawn)
    shuffled = list(items)
    shuffle.shuffle(shuffled)
    assert check_documents(items, ALL, CONTEXT) == check_documents(shuffled, ALL, CONTEXT)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(entries, max_size=25))
def test_filtering_twice_changes_nothing(drawn: list[tuple[int, int, float | None, int]]) -> None:
    items = items_of(drawn)
    kept, rejections, _ = check_documents(items, ALL, CONTEXT)
    assert sorted([*kept, *(r.item_id for r in rejections)]) == sorted(item.id for item in items)
    assert check_documents([item for item in items if item.id in kept], ALL, CONTEXT) == (kept, [], [])
    stays = {*kept, *(r.item_id for r in rejections if r.reason == "overused")}  # which comes after duplicates
    assert all(r.other_id in stays for r in rejections if r.other_id is not None)


@settings(max_examples=150, deadline=None)
@given(st.text(st.characters(), max_size=400), st.sampled_from(["insider", "lay"]))
def test_any_text_is_decided_on(text: str, frame: str) -> None:
    view = View(Item("a", text, frame=frame))
    for check in [*checks_for("documents", ALL, CONTEXT), *checks_for("chats", ALL, CONTEXT)]:
        outcome = check.evaluate(view)
        assert outcome.failed in (True, False)
        assert outcome.score == outcome.score  # no NaN
    check_documents([Item("a", text, frame=frame), Item("b", text, frame=frame)], ALL, CONTEXT)


@given(
    st.lists(st.sampled_from("abcdefg"), max_size=60),
    st.lists(st.sampled_from("abcdefg"), max_size=60),
    st.integers(1, 5),
)
def test_the_longest_shared_run_is_a_run_of_shared_ngrams(text: list[str], other: list[str], n: int) -> None:
    run, start, shared = Grams([" ".join(other)], n).longest(View(Item("a", " ".join(text))))
    have = {tuple(other[k : k + n]) for k in range(len(other) - n + 1)}
    hits = [tuple(text[k : k + n]) in have for k in range(len(text) - n + 1)]
    longest = max((len(part) for part in "".join("x" if hit else " " for hit in hits).split()), default=0)
    assert run == (longest + n - 1 if longest else 0)
    assert all(hits[start : start + run - n + 1] if run else [])
    assert shared == sum(hits)


@given(
    st.lists(
        st.tuples(
            st.sampled_from("abc"), st.sampled_from(["real", "true"]), st.sampled_from(["pass", "fail", "unclear", ""])
        )
    )
)
def test_only_a_clear_pass_on_every_criterion_stays(rows: list[tuple[str, str, str]]) -> None:
    verdicts = [{"item_id": i, "criterion": c, "verdict": v, "reason": "so"} for i, c, v in rows]
    gone = {rejection.item_id for rejection in decide_verdicts(verdicts, "abc", ["real", "true"])}
    for item_id in "abc":
        given_verdicts = [[v for i, c, v in rows if (i, c) == (item_id, criterion)] for criterion in ("real", "true")]
        assert (item_id not in gone) == all(found and set(found) == {"pass"} for found in given_verdicts)


def test_words_are_the_same_however_they_are_written() -> None:
    assert words_of("It’s the ｃook’s soup\u200b.") == words_of("it's THE cook's soup")
