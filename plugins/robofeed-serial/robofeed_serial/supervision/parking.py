"""The way to where an arm may lie without its torque: straight, slow, all joints at once."""

from __future__ import annotations

import math
from collections.abc import Sequence

PARK_SPEED = 0.25
"""share of the joints' speed limits on the way to the rest pose"""
PARKED_RAD = 0.1


class Parking:
    """One arm's.

    Args:
        rest_rad: The pose to park in, one element a servo; NaN = as it is.
        speed_rad_s: Of each servo, on the way there.
    """

    def __init__(self, rest_rad: Sequence[float], speed_rad_s: Sequence[float]) -> None:
        self._rest, self._speed = list(rest_rad), list(speed_rad_s)

    def next(self, commanded_rad: Sequence[float], dt_s: float) -> list[float]:
        """What to ask for after `commanded_rad`, `dt_s` later."""
        ways = [
            rest - last if rest == rest else 0.0
            for rest, last in zip(self._rest, commanded_rad, strict=True)
        ]
        # All joints by one share of their ways: what is in the way of one stops all.
        left_s = max(abs(way) / most for way, most in zip(ways, self._speed, strict=True))
        share = min(1.0, dt_s / left_s) if left_s else 1.0
        return [last + share * way for last, way in zip(commanded_rad, ways, strict=True)]

    def reached(self, rad: Sequence[float]) -> bool:
        """Whether an arm that is measured there may let go."""
        return all(
            not math.isfinite(rest) or abs(rest - q) <= PARKED_RAD
            for rest, q in zip(self._rest, rad, strict=True)
        )
