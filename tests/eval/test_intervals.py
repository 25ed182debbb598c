import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.intervals import bootstrap_mean, wilson

COUNTS = st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
RATES = st.lists(st.floats(0, 1), min_size=1, max_size=40)


def test_wilson_agrees_with_the_published_example() -> None:
    # Newcombe 1998, Statistics in Medicine 17, table I: 81 of 263, and 0 of 20.
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert wilson(0, 0) == (0.0, 1.0)


def test_wilson_refuses_impossible_counts() -> None:
    with pytest.raises(ValueError, match="3 successes of 2 trials"):
        wilson(3, 2)


@given(COUNTS)
def test_wilson_holds_the_rate_and_stays_in_bounds(counts: tuple[int, int]) -> None:
    low, high = wilson(*counts)
    assert 0 <= low <= counts[0] / counts[1] <= high <= 1


@given(COUNTS)
def test_wilson_mirrors(counts: tuple[int, int]) -> None:
    low, high = wilson(*counts)
    assert wilson(counts[1] - counts[0], counts[1]) == pytest.approx((1 - high, 1 - low), abs=1e-9)


@given(COUNTS)
def test_wilson_narrows_with_more_trials_and_less_confidence(counts: tuple[int, int]) -> None:
    def width(interval: tuple[float, float]) -> float:
        return interval[1] - interval[0]

    assert width(wilson(counts[0] * 4, counts[1] * 4)) < width(wilson(*counts))
    assert width(wilson(*counts, confidence=0.8)) < width(wilson(*counts, confidence=0.99))


@given(RATES, st.integers(0, 99))
def test_bootstrap_stays_in_range_and_is_the_same_for_a_seed(values: list[float], seed: int) -> None:
    low, high = bootstrap_mean(values, confidence=0.95, resamples=200, seed=seed)
    assert min(values) - 1e-12 <= low <= high <= max(values) + 1e-12
    assert (low, high) == bootstrap_mean(values, confidence=0.95, resamples=200, seed=seed)


@given(st.floats(0, 1), st.integers(1, 30))
def test_bootstrap_of_equal_values_is_a_point(value: float, count: int) -> None:
    low, high = bootstrap_mean([value] * count, confidence=0.95, resamples=100, seed=0)
    assert math.isclose(low, value, abs_tol=1e-12) and math.isclose(high, value, abs_tol=1e-12)


def test_bootstrap_agrees_with_the_normal_interval_of_a_large_sample() -> None:
    values = [1.0] * 300 + [0.0] * 700
    low, high = bootstrap_mean(values, confidence=0.95, resamples=4000, seed=1)
    half = 1.96 * math.sqrt(0.3 * 0.7 / 1000)
    assert (low, high) == pytest.approx((0.3 - half, 0.3 + half), abs=0.004)


def test_bootstrap_refuses_nothing() -> None:
    with pytest.raises(ValueError, match="at least one"):
        bootstrap_mean([], confidence=0.95, resamples=100, seed=0)
