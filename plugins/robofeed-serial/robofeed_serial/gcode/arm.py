"""What a driver needs of any arm that takes G-code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from robofeed import HardwareError


class ArmRefused(HardwareError):  # noqa: N818 - what happened
    """The arm answered that it will not."""


class Doing(Enum):
    """What an arm says it is doing."""

    IDLE = "idle"
    MOVING = "moving"
    HELD = "held"
    LOCKED = "locked"
    """an alarm: it must be homed, by a person's wish"""


@dataclass(frozen=True, slots=True)
class GcodeState:
    """Where an arm says it is, when its answer was complete."""

    time_ns: int
    doing: Doing | None
    """None = it does not say"""
    place: Mapping[str, float]
    """by axis; mm, or degrees where the axis is a joint"""


class GcodeArm(Protocol):
    """One arm at one port. One thread owns it."""

    def open(self) -> None:
        """Take the port and see that the arm answers. Nothing moves.

        Opening a port restarts many boards: they are given the time for that.

        Raises:
            PortGone: the port is missing, busy or forbidden.
            BusTimeout: nothing answers there.
        """
        ...

    def close(self) -> None:
        """Give the port back. Idempotent."""
        ...

    def state(self) -> GcodeState:
        """Ask where the arm is.

        Raises:
            BusTimeout: no answer in time.
            PortGone: the port is lost.
        """
        ...

    def move(self, place: Mapping[str, float], speed: float) -> None:
        """Go to `place`, at `speed` mm/s or degrees/s. Returns before it is there.

        Raises:
            ValueError: a number that is not finite, or a speed that is not above 0.
            ArmRefused: out of reach, locked, or its queue is full.
            BusTimeout: no answer in time; whether it goes there is not known.
        """
        ...

    def stop(self) -> bool:
        """Stop what is under way, if the arm can. False = it finishes the move it is making."""
        ...

    @property
    def lets_go(self) -> bool:
        """Whether its motors can be switched off by a command."""
        ...

    def engage(self) -> None:
        """Motors on, where they stand. Raises as `move` does."""
        ...

    def relax(self) -> None:
        """Motors off: it falls. Raises ArmRefused where there is no such command."""
        ...
