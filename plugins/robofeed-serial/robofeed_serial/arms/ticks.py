"""Encoder ticks to radians and back, for one joint."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class JointScale:
    """How a joint's angle follows from its servo's position.

    `sign` is +1 where more ticks are a larger angle. With `gear` 3 the servo turns three times as
    far as the joint.
    """

    zero_ticks: float
    """where the joint's angle is 0"""
    sign: int
    ticks_per_turn: int
    gear: float = 1.0

    @property
    def ticks_per_rad(self) -> float:
        """Signed."""
        return self.sign * self.gear * self.ticks_per_turn / math.tau

    def to_rad(self, ticks: float) -> float:
        """The joint's angle at a servo position."""
        return (ticks - self.zero_ticks) / self.ticks_per_rad

    def to_ticks(self, rad: float) -> int:
        """The servo position nearest to a joint angle. Raises ValueError for NaN."""
        return round(self.zero_ticks + rad * self.ticks_per_rad)

    def speed_rad_s(self, ticks_s: float) -> float:
        """The joint's speed at a servo's."""
        return ticks_s / self.ticks_per_rad
