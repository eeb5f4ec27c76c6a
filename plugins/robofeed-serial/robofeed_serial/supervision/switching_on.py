"""Torque on, where the arm stands: as all its servos have just told, or not at all."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from robofeed import ConfigError, HardwareError
from robofeed_serial.arms.arm_file import ArmFile, Servo
from robofeed_serial.arms.description import Range
from robofeed_serial.arms.ticks import JointScale
from robofeed_serial.buses.servo_bus import ServoBus
from robofeed_serial.supervision.asking import PAUSE_S, TRIES, item_of
from robofeed_serial.supervision.assumed_rest import unseen
from robofeed_serial.supervision.supervised_arm import ArmReading
from robofeed_serial.supervision.trouble import STOPPED
from robofeed_serial.wire.errors import PortGone

START_TOLERANCE_RAD = 0.06
"""so far outside its range a joint may be found before the arm is switched on"""
GOAL_TOLERANCE_TICKS = 2
FRESH_S = 0.05
"""by so much may the states of an arm's servos be of different ages when it is switched on"""
MOVED_RAD = 0.05
"""so far may a joint have been moved while the goals were being written"""


class SwitchingOn:
    """Each servo's goal is its present position, and is read back, before its torque goes on.

    A goal of yesterday's would be a jump. So would that of a position which is not present any
    more: every servo has told just now, and the arm still stands there afterwards.

    Args:
        arm: Its file.
        scales: Ticks and radians, one a servo.
        ranges_rad: The calibration's.
        bus: Open.
        read: The newest reading.
    """

    def __init__(
        self,
        arm: ArmFile,
        scales: Sequence[JointScale],
        ranges_rad: Sequence[Range],
        bus: ServoBus,
        read: Callable[[], ArmReading],
    ) -> None:
        self._arm, self._scales, self._ranges = arm, scales, ranges_rad
        self._bus, self._read = bus, read

    def engage(self, at_rest: bool, stopped: Callable[[], bool]) -> list[float]:
        """Switch it on, and return where it is held.

        Args:
            at_rest: Somebody said that an arm which cannot measure lies in its rest pose.
            stopped: Asked right before the torque goes on.

        Raises:
            HardwareError: a joint is outside its range, moves or is silent, a goal does not
                arrive, or it was stopped meanwhile.
            ConfigError: nobody knows where the arm is, and nobody said that it lies at rest.
        """
        trouble = ""
        for _ in range(TRIES):
            reading = self._fresh_reading()
            if reading.assumed and not at_rest:
                raise ConfigError(unseen(self._arm, self._bus.port))
            self._check_ranges(reading)
            late = self._deaf_to_goals(reading)
            if late is not None:
                trouble = (
                    f"servo {late} on {self._bus.port} does not take a goal: its torque stays "
                    "off, nothing has moved. Look with: robofeed arm scan " + self._bus.port
                )
                continue
            after = self._fresh_reading().rad
            moved = [
                abs(now - then) > MOVED_RAD for now, then in zip(after, reading.rad, strict=True)
            ]
            if not any(moved):
                if stopped():
                    raise HardwareError(f"{STOPPED}: it is not switched on")
                self._switch()
                return reading.rad
            where = where_is(self._arm.servos[moved.index(True)], self._bus.port)
            trouble = f"{where} is being moved: hold the arm still"
        raise HardwareError(trouble)

    def _switch(self) -> None:
        try:
            self._bus.set_torque(self._arm.ids, True)
        except PortGone:
            raise
        except HardwareError as error:
            raise HardwareError(
                f"{error} Some joints may hold now and others not: support the arm, then run "
                "robofeed arm relax, and try again"
            ) from error

    def _deaf_to_goals(self, reading: ArmReading) -> int | None:
        """Write where each servo is as its goal; the first one that says it has another."""
        wanted = {
            servo_id: scale.to_ticks(rad)
            for servo_id, scale, rad in zip(self._arm.ids, self._scales, reading.rad, strict=True)
        }
        self._bus.write_goals(wanted)
        held = {servo_id: item_of(self._bus, servo_id, "goal_position") for servo_id in wanted}
        late = (
            servo_id
            for servo_id, ticks in held.items()
            if ticks is not None and abs(ticks - wanted[servo_id]) > GOAL_TOLERANCE_TICKS
        )
        return next(late, None)

    def _fresh_reading(self) -> ArmReading:
        """What all servos told at nearly one time. Raises HardwareError where one is silent."""
        for attempt in range(TRIES):
            if attempt:
                time.sleep(PAUSE_S)
            reading = self._read()
            oldest_ns = min(reading.time_ns)
            age_s = (max(reading.time_ns) - oldest_ns) / 1e9
            if age_s <= FRESH_S:
                return reading
        silent = where_is(self._arm.servos[reading.time_ns.index(oldest_ns)], self._bus.port)
        raise HardwareError(
            f"{silent} has not said where it is for {age_s:.1f} s: the torque stays off. "
            "Check its cable"
        )

    def _check_ranges(self, reading: ArmReading) -> None:
        for servo, rad, (low, high) in zip(
            self._arm.servos, reading.rad, self._ranges, strict=True
        ):
            beyond = max(low - rad, rad - high)
            if beyond > START_TOLERANCE_RAD:
                raise HardwareError(
                    f"{where_is(servo, self._bus.port)} stands at {rad:.2f} rad, outside its "
                    f"range {low:.2f} to {high:.2f}: the torque stays off. Move it back by hand; "
                    "if it is not really there, calibrate again: robofeed arm calibrate "
                    f"{self._arm.name}"
                )


def where_is(servo: Servo, port: str) -> str:
    """A joint for messages: its name, and where to look for it."""
    return f"joint {servo.name} (servo {servo.id} on {port})"
