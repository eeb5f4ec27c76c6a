"""What the supervisor needs of an arm, whatever bytes move it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from robofeed_serial.buses.servo_bus import ServoFault


@dataclass(frozen=True, slots=True)
class ArmReading:
    """What the arm told last, in the order of its file, the gripper after the joints.

    The last three have an element a servo, or none where the arm does not say.
    """

    rad: list[float]
    rad_s: list[float]
    """NaN where it does not say"""
    time_ns: list[int]
    """of each joint's answer"""
    faults: list[ServoFault] = field(default_factory=list)
    temperature_c: list[float] = field(default_factory=list)
    voltage_v: list[float] = field(default_factory=list)
    assumed: bool = False
    """Nobody knows where some joint is: `rad` has the rest pose there."""


class SupervisedArm(Protocol):
    """One arm on a port that its supervisor owns. One thread.

    Angles are in rad, one element a joint, the gripper last. All may raise PortGone.
    """

    @property
    def lets_go(self) -> bool:
        """Whether `relax` is something it can do."""

    @property
    def takes_goals_anytime(self) -> bool:
        """Whether a goal may be written twice between two readings."""

    @property
    def stops_by_itself(self) -> bool:
        """Whether it stops, and heeds no goal, where its port's owner is silent for too long."""

    def open(self) -> None:
        """Take the port and see that it is the right arm, whose joints all say where they are.

        Moves nothing. Raises HardwareError, ConfigError; the port is free again then.
        """

    def close(self, *, lost: bool) -> None:
        """Give the port back, with the arm at rest or, where the port is `lost`, unknown."""

    def read(self) -> ArmReading:
        """The newest that the arm told; what is silent keeps its last, with its age.

        Raises BusTimeout where something has never said where it is.
        """

    def assume_rest(self) -> None:
        """A person says that an arm which cannot tell lies in its rest pose: for one `engage`."""

    def engage(self, stopped: Callable[[], bool]) -> list[float]:
        """Hold where it stands, and return where that is. Raises HardwareError.

        It takes a moment: `stopped` tells whether somebody has set the stop latch meanwhile, who
        keeps the torque off.
        """

    def write(self, goals_rad: Sequence[float]) -> None:
        """Go there. Raises HardwareError where the arm will not: it is then held."""

    def hold(self, reading: ArmReading) -> list[float]:
        """Stop as soon as it can, and return the pose that it is to hold from now on."""

    def halt(self) -> None:
        """It is held already: take back what it may have been told of a way it has yet to go."""

    def keep(self, goals_rad: Sequence[float]) -> None:
        """Go on holding there: once a cycle for as long as a hold is latched."""

    def relax(self) -> None:
        """Let go: the arm falls. Raises HardwareError where it cannot."""

    def acknowledge(self) -> bool:
        """Release what the arm itself has latched; whether `engage` is due again."""

    def complaint(self, reading: ArmReading) -> str:
        """Why it may not move, "" where nothing is wrong; names joint, port and next step."""

    def lost_torque(self, number: int) -> bool:
        """Whether joint `number` lets go though nobody asked for that. Takes a moment."""

    def label(self, number: int) -> str:
        """Joint `number` and where it is, for messages."""
