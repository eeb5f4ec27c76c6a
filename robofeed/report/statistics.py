"""The statistics of reports and comparisons: pure functions of numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Statistic = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""Reduces the last axis of an array."""


def interquartile_mean(values: ArrayLike) -> NDArray[np.float64]:
    """Return the mean of the middle half along the last axis.

    A quarter of the values (rounded down) is cut at each end, as Agarwal et al. do (2021,
    arXiv:2108.13264), so that fewer than four values give their plain mean.

    Raises:
        ValueError: no values.
    """
    ordered = np.sort(np.asarray(values, dtype=np.float64), axis=-1)
    count = ordered.shape[-1]
    if count == 0:
        raise ValueError("the interquartile mean of no values")
    cut = count // 4
    middle: NDArray[np.float64] = ordered[..., cut : count - cut].mean(axis=-1)
    return middle


def bootstrap_interval(
    strata: Sequence[ArrayLike],
    rng: np.random.Generator,
    statistic: Statistic = interquartile_mean,
    confidence: float = 0.95,
    resamples: int = 2000,
) -> tuple[float, float]:
    """Return the stratified percentile bootstrap interval of `statistic` over all values.

    Each stratum (the runs on one task, say) is resampled with replacement within itself, so that
    every resample keeps the mix of tasks (Agarwal et al., 2021). One value a stratum gives an
    interval without width: the caller must say that it is one run.

    Raises:
        ValueError: a stratum without values, or values where strata of them belong.
    """
    columns = []
    for stratum in strata:
        values = np.asarray(stratum, dtype=np.float64)
        if values.ndim != 1 or values.size == 0:
            raise ValueError("each stratum is a series of at least one value")
        columns.append(values[rng.integers(values.size, size=(resamples, values.size))])
    tail = (1 - confidence) / 2
    low, high = np.quantile(statistic(np.concatenate(columns, axis=1)), [tail, 1 - tail])
    return float(low), float(high)


def spearman(first: ArrayLike, second: ArrayLike) -> float:
    """Return Spearman's rank correlation of two paired series, tied values sharing their mean rank.

    Pairs with a value that is not finite are left out. NaN where fewer than three pairs are left or
    one series is constant: then there is no order to agree on.

    Raises:
        ValueError: series of different lengths.
    """
    left = np.asarray(first, dtype=np.float64).ravel()
    right = np.asarray(second, dtype=np.float64).ravel()
    if left.size != right.size:
        raise ValueError(f"{left.size} values paired with {right.size}")
    finite = np.isfinite(left) & np.isfinite(right)
    if finite.sum() < 3:
        return float("nan")
    ranks = np.stack([_mean_ranks(left[finite]), _mean_ranks(right[finite])])
    ranks -= ranks.mean(axis=1, keepdims=True)
    norms = np.sqrt((ranks**2).sum(axis=1))
    if not norms.all():
        return float("nan")
    return float(np.clip(ranks[0] @ ranks[1] / (norms[0] * norms[1]), -1.0, 1.0))


def _mean_ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    _, group, count = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    return (last - (count - 1) / 2)[group]


def rolling_quantiles(
    values: ArrayLike, window: int, shares: Sequence[float]
) -> NDArray[np.float64]:
    """Return quantiles of the last `window` values at each place, [shares, values].

    At the start they are of as many as there are. Values that are not finite are left out; NaN
    where a window has no others.
    """
    series = np.asarray(values, dtype=np.float64).ravel()
    quantiles = np.full((len(shares), series.size), np.nan)
    for place in range(series.size):
        recent = series[max(0, place - window + 1) : place + 1]
        recent = recent[np.isfinite(recent)]
        if recent.size:
            quantiles[:, place] = np.quantile(recent, shares)
    return quantiles
