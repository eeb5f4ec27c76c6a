"""The power supply that all servos of an arm share, and the cable between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from robofeed_serial.twin.motor import MotorModel


@dataclass(slots=True)
class Supply:
    """A voltage behind a resistance: what the motors take together lowers it for all of them.

    It is counted as a share of what each servo is made for, because arms of mixed servos feed the
    small ones through a converter.
    """

    rail_v: float
    """before any converter"""
    resistance_ohm: float = 0.1
    """of supply, cable and connectors of a daisy chain; an assumption"""
    open_share: float = 1.0
    """without load; 1.6 is 12 V on servos for 7.4 V"""
    lowered_share: float = 0.0
    """taken off by a fault"""

    def share(self, motors: Sequence[MotorModel]) -> float:
        """The voltage at the servos as a share of their nominal one; never negative."""
        watts = sum(motor.current_a * motor.figures.nominal_v for motor in motors)
        sag_v = watts / self.rail_v * self.resistance_ohm
        return max(0.0, self.open_share - self.lowered_share - sag_v / self.rail_v)
