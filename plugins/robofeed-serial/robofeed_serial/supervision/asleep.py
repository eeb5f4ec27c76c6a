"""How long this computer has slept: its lid was closed, and nobody watched the arm."""

from __future__ import annotations

import time

_COUNTS_SLEEP = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Python's monotonic clock stands still while a computer sleeps, on Linux and on macOS. These do
not: Linux's clock since boot, and what macOS calls monotonic."""


def asleep_ns() -> int:
    """Nanoseconds of sleep so far; what counts is how it grows."""
    return time.clock_gettime_ns(_COUNTS_SLEEP) - time.monotonic_ns()
