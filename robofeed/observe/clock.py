"""A fixed rate by the monotonic clock: for arms that move in real time, or are to seem to."""

from __future__ import annotations

import time
from collections.abc import Callable


class FixedRate:
    """Ticks every `period_s`. A tick that comes too late is counted, and never made up for.

    Args:
        period_s: Time between two ticks.
        now_s: The clock; `sleep` waits by it.
    """

    def __init__(
        self,
        period_s: float,
        now_s: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.period_s = period_s
        self._now_s, self._sleep = now_s, sleep
        self._next_s: float | None = None
        self.ticks = 0
        """ticks so far"""
        self.overruns = 0
        """ticks that came late by more than a hundredth of a period"""
        self.late_s = 0.0
        """by so much came the last tick: too much work before it, or a machine busy elsewhere"""

    @property
    def running(self) -> bool:
        """Whether it ticks."""
        return self._next_s is not None

    def start(self) -> None:
        """Tick from now on; the first tick is a period away. What was counted stays."""
        self._next_s = self._now_s() + self.period_s

    def stop(self) -> None:
        """Tick no more."""
        self._next_s = None

    def wait(self) -> None:
        """Return at the next tick; at once where that has passed already."""
        if self._next_s is None:
            self.start()
        assert self._next_s is not None
        left_s = self._next_s - self._now_s()
        if left_s > 0:
            self._sleep(left_s)
        self.late_s = max(0.0, self._now_s() - self._next_s)
        self.ticks += 1
        if left_s < -self.period_s / 100:
            self.overruns += 1
            # From now on: the missed ticks are not caught up with in a hurry.
            self._next_s = self._now_s()
        self._next_s += self.period_s
