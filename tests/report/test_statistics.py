import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robofeed.report.statistics import (
    bootstrap_interval,
    interquartile_mean,
    rolling_quantiles,
    spearman,
)

finite = st.floats(-1e6, 1e6, allow_nan=False)
series = st.lists(finite, min_size=1, max_size=40)


@given(series)
def test_the_interquartile_mean_lies_between_the_quartiles(values):
    middle = interquartile_mean(values)
    assert min(values) - 1e-6 <= middle <= max(values) + 1e-6
    if len(values) < 4:
        assert middle == pytest.approx(np.mean(values))


@given(st.lists(finite, min_size=4, max_size=40), st.floats(1.0, 1e9))
def test_one_wild_value_does_not_move_the_interquartile_mean_far(values, wild):
    values = sorted(values)
    assert interquartile_mean([*values[:-1], values[-1] + wild]) == interquartile_mean(values)


@given(series, st.randoms())
def test_the_interquartile_mean_ignores_order(values, random):
    shuffled = list(values)
    random.shuffle(shuffled)
    assert interquartile_mean(shuffled) == interquartile_mean(values)


def test_a_quarter_is_cut_at_each_end():
    assert interquartile_mean([0, 1, 2, 3, 100]) == 2.0
    assert interquartile_mean([[0, 1, 2, 3], [9, 9, 9, 9]]).tolist() == [1.5, 9.0]
    with pytest.raises(ValueError, match="no values"):
        interquartile_mean([])


@given(st.lists(series, min_size=1, max_size=4), st.integers(0, 2**32))
def test_the_bootstrap_interval_lies_within_the_values_and_repeats(strata, seed):
    low, high = bootstrap_interval(strata, np.random.default_rng(seed), resamples=50)
    assert low <= high
    assert min(map(min, strata)) - 1e-6 <= low and high <= max(map(max, strata)) + 1e-6
    assert (low, high) == bootstrap_interval(strata, np.random.default_rng(seed), resamples=50)


def test_strata_keep_their_share():
    """Ten runs at 0 and ten at 1, as strata, can only ever average one half."""
    rng = np.random.default_rng(0)

    def mean(values):
        return values.mean(axis=-1)

    assert bootstrap_interval([[0.0] * 10, [1.0] * 10], rng, mean) == (0.5, 0.5)
    low, high = bootstrap_interval([[0.0] * 10 + [1.0] * 10], rng, mean)
    assert low < 0.4 and high > 0.6


def test_values_in_place_of_strata_are_refused():
    """Each would be a stratum of its own, and the interval have no width."""
    for strata in ([0.2, 0.9], [[]]):
        with pytest.raises(ValueError, match="each stratum is a series"):
            bootstrap_interval(strata, np.random.default_rng(0))


def test_the_bootstrap_interval_covers_as_often_as_it_says():
    rng = np.random.default_rng(1)
    covered = 0
    for _ in range(300):
        low, high = bootstrap_interval([rng.normal(size=20)], rng, resamples=200)
        covered += low <= 0.0 <= high
    assert 0.86 <= covered / 300 <= 0.99


pairs = st.lists(st.tuples(st.integers(-50, 50), st.integers(-50, 50)), min_size=3, max_size=40)


@given(pairs)
def test_spearman_sees_only_order(values):
    first, second = np.array(values, dtype=float).T
    plain = spearman(first, second)
    if np.isnan(plain):
        assert len(set(first)) == 1 or len(set(second)) == 1
        return
    assert -1.0 <= plain <= 1.0
    assert spearman(first**3, np.exp(second / 10)) == pytest.approx(plain)
    assert spearman(first, -second) == pytest.approx(-plain)
    assert spearman(second, first) == pytest.approx(plain)


def test_spearman_known_values():
    assert spearman([1, 2, 3, 4], [10, 20, 30, 40]) == pytest.approx(1.0)
    # 1 - 6 * sum of squared rank differences / (n * (n^2 - 1)), no ties: 1 - 6 * 4 / 60
    assert spearman([1, 2, 3, 4], [2, 1, 4, 3]) == pytest.approx(0.6)
    assert spearman([1, 2, 3, np.nan], [1, 2, 3, 0]) == pytest.approx(1.0)
    assert np.isnan(spearman([1, 2], [1, 2]))
    with pytest.raises(ValueError, match="paired"):
        spearman([1, 2, 3], [1, 2])


@given(series, st.integers(1, 10))
def test_rolling_quantiles_look_back_only(values, window):
    low, middle = rolling_quantiles(values, window, [0.0, 0.5])
    for place in range(len(values)):
        recent = values[max(0, place - window + 1) : place + 1]
        assert middle[place] == pytest.approx(np.median(recent))
        assert low[place] == min(recent)


def test_rolling_quantiles_skip_what_is_not_a_number():
    assert np.isnan(rolling_quantiles([np.nan, np.inf], 2, [0.5])).all()
    assert rolling_quantiles([np.nan, 3.0, np.nan], 2, [0.5])[0].tolist()[1:] == [3.0, 3.0]
    assert rolling_quantiles([], 3, [0.25, 0.75]).shape == (2, 0)
