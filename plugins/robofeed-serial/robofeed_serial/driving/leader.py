"""A leader arm: moved by a person, torque off, read only."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from robofeed import ConfigError, HardwareError
from robofeed_serial.arms.arm_file import ArmFile, load_arm
from robofeed_serial.arms.grip import Grip
from robofeed_serial.make_bus import make_bus
from robofeed_serial.supervision.servo_arm import ServoArm
from robofeed_serial.supervision.settings import NOMINAL, find_calibration
from robofeed_serial.wire.errors import BusTimeout, PortGone

SILENT_S = 0.2
"""A servo that has told nothing for so long: nobody knows where the leader is."""
JUMP_RAD = 0.6
"""No hand turns a joint so far between two readings: an encoder went through its zero, or lies."""
_RECENT_S = 0.05


class LeaderLost(HardwareError):  # noqa: N818 - what happened
    """Where the leader is cannot be told; the message names joint, servo and port."""


@dataclass(frozen=True, slots=True)
class Lead:
    """Where the leader is. `opening` of its trigger is in 0..1, None where it has none."""

    rad: list[float]
    opening: float | None
    time_ns: int
    """monotonic, of the oldest of the positions"""


def leader_of(arm: ArmFile) -> ArmFile:
    """The arm file of leaders of `arm`: its own kind unless it names another.

    Raises:
        ConfigError: there is no such file, or its joints are not those of `arm`.
    """
    name = arm.leader
    if name.endswith(".toml"):
        name = str(arm.path.parent / name)
    leader = load_arm(name) if name else arm
    ours, theirs = ([joint.name for joint in each.joints] for each in (arm, leader))
    if ours != theirs:
        raise ConfigError(
            f"{leader.path}: its joints are {', '.join(theirs)}, those of {arm.name} are "
            f"{', '.join(ours)}: it cannot lead it"
        )
    return leader


def leader_calibration(leader: ArmFile, arm: ArmFile, name: str) -> str:
    """The calibration's name: never that of the arm it leads, which is another arm's."""
    return name or (leader.name if leader.name != arm.name else f"{arm.name}-leader")


class Leader:
    """A leader arm on `port`.

    Args:
        arm: What it is made of.
        port: Where it is.
        calibration: Its name or file.
    """

    def __init__(self, arm: ArmFile, port: str, calibration: str) -> None:
        self.arm, self.port = arm, port
        if calibration != NOMINAL:
            _insist_on_calibration(arm, port, calibration)
        self._bus = make_bus(arm.protocol, port, arm.baud)
        self._servos = ServoArm(arm, find_calibration(arm, calibration), self._bus)
        self._grip = Grip(arm.gripper) if arm.gripper is not None else None
        self._last: tuple[float, list[float]] | None = None

    def open(self, may_fall: Callable[[str], object]) -> None:
        """Look at every servo and switch the torque off.

        Args:
            may_fall: Asked before the torque of a leader that holds itself goes off; raises where
                it may not.

        Raises:
            HardwareError: the port or a servo cannot be used.
            ConfigError: another arm's calibration.
        """
        self._bus.open()
        try:
            self._servos.identify()
            self._bus.prepare(self.arm.ids)
            if not all(map(self._servos.lost_torque, range(len(self.arm.ids)))):
                may_fall(
                    f"The arm on {self.port} holds itself. As a leader it is let go and falls: is "
                    "it the leader? Hold it."
                )
            self._servos.relax()
            self._servos.read(0.2)
        except BaseException:
            self._bus.close()
            raise
        self._last = None

    def close(self) -> None:
        """Give the port back; the torque stays off. Idempotent."""
        self._bus.close()

    def read(self) -> Lead:
        """Where it is now.

        Raises:
            LeaderLost: the port is gone, a servo is silent, or a joint is where it cannot be.
        """
        try:
            reading = self._servos.read()
        except PortGone as error:
            raise LeaderLost(f"the leader's port {self.port} was lost: plug it in again") from error
        except BusTimeout as error:
            raise LeaderLost(f"the leader: {error}") from error
        now_ns = time.monotonic_ns()
        self._insist_on_all(reading.time_ns, now_ns)
        self._insist_on_steadiness(reading.rad, now_ns / 1e9)
        count = len(self.arm.joints)
        opening = self._grip.opening(reading.rad[count]) if self._grip is not None else None
        return Lead(list(reading.rad[:count]), opening, min(reading.time_ns))

    def _insist_on_all(self, times_ns: Sequence[int], now_ns: int) -> None:
        silent = [
            servo
            for servo, time_ns in zip(self.arm.servos, times_ns, strict=True)
            if (now_ns - time_ns) / 1e9 > SILENT_S
        ]
        if not silent:
            return
        who = ", ".join(f"joint {servo.name} (servo {servo.id})" for servo in silent)
        if len(silent) == len(times_ns):
            who = "every servo"
        raise LeaderLost(
            f"the leader on {self.port}: {who} silent for over {1e3 * SILENT_S:.0f} ms: check its "
            "supply and cables"
        )

    def _insist_on_steadiness(self, rad: list[float], now_s: float) -> None:
        last, self._last = self._last, (now_s, rad)
        if last is None or now_s - last[0] > _RECENT_S:
            return
        for servo, before, here in zip(self.arm.joints, last[1], rad, strict=False):
            if abs(here - before) > JUMP_RAD:
                raise LeaderLost(
                    f"the leader on {self.port}: joint {servo.name} (servo {servo.id}) jumped by "
                    f"{here - before:+.2f} rad between two readings: outside its range, or "
                    "calibrated wrongly"
                )


def _insist_on_calibration(arm: ArmFile, port: str, name: str) -> None:
    try:
        find_calibration(arm, name)
    except ConfigError as error:
        raise ConfigError(
            f"{error}\nA leader has a calibration of its own: robofeed arm calibrate {arm.name} "
            f"--port {port} --name {name}"
        ) from error
