"""How long the computer has slept, by its own clocks."""

from __future__ import annotations

import time

from robofeed_serial.supervision.asleep import asleep_ns


def test_a_computer_that_is_awake_does_not_sleep_on() -> None:
    """It grows by what lies between two looks at two clocks only, whatever this machine slept."""
    before = asleep_ns()
    time.sleep(0.3)

    assert before >= -1_000_000
    assert abs(asleep_ns() - before) < 200_000_000
