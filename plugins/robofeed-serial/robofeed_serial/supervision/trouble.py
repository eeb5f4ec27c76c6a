"""Why an arm that could move must hold now: people, programs, the computer, cables, servos."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from robofeed_serial.supervision.messages import Mode, Order
from robofeed_serial.supervision.settings import own_watchdog_s
from robofeed_serial.supervision.supervised_arm import ArmReading, SupervisedArm

SLEPT_S = 1.0
"""A cycle that comes later than this: the computer slept, or stood still."""
TORQUE_EVERY = 5
"""cycles between two looks at whether a servo still has its torque"""
RECENT_NS = 30_000_000
STOPPED = "stopped by hand"
CLIENT_GONE = "the program that drives the arm has ended"


@dataclass(frozen=True, slots=True)
class Moment:
    """What the port's owner knows of the world beside its arm, in one cycle."""

    now_ns: int
    """monotonic"""
    order: Order | None
    """the client's newest, None before the first"""
    alive: bool
    """whether the client is"""
    stopped: Callable[[], bool]
    """whether somebody has set the stop latch: may be asked again"""
    slept: bool = False
    """since the cycle before"""


class TroubleWatch:
    """One arm's.

    Args:
        arm: Open.
        watchdog_ns: How old the client's order, and what a servo told, may be while the arm moves.
    """

    def __init__(self, arm: SupervisedArm, watchdog_ns: int) -> None:
        self._arm, self._watchdog_ns = arm, watchdog_ns
        own_s = own_watchdog_s(watchdog_ns / 1e9) if arm.stops_by_itself else SLEPT_S
        self._patience_ns = 1e9 * min(own_s, SLEPT_S)
        self._cycles = 0
        self._asleep_ns: int | None = None
        self._limp: int | None = None
        """a servo that had no torque in the cycle before"""

    def slept(self, passed_ns: int | None, asleep_ns: int) -> bool:
        """Whether the computer slept or stood still since `note_time`.

        Servos with a watchdog of their own have stopped sooner, and heed no goal any more.

        Args:
            passed_ns: By the monotonic clock; None at first.
            asleep_ns: How long the computer has slept so far, which that clock does not count.
        """
        if self._asleep_ns is None or passed_ns is None:
            return False
        return passed_ns + asleep_ns - self._asleep_ns > self._patience_ns

    def note_time(self, asleep_ns: int) -> None:
        """A cycle begins."""
        self._asleep_ns = asleep_ns

    def forget_time(self) -> None:
        """What has just been done takes seconds: that is no sleep."""
        self._asleep_ns = None

    def look(self, moment: Moment, reading: ArmReading, mode: Mode, orphan: bool) -> str:
        """Why the arm must hold, "" where nothing is wrong. Once a cycle: it takes turns.

        Args:
            moment: Now.
            reading: The newest.
            mode: HOLDING, MOVING or PARKING.
            orphan: The client is known to be gone for good.
        """
        order = moment.order
        if moment.stopped():
            return STOPPED
        if not moment.alive and not orphan:
            return CLIENT_GONE
        silent = order is None or moment.now_ns - order.time_ns > self._watchdog_ns
        if mode is Mode.PARKING and silent and not orphan:
            return "the program that asked to park fell silent"
        if moment.slept:
            return "the computer slept or stood still: look at the arm, then start anew"
        oldest = min(range(len(reading.time_ns)), key=reading.time_ns.__getitem__)
        age_ns = moment.now_ns - reading.time_ns[oldest]
        moves = mode is not Mode.HOLDING or (order is not None and order.moving)
        if age_ns > self._watchdog_ns and moves:
            if 2 * (moment.now_ns - max(reading.time_ns)) > self._watchdog_ns:
                return (
                    f"the whole arm has been silent for {age_ns / 1e6:.0f} ms "
                    f"({self._arm.label(oldest)} and all others): is its power on, "
                    "is the first cable plugged in?"
                )
            return (
                f"{self._arm.label(oldest)} has been silent for {age_ns / 1e6:.0f} ms: "
                "check its cable"
            )
        if complaint := self._arm.complaint(reading):
            return complaint
        if reading.assumed:
            return "nobody knows any more where the arm is: its servos are limp. Check its supply"
        return self._torque_lost(len(reading.rad), age_ns)

    def _torque_lost(self, joints: int, oldest_ns: int) -> str:
        """One servo is asked every few cycles, in turn; not while one is silent: it takes time.

        It is told a cycle later: a servo that protects itself lets go as well, and its next state
        says from what.
        """
        self._cycles += 1
        if oldest_ns > RECENT_NS:
            return ""
        suspect, self._limp = self._limp, None
        if suspect is None:
            if self._cycles % TORQUE_EVERY == 0:
                number = self._cycles // TORQUE_EVERY % joints
                self._limp = number if self._arm.lost_torque(number) else None
            return ""
        if not self._arm.lost_torque(suspect):
            return ""
        return (
            f"{self._arm.label(suspect)} has lost its torque: its power failed for a moment. "
            "Support the arm, check supply and plugs"
        )
