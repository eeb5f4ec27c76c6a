"""What a driver needs of any bus with servos on it, whatever bytes go over the wire.

A position is an int of encoder ticks, signed, so that turns beyond the first can be said; in normal
use it lies in 0..ticks_per_turn-1. One thread owns a bus: nothing here may be called from two.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Literal, NamedTuple, Protocol

from robofeed import HardwareError
from robofeed_serial.wire.statistics import BusStatistics


class ServoRefused(HardwareError):  # noqa: N818
    """A servo answered that it will not: its error byte, or what was written did not stick."""


NOWHERE_TICKS = 0
"""On a bus that does not measure: the position of a servo that stands nobody knows where."""


class ServoFault(IntFlag):
    """Why a servo protects itself, or is about to."""

    NONE = 0
    VOLTAGE = 1
    ENCODER = 2
    HEAT = 4
    CURRENT = 8
    OVERLOAD = 16
    SHOCK = 32
    """An electrical shock, or too little power for the motor."""
    UNKNOWN = 64
    """It says that it protects itself, and not from what."""


def fault_words(faults: ServoFault) -> str:
    """Each of `faults` by its name."""
    return ", ".join(each.name.lower() for each in ServoFault if each.name and each in faults)


class ServoMode(IntEnum):
    """What a servo's goal means: values of the item "mode". No servo knows them all."""

    POSITION = 0
    VELOCITY = 1
    PWM = 2
    STEP = 3
    CURRENT = 4
    EXTENDED_POSITION = 5
    """Position over several turns."""
    CURRENT_POSITION = 6
    """Position, with a bound on the current: a gripper that does not crush."""


Item = Literal[
    "model",
    "firmware",
    "id",
    "baud",  # bit/s
    "return_delay",  # us
    "mode",  # a ServoMode
    "torque",  # 0 or 1
    "goal_position",  # ticks
    "goal_speed",  # ticks/s, the bound of the motion's profile; 0 = as fast as it can
    "acceleration",  # ticks/s^2, of the profile; 0 = as fast as it can
    "goal_current",  # mA
    "torque_limit",  # per mille of what the motor can; lost when power goes
    "min_position",  # ticks
    "max_position",  # ticks
    "homing_offset",  # ticks that the servo ADDS to what its encoder says (Feetech stores -offset)
    "p_gain",
    "i_gain",
    "d_gain",
    "present_position",  # ticks
    "present_speed",  # ticks/s
    "present_load",  # per mille of the motor's drive, signed
    "present_current",  # mA, signed
    "present_voltage",  # mV
    "present_temperature",  # degC
    "faults",  # a ServoFault
    "moving",  # 0 or 1
    "watchdog",  # ms of silence until the servo stops by itself; 0 = off, negative = it has tripped
    "max_temperature",  # degC
    "max_voltage",  # mV
    "min_voltage",  # mV
    "max_torque",  # per mille; kept when power goes
    "protective_torque",  # per cent, what is left to an overloaded servo
    "protection_time",  # ms of overload until it protects itself
    "overload_torque",  # per cent, from where it counts as overloaded
]
"""What can be read or written by name. The units are neutral: a bus translates its registers'."""


@dataclass(frozen=True, slots=True)
class ServoModel:
    """Who answered a ping."""

    servo_id: int
    number: int
    """The model number the servo gives."""
    name: str
    """That number's name, "unknown model N", or why the number cannot be read (-1 then)."""
    firmware: str
    ticks_per_turn: int
    baud: int
    """bit/s at which it answered."""


class ServoState(NamedTuple):
    """The newest that one servo told. None = this servo, or this way of asking, does not say.

    A named tuple, since thousands are made every second.
    """

    servo_id: int
    time_ns: int
    """Monotonic, when the reply was complete: the state's age counts from here."""
    position_ticks: int
    speed_ticks_s: float | None = None
    load_share: float | None = None
    """-1..1 of what the motor can."""
    current_a: float | None = None
    voltage_v: float | None = None
    temperature_c: float | None = None
    faults: ServoFault = ServoFault.NONE


class ServoBus(Protocol):
    """Servos behind one port.

    `open` moves nothing and writes nothing. Unless said otherwise a method raises BusTimeout when a
    servo does not answer, ServoRefused when it refuses, PortGone when the port is lost; the message
    names port, servo and next step.
    """

    @property
    def port(self) -> str:
        """The port's name, for messages."""

    @property
    def baud(self) -> int:
        """bit/s at which the port talks now."""

    @property
    def bauds(self) -> Sequence[int]:
        """Rates that such servos can be set to, likeliest first: what a scan tries."""

    @property
    def has_watchdog(self) -> bool:
        """Whether the servos stop by themselves when the host falls silent."""

    @property
    def measures(self) -> bool:
        """Whether positions are measured; else a state tells what was last commanded."""

    @property
    def statistics(self) -> BusStatistics:
        """Counts since `open`."""

    def open(self) -> None:
        """Take the port. Raises PortGone where it is missing, busy or forbidden."""

    def close(self) -> None:
        """Give the port back; the servos keep doing what they do. Idempotent."""

    def set_baud(self, baud: int) -> None:
        """Talk at another rate from now on. Changes no servo (that is `write(id, "baud", ..)`)."""

    def ping(self, servo_id: int) -> ServoModel | None:
        """Who has this id; None where nobody answers."""

    def prepare(self, ids: Sequence[int]) -> None:
        """Answer at once, in full, and watch the host where the servo can. Torque is not touched.

        Return delay 0, the status level that answers reads and writes, the watchdog set.
        """

    def read_states(self, ids: Sequence[int], *, budget_s: float = 0.02) -> dict[int, ServoState]:
        """The newest state of each of `ids`, asked for now, within `budget_s` with its retries.

        A servo that does not answer keeps its last state, whose `time_ns` tells the age; one that
        has never answered is missing. Raises PortGone only.
        """

    def write_goals(self, goals: Mapping[int, int]) -> None:
        """Goal positions in ticks, all in one frame that nobody answers. Raises PortGone."""

    def set_torque(self, ids: Sequence[int], on: bool) -> None:
        """Hold, or let go: the arm falls. Write a goal first, or it jumps to its last one."""

    def read(self, servo_id: int, item: Item) -> int:
        """One item, in the units of `Item`. Raises ConfigError where this servo has none."""

    def has_torque(self, servo_id: int) -> bool | None:
        """Whether its torque is on, asked once, for the control cycle; None = it did not answer."""

    def write(self, servo_id: int, item: Item, value: int) -> None:
        """Set one item, in the units of `Item`; what survives power loss is unlocked around it."""
