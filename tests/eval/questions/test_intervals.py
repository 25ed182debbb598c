import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.questions.intervals import bootstrap_mean, wilson, wilson_clustered

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


@given(RATES, st.integers(1, 20), st.sampled_from([0.8, 0.95]))
def test_the_clustered_interval_holds_the_rate_has_a_width_and_lies_between_questions_and_replies(
    rates: list[float], a_question: int, confidence: float
) -> None:
    replies, mean = a_question * len(rates), math.fsum(rates) / len(rates)
    low, high = wilson_clustered(rates, replies, confidence)
    assert 0 <= low <= mean + 1e-12 and mean - 1e-12 <= high <= 1 and low < high
    widest = wilson(mean * len(rates), len(rates), confidence)
    narrowest = wilson(mean * replies, replies, confidence)
    assert narrowest[1] - narrowest[0] - 1e-9 <= high - low <= widest[1] - widest[0] + 1e-9


def test_the_clustered_interval_where_all_replies_agree_counts_questions() -> None:
    assert wilson_clustered([0.0] * 10, 60) == wilson(0, 10) == pytest.approx((0.0, 0.2775), abs=5e-5)
    assert wilson_clustered([1.0] * 10, 60) == wilson(10, 10)
    # Replies that are alike in each question are worth one a question; unlike ones are worth themselves.
    assert wilson_clustered([1.0] * 30 + [0.0] * 30, 120)[0] == pytest.approx(wilson(30, 60)[0], abs=1e-9)
    assert wilson_clustered([0.5] * 60, 120) == wilson(60, 120)
    with pytest.raises(ValueError, match="at least one question"):
        wilson_clustered([], 0)


@pytest.mark.parametrize(("rate", "count"), [(0.02, 10), (0.1, 10), (0.1, 60), (0.5, 20)])
def test_the_clustered_interval_holds_the_true_rate_as_often_as_it_says(rate: float, count: int) -> None:
    random = np.random.default_rng(0)
    held = 0
    for _ in range(500):  # questions differ, and each is asked twice
        rates = random.binomial(2, random.beta(4 * rate, 4 * (1 - rate), count)) / 2
        low, high = wilson_clustered(list(rates), 2 * count)
        held += low <= rate <= high
    assert held >= 0.93 * 500


@given(RATES, st.integers(0, 99))
def test_bootstrap_stays_in_bounds_and_is_the_same_for_a_seed(values: list[float], seed: int) -> None:
    low, high = bootstrap_mean(values, (0, 1), confidence=0.95, resamples=200, seed=seed)
    assert -1e-12 <= low <= high <= 1 + 1e-12
    assert (low, high) == bootstrap_mean(values, (0, 1), confidence=0.95, resamples=200, seed=seed)


@given(st.floats(-1, 1), st.integers(1, 30))
def test_equal_values_leave_room_for_others(value: float, count: int) -> None:
    low, high = bootstrap_mean([value] * count, (-1, 1), confidence=0.95, resamples=100, seed=0)
    assert low <= value <= high and -1 <= low < high <= 1
    assert high - low == pytest.approx(2 * wilson(0, count)[1])
    more = bootstrap_mean([value] * (4 * count), (-1, 1), confidence=0.95, resamples=100, seed=0)
    assert more[1] - more[0] < high - low


def test_bootstrap_agrees_with_the_normal_interval_of_a_large_sample() -> None:
    values = [1.0] * 300 + [0.0] * 700
    low, high = bootstrap_mean(values, (0, 1), confidence=0.95, resamples=4000, seed=1)
    half = 1.96 * math.sqrt(0.3 * 0.7 / 1000)
    assert (low, high) == pytest.approx((0.3 - half, 0.3 + half), abs=0.004)


def test_bootstrap_refuses_nothing() -> None:
    with pytest.raises(ValueError, match="at least one"):
        bootstrap_mean([], (0, 1), confidence=0.95, resamples=100, seed=0)
