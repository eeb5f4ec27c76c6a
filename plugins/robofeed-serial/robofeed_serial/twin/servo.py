"""What a twin needs of a servo of any make, and what a servo answers with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from robofeed_serial.twin.motor import MotorModel
from robofeed_serial.twin.registers import RegisterFile

Note = Callable[[int, str, int], None]
"""Servo id, what happened ("goal", "torque", "watchdog", "reboot"), and its value."""


def unnoted(servo_id: int, what: str, value: int) -> None:
    """For a servo that nobody listens to."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One servo's frame, sent `delay_ns` after the line has become free for it.

    Or, where something has to happen first, `later_ns` after that, the line being free meanwhile.
    """

    servo_id: int
    frame: bytes
    delay_ns: int = 0
    later_ns: int = 0


class Servo(Protocol):
    """One servo: registers in front of a motor."""

    motor: MotorModel
    number: int
    """position in the arm, which stays when the id is changed"""
    registers: RegisterFile
    rates: Sequence[int]
    """bit/s, by the value of its baud register"""
    deaf: bool
    """cut off: hears and says nothing, while the motor goes on"""
    note: Note
    """told of every goal, every switch of the torque and every reboot"""

    @property
    def servo_id(self) -> int: ...

    @property
    def baud(self) -> int: ...

    @property
    def torque_on(self) -> bool: ...

    @property
    def goal_ticks(self) -> int: ...

    @property
    def present_ticks(self) -> int: ...

    @property
    def hears(self) -> bool:
        """Whether it takes part: not cut off, and not just given power."""
        ...

    def step(self, dt_s: float, supply_v: float) -> None:
        """Let `dt_s` pass for what the servo does by itself: protections and watchdogs."""
        ...

    def power_on(self) -> None:
        """Start as it is now: EEPROM kept, RAM fresh, not deaf."""
        ...

    def reboot(self) -> None:
        """Lose power for a moment: RAM is as at power-on, the torque off, deaf for a while."""
        ...

    def latch_overload(self) -> None:
        """Shut down as after a stall, until power is cut."""
        ...

    def place(self, ticks: int) -> None:
        """Put the output where the servo reads `ticks`, by hand."""
        ...
