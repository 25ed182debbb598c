"""Intervals of a rate: Wilson's for independent replies, a bootstrap over questions where replies share a question."""

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

Interval = tuple[float, float]


def wilson(successes: int, trials: int, confidence: float = 0.95) -> Interval:
    """Wilson's score interval (1927) of a proportion; (0, 1) where nothing was tried. It always lies within [0, 1]."""
    if not 0 <= successes <= trials:
        raise ValueError(f"{successes} successes of {trials} trials")
    if trials == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    rate, spread = successes / trials, z * z / trials
    centre = (rate + spread / 2) / (1 + spread)
    half = z / (1 + spread) * (rate * (1 - rate) / trials + spread / (4 * trials)) ** 0.5
    return max(0.0, min(centre - half, rate)), min(1.0, max(centre + half, rate))


def bootstrap_mean(values: Sequence[float], *, confidence: float, resamples: int, seed: int) -> Interval:
    """Percentile bootstrap of the mean of `values`, one value a question. Deterministic for a seed.

    For a paired comparison pass the differences by question.
    """
    if not values:
        raise ValueError("a bootstrap needs at least one value")
    data = np.asarray(values, dtype=float)
    random = np.random.default_rng(seed)
    # A few thousand means of a few hundred values at a time bound the memory at some MB.
    means = np.concatenate(
        [
            data[random.integers(0, len(data), (min(500, resamples - start), len(data)))].mean(axis=1)
            for start in range(0, resamples, 500)
        ]
    )
    low, high = np.quantile(means, [0.5 - confidence / 2, 0.5 + confidence / 2])
    return float(low), float(high)
