import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robofeed.data.intervals import wilson_interval


@st.composite
def trials(draw):
    n = draw(st.integers(1, 10_000))
    return draw(st.integers(0, n)), n


@given(trials())
def test_the_interval_holds_the_rate_and_stays_within_0_and_1(case):
    successes, n = case
    low, high = wilson_interval(successes, n)
    assert 0.0 <= low <= successes / n <= high <= 1.0
    assert low < high


@given(trials())
def test_failures_mirror_successes(case):
    successes, n = case
    low, high = wilson_interval(successes, n)
    mirrored = wilson_interval(n - successes, n)
    assert mirrored == pytest.approx((1 - high, 1 - low))


@given(trials())
def test_more_trials_at_one_rate_narrow_it(case):
    successes, n = case
    narrow, wide = wilson_interval(4 * successes, 4 * n), wilson_interval(successes, n)
    assert narrow[1] - narrow[0] < wide[1] - wide[0]


@given(trials())
def test_its_ends_solve_the_score_equation(case):
    successes, n = case
    z = 1.959963984540054
    for end in wilson_interval(successes, n):
        if end in (0.0, 1.0):
            continue
        score = (successes / n - end) / math.sqrt(end * (1 - end) / n)
        assert abs(score) == pytest.approx(z, rel=1e-6)


def test_no_trials_say_nothing():
    assert wilson_interval(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize("successes, n", [(-1, 10), (11, 10), (0, -1)])
def test_impossible_counts_are_refused(successes, n):
    with pytest.raises(ValueError, match="trials"):
        wilson_interval(successes, n)
