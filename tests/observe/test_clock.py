"""A fixed rate by a clock that the test holds in its hand."""

import pytest

from robofeed.observe.clock import FixedRate


class HandClock:
    """Time that passes only while someone sleeps, or when the test says so."""

    def __init__(self):
        self.s = 100.0
        self.slept = []

    def now_s(self):
        return self.s

    def sleep(self, s):
        self.slept.append(s)
        self.s += s


@pytest.fixture
def hand():
    return HandClock()


@pytest.fixture
def rate(hand):
    rate = FixedRate(0.04, hand.now_s, hand.sleep)
    rate.start()
    return rate


def test_ticks_are_a_period_apart_however_long_the_work_between_them_takes(hand, rate):
    at = []
    for work_s in (0.0, 0.01, 0.039, 0.02):
        hand.s += work_s
        rate.wait()
        at.append(hand.s)
    assert at == pytest.approx([100.04, 100.08, 100.12, 100.16])
    assert (rate.ticks, rate.overruns) == (4, 0)


def test_a_late_tick_is_counted_and_those_missed_are_not_made_up_for(hand, rate):
    hand.s += 0.2
    rate.wait()
    assert (hand.s, rate.overruns) == (100.2, 1)
    rate.wait()
    assert hand.s == pytest.approx(100.24)
    assert (rate.ticks, rate.overruns) == (2, 1)


def test_it_begins_anew_when_started_again(hand, rate):
    rate.stop()
    assert not rate.running
    hand.s += 50
    rate.wait()
    assert hand.s == pytest.approx(150.04)
    assert rate.overruns == 0
