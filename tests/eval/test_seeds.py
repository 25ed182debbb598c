"""Means over items and seeds, and what their intervals depend on."""

import random
from statistics import fmean

import pytest

from eval.seeds import Spread, gaps, over_seeds
from tests.lazy import needs

pytestmark = needs("scipy")
RATES = (0.0, 1.0)


def runs(seeds: int, items: int, of_seed: float, of_item: float = 0.2, left: float = 0.2, draw: int = 0):
    rng = random.Random(draw)
    item = [rng.gauss(0.5, of_item) for _ in range(items)]
    return [
        {f"q{n}": one + shift + rng.gauss(0, left) for n, one in enumerate(item)}
        for shift in (rng.gauss(0, of_seed) for _ in range(seeds))
    ]


def width(found) -> float:
    return found.interval[1] - found.interval[0]


def test_the_mean_is_over_the_items_that_every_seed_has() -> None:
    found = over_seeds([{"a": 1.0, "b": 0.0, "c": 1.0}, {"a": 0.0, "b": 0.0}], RATES)
    assert found is not None and (found.mean, found.items, found.seeds) == (0.25, 2, 2)
    assert over_seeds([], RATES) is None and over_seeds([{"a": 1.0}, {"b": 1.0}], RATES) is None


def test_seeds_that_differ_widen_the_interval() -> None:
    alike, apart = (over_seeds(runs(2, 100, spread), (-9, 9)) for spread in (0.0, 0.3))
    assert alike and apart and width(apart) > 5 * width(alike)
    two, five = (over_seeds(runs(count, 100, 0.1, draw=3), (-9, 9)) for count in (2, 5))
    assert two and five and width(five) < width(two)


def test_the_interval_holds_the_mean_as_often_as_it_says() -> None:
    held = 0
    for draw in range(300):
        found = over_seeds(runs(3, 40, 0.05, draw=draw), (-9, 9))
        assert found is not None
        held += found.interval[0] <= 0.5 <= found.interval[1]
    assert 0.91 <= held / 300 <= 0.995


def test_two_seeds_of_many_arms_say_how_much_seeds_differ() -> None:
    arms = [runs(2, 60, 0.05, draw=draw) for draw in range(12)]
    spread = Spread.of(arms)
    assert spread.freedom == 12 and 0.02 < spread.variance**0.5 < 0.09
    assert Spread.of([arms[0][:1]]) == Spread(0.0, 0)
    alone, pooled = ([over_seeds(arm, (-9, 9), spread=one) for arm in arms] for one in (None, spread))
    assert max(map(width, pooled)) < 0.5 * max(map(width, alone))
    held = sum(one.interval[0] <= 0.5 <= one.interval[1] for one in pooled if one)
    assert held >= 10


def test_bounds_hold_and_equal_values_are_no_certainty() -> None:
    found = over_seeds([dict.fromkeys("abcdef", 1.0)] * 2, RATES)
    assert found and found.interval[1] == 1.0 and 0.3 < found.interval[0] < 0.9
    one = over_seeds([{"a": 0.0, "b": 1.0}], RATES)
    assert one and one.interval == (0.0, 1.0) and one.seeds == 1


def test_gaps_are_paired_by_item_and_seed() -> None:
    arm = {0: {"a": 1.0, "b": 0.5}, 1: {"a": 0.5, "b": 0.5}, 2: {"a": 0.0}}
    assert gaps(arm, {0: {"a": 0.5, "b": 0.5}, 1: {"a": 0.5}}) == [{"a": 0.5, "b": 0.0}, {"a": 0.0}]
    without_seeds = gaps(arm, {None: {"a": 0.5}})
    assert without_seeds == [{"a": 0.5}, {"a": 0.0}, {"a": -0.5}]
    found = over_seeds(without_seeds, (-1.0, 1.0))
    assert found and found.mean == pytest.approx(fmean([0.5, 0.0, -0.5]))
