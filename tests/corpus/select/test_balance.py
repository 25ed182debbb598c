import random
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.select.balance import PAIR_TOLERANCE, Sized, balanced_order, doses, fill, pair, top_up, within


@st.composite
def items(draw: st.DrawFn, prefix: str = "d") -> list[Sized]:
    rows = draw(st.lists(st.tuples(st.integers(1, 2_000), st.sampled_from("abcd")), max_size=60))
    return [Sized(f"{prefix}{n}", tokens, group) for n, (tokens, group) in enumerate(rows)]


def tokens_of(items: list[Sized], ids: tuple[str, ...]) -> int:
    size = {item.id: item.tokens for item in items}
    return sum(size[item_id] for item_id in ids)


@given(items(), st.integers(0, 5), st.randoms())
def test_the_order_holds_everything_once_and_does_not_depend_on_the_input_order(
    given_items: list[Sized], seed: int, chance: random.Random
) -> None:
    order = balanced_order(given_items, seed)
    assert sorted(order, key=lambda item: item.id) == sorted(given_items, key=lambda item: item.id)
    mixed = given_items.copy()
    chance.shuffle(mixed)
    assert balanced_order(mixed, seed) == order


@given(items())
def test_every_beginning_is_balanced_to_one_document_while_groups_last(given_items: list[Sized]) -> None:
    largest = max((item.tokens for item in given_items), default=0)
    left = Counter(item.group for item in given_items)
    so_far = dict.fromkeys(left, 0)
    for item in balanced_order(given_items):
        so_far[item.group] += item.tokens
        left[item.group] -= 1
        lasting = [tokens for group, tokens in so_far.items() if left[group]]
        if lasting:
            assert max(so_far.values()) - min(lasting) <= largest


@given(items(), st.integers(0, 30_000), st.integers(0, 5))
def test_the_last_document_is_the_only_slack(given_items: list[Sized], target: int, seed: int) -> None:
    chosen = fill(given_items, target, seed)
    assert chosen.tokens == tokens_of(given_items, chosen.ids)
    if chosen.missing:
        assert len(chosen.ids) == len(given_items)
        assert chosen.missing == target - chosen.tokens
    elif chosen.ids:
        assert tokens_of(given_items, chosen.ids[:-1]) < target <= chosen.tokens
    else:
        assert target == 0


@given(items(), st.lists(st.integers(0, 30_000), max_size=5))
def test_doses_are_nested_and_each_as_if_filled_alone(given_items: list[Sized], targets: list[int]) -> None:
    made = doses(given_items, targets)
    assert made == [fill(given_items, target) for target in targets]
    ordered = sorted(made, key=lambda dose: dose.target)
    for small, large in pairwise(ordered):
        assert large.ids[: len(small.ids)] == small.ids


def test_seeds_choose_differently() -> None:
    given_items = [Sized(f"d{n}", 10) for n in range(100)]
    assert fill(given_items, 100, seed=1) != fill(given_items, 100, seed=2)
    assert fill(given_items, 100, seed=1) == fill(given_items, 100, seed=1)


@given(st.dictionaries(st.text(max_size=3), st.integers(0, 1_000), min_size=1, max_size=8), st.integers(0, 5_000))
def test_a_top_up_raises_the_poorest_to_one_level(have: dict[str, int], missing: int) -> None:
    given_tokens = top_up(have, missing)
    assert sum(given_tokens.values()) == missing
    assert all(tokens >= 0 for tokens in given_tokens.values())
    raised = [have[group] + tokens for group, tokens in given_tokens.items() if tokens]
    if raised:
        assert max(raised) - min(raised) <= 1
        assert all(have[group] >= min(raised) - 1 for group, tokens in given_tokens.items() if not tokens)


def test_a_hole_is_filled_first() -> None:
    assert top_up({"a": 100, "hole": 0, "b": 100}, 60) == {"a": 0, "hole": 60, "b": 0}
    assert top_up({}, 60) == {}


@given(items("l"), items("r"), st.integers(0, 3))
def test_pairs_have_equal_counts_in_each_group_and_tokens_within_the_tolerance(
    left: list[Sized], right: list[Sized], seed: int
) -> None:
    paired = pair(left, right, seed)
    groups = [
        Counter({i.id: i.group for i in side}[item_id] for item_id in ids)
        for side, ids in ((left, paired.left), (right, paired.right))
    ]
    assert groups[0] == groups[1]
    assert not set(groups[0]) & set(paired.left_out)
    assert set(groups[0]) | set(paired.left_out) == {item.group for item in [*left, *right]}
    assert paired.left_tokens == tokens_of(left, paired.left)
    assert paired.right_tokens == tokens_of(right, paired.right)
    for group in groups[0]:
        sums = [
            sum(i.tokens for i in side if i.group == group and i.id in ids)
            for side, ids in ((left, paired.left), (right, paired.right))
        ]
        assert within(*sums, PAIR_TOLERANCE)
    assert within(paired.left_tokens, paired.right_tokens, PAIR_TOLERANCE)


@given(items("l"), items("r"), st.integers(0, 3))
def test_pairs_as_wholes_have_equal_counts_in_each_group_and_tokens_within_the_tolerance_over_all(
    left: list[Sized], right: list[Sized], seed: int
) -> None:
    paired = pair(left, right, seed, whole=True)
    groups = [
        Counter({i.id: i.group for i in side}[item_id] for item_id in ids)
        for side, ids in ((left, paired.left), (right, paired.right))
    ]
    assert groups[0] == groups[1]
    assert paired.left_tokens == tokens_of(left, paired.left)
    assert within(paired.left_tokens, paired.right_tokens, PAIR_TOLERANCE)


def test_groups_too_small_to_be_even_each_are_even_together() -> None:
    chance = random.Random(1)
    left, right = (
        [Sized(f"{side}{n}", int(chance.gauss(900, 200)), f"genre {n % 100}") for n in range(400)] for side in "lr"
    )
    assert len(pair(left, right).left) < 250
    together = pair(left, right, whole=True)
    assert len(together.left) == len(together.right) > 380 and not together.left_out


@pytest.mark.parametrize(("left_mean", "right_mean"), [(1_500, 1_500), (1_500, 1_400)])
def test_pairing_real_lengths_keeps_most(left_mean: int, right_mean: int) -> None:
    chance = random.Random(0)

    def corpus(prefix: str, count: int, mean: int) -> list[Sized]:
        lengths = [max(100, int(chance.gauss(mean, mean / 4))) for _ in range(count)]
        return [Sized(f"{prefix}{n}", tokens, f"domain {n % 8}") for n, tokens in enumerate(lengths)]

    left, right = corpus("l", 2_000, left_mean), corpus("r", 2_200, right_mean)
    paired = pair(left, right)
    assert paired.left_out == ()
    assert len(paired.left) == len(paired.right) > 1_700
