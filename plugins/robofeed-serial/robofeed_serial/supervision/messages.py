"""What the client of an arm and the process that owns its port say to each other."""

from __future__ import annotations

import enum
import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass

MOST_TEXT = 1500


@enum.unique
class Mode(enum.IntEnum):
    """What the arm is doing."""

    STARTING = 0
    WATCHING = 1
    """The port is open, nothing was written: the torque is as it was found."""
    HOLDING = 2
    """Torque on, at rest."""
    MOVING = 3
    """Torque on, following the client, who is watched."""
    PARKING = 4
    """On the way to its rest pose, slowly."""
    RELAXED = 5
    """Torque off."""
    LOST = 6
    """The port is gone; the servos do what they were told last."""
    CLOSED = 7
    """The port was given back."""


@enum.unique
class Request(enum.IntEnum):
    """What a client may ask for beside a goal."""

    NONE = 0
    ENGAGE = 1
    """Torque on, where the arm stands."""
    ACKNOWLEDGE = 2
    """A person has seen why the arm holds."""
    PARK = 3
    RELAX = 4
    CLOSE = 5
    """Give the port back; the arm holds."""
    ASSUME_REST = 6
    """A person says that an arm which cannot measure lies in its rest pose: for one ENGAGE."""


@enum.unique
class Failure(enum.IntEnum):
    """The kind of error behind a report's reason, so that the client raises the same."""

    NONE = 0
    CONFIG = 1
    HARDWARE = 2


@dataclass(frozen=True, slots=True)
class Order:
    """From the client. `goal_rad` counts while `moving`; NaN = leave that joint where it is."""

    time_ns: int
    moving: bool
    goal_rad: Sequence[float]
    request: Request = Request.NONE
    request_id: int = 0

    def pack(self) -> bytes:
        """As bytes."""
        head = struct.pack("<q?BI", self.time_ns, self.moving, self.request, self.request_id)
        return head + struct.pack(f"<{len(self.goal_rad)}d", *self.goal_rad)

    @staticmethod
    def unpack(letter: bytes, count: int) -> Order:
        """What `pack` made, of `count` servos. Raises ValueError for anything else."""
        try:
            time_ns, moving, request, request_id = struct.unpack_from("<q?BI", letter)
            goals = struct.unpack(f"<{count}d", letter[struct.calcsize("<q?BI") :])
        except struct.error as error:
            raise ValueError(f"not an order: {error}") from None
        return Order(time_ns, moving, goals, Request(request), request_id)


@dataclass(frozen=True, slots=True)
class Report:
    """From the port's owner, every cycle. Arrays have one element a servo, the gripper last."""

    time_ns: int
    """when the oldest of the positions was measured"""
    mode: Mode = Mode.STARTING
    latched: bool = False
    """It holds until a person acknowledges; `reason` says why."""
    failure: Failure = Failure.NONE
    done_id: int = 0
    """of the newest request that was dealt with; `reason` says what went wrong, if something did"""
    rad: Sequence[float] = ()
    rad_s: Sequence[float] = ()
    commanded_rad: Sequence[float] = ()
    reason: str = ""
    late_cycles: int = 0
    cycles: int = 0
    written_ns: int = 0
    """when it was put down: how long the port's owner has been silent counts from here"""
    assumed: bool = False
    """Nobody knows where the arm is; `rad` is its rest pose. ASSUME_REST is due before ENGAGE."""
    in_the_way: str = ""
    """what the newest goal was kept from, in words: two links too near each other, say"""

    def pack(self) -> bytes:
        """As bytes."""
        head = struct.pack(
            _REPORT,
            self.time_ns,
            self.mode,
            self.latched,
            self.failure,
            self.done_id,
            self.late_cycles,
            self.cycles,
            self.written_ns,
            self.assumed,
            len(self.rad),
        )
        count = len(self.rad)
        numbers = [*self.rad, *_padded(self.rad_s, count), *_padded(self.commanded_rad, count)]
        texts = (text.encode("utf-8")[:MOST_TEXT] for text in (self.in_the_way, self.reason))
        return head + struct.pack(f"<{3 * count}d", *numbers) + b"\0".join(texts)

    @staticmethod
    def unpack(letter: bytes) -> Report:
        """What `pack` made. Raises ValueError for anything else."""
        try:
            time_ns, mode, latched, failure, done_id, late, cycles, written_ns, assumed, count = (
                struct.unpack_from(_REPORT, letter)
            )
            start = struct.calcsize(_REPORT)
            numbers = struct.unpack_from(f"<{3 * count}d", letter, start)
        except struct.error as error:
            raise ValueError(f"not a report: {error}") from None
        in_the_way, _, reason = (
            letter[start + 24 * count :].decode("utf-8", "ignore").partition("\0")
        )
        return Report(
            time_ns,
            Mode(mode),
            latched,
            Failure(failure),
            done_id,
            numbers[:count],
            numbers[count : 2 * count],
            numbers[2 * count :],
            reason,
            late,
            cycles,
            written_ns,
            assumed,
            in_the_way,
        )


_REPORT = "<qB?BIIQq?B"


def _padded(values: Sequence[float], count: int) -> Sequence[float]:
    return values if len(values) == count else [math.nan] * count
