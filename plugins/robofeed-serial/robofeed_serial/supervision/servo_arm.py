"""An arm of servos in radians: who must be on the bus, where the joints are and are to go."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

from robofeed import ConfigError, HardwareError, RobofeedError
from robofeed_serial.arms.arm_file import ArmFile, Servo
from robofeed_serial.arms.calibration import Calibration
from robofeed_serial.buses.servo_bus import (
    NOWHERE_TICKS,
    Item,
    ServoBus,
    ServoMode,
    ServoModel,
    ServoRefused,
    ServoState,
    fault_words,
)
from robofeed_serial.supervision.assumed_rest import assumed_pose, unseen
from robofeed_serial.supervision.one_firmware import check_one_firmware
from robofeed_serial.supervision.supervised_arm import ArmReading
from robofeed_serial.wire.errors import BusTimeout

START_TOLERANCE_RAD = 0.06
"""so far outside its range a joint may be found before the arm is switched on"""
GOAL_TOLERANCE_TICKS = 2
FRESH_S = 0.05
"""by so much may the states of an arm's servos be of different ages when it is switched on"""
MOVED_RAD = 0.05
"""so far may a joint have been moved while the goals were being written"""
ANSWER_KEEPS_NS = 15_000_000
"""What answered a goal longer ago is no reading any more."""
_TRIES = 3
_PAUSE_S = 0.15
FIRST_READ_S = 3.0
_POSITION_MODES = {ServoMode.POSITION, ServoMode.EXTENDED_POSITION, ServoMode.CURRENT_POSITION}


@runtime_checkable
class Latches(Protocol):
    """A bus whose controller latches a hold of its own: our firmware's."""

    def acknowledge(self) -> None:
        """A person has seen why it holds."""

    def latched(self) -> str:
        """Why it holds by itself, by what it said last; "" while it does not."""


@runtime_checkable
class Exchanges(Protocol):
    """A bus on which goals are answered by the states of all servos: our firmware's."""

    def exchange(self, goals: Mapping[int, int]) -> dict[int, ServoState]:
        """Write goals in ticks; the states, none where nobody answered. Raises PortGone only."""


class ServoArm:
    """The servos of one arm on a bus, as a `SupervisedArm`. One thread, like the bus itself.

    What needs no supervisor may use it on a bus that is open already.

    Args:
        arm: Its file.
        calibration: Of this very arm.
        bus: Of its kind.
        one_trip: Where the bus can, what answers a goal is the next reading. That is older by a
            cycle than one asked for, but takes half the time: for cycles too short for both.
    """

    lets_go = True

    def __init__(
        self, arm: ArmFile, calibration: Calibration, bus: ServoBus, *, one_trip: bool = False
    ) -> None:
        self.arm, self.bus = arm, bus
        self._exchanges = bus if one_trip and isinstance(bus, Exchanges) else None
        self.takes_goals_anytime = self._exchanges is None  # else the line is busy as it is
        self._answered: Mapping[int, ServoState] = {}
        self._latches = bus if isinstance(bus, Latches) else None
        self._calibration = calibration
        self.scales = calibration.scales(arm)
        self.ranges_rad = calibration.ranges_rad(arm)
        self.ids = arm.ids
        self._lies_at_rest = False
        self._assumed_rad = assumed_pose(arm)

    def open(self) -> None:
        self.bus.open()
        try:
            self.identify()
            self.bus.prepare(self.ids)
            self._read_patiently()
        except BaseException:
            self.bus.close()
            raise

    def close(self, *, lost: bool) -> None:
        try:
            if self.bus.has_watchdog and not lost:
                self._switch_watchdogs_off()
        finally:
            self.bus.close()

    def identify(self) -> None:
        """Check that exactly the servos of the arm file answer, as the calibration knew them.

        Moves nothing, writes nothing.

        Raises:
            HardwareError: a servo is missing, of another model, or in a mode without positions.
            ConfigError: its homing offset is not the calibration's: it is another arm's.
        """
        found = {servo_id: self._ping(servo_id) for servo_id in self.ids}
        at = f"on {self.bus.port} at {self.bus.baud} baud"
        if not any(found.values()):
            raise HardwareError(
                f"no servo answers {at}: is the arm's power on, is it this port, this baud? "
                f"Look with: robofeed arm scan {self.bus.port}"
            )
        missing = [
            f"{servo.name} (servo {servo.id})"
            for servo in self.arm.servos
            if found[servo.id] is None
        ]
        if missing:
            raise HardwareError(
                f"{', '.join(missing)} did not answer {at}: check the cable to it; two servos with "
                f"one id drown each other as well. Look with: robofeed arm scan {self.bus.port}"
            )
        if self.arm.protocol == "feetech":
            check_one_firmware(self.arm, [each for each in found.values() if each], at)
        for servo, known in zip(self.arm.servos, self._known(), strict=True):
            model = found[servo.id]
            assert model is not None
            if servo.model_numbers and model.number not in servo.model_numbers:
                raise HardwareError(
                    f"servo {servo.id} {at} is: {model.name} (number {model.number}), but joint "
                    f"{servo.name} of {self.arm.name} has a {servo.servo}: wrong arm file, or a "
                    "servo was replaced by another kind"
                )
            mode = self._read(servo.id, "mode")
            if mode is not None and mode not in _POSITION_MODES:
                raise HardwareError(
                    f"servo {servo.id} ({servo.name}) {at} is in mode {_mode_name(mode)}, in which "
                    f"a goal is no position: run robofeed arm setup {self.bus.port} --arm "
                    f"{self.arm.name} --joint {servo.name}"
                )
            offset = self._read(servo.id, "homing_offset") if known is not None else None
            if known is not None and offset is not None and offset != known:
                raise ConfigError(
                    f"servo {servo.id} ({servo.name}) {at} adds {offset} to its encoder, the "
                    f"calibration was made with {known}: it is another arm's, or the servo was "
                    f"homed since. Run robofeed arm calibrate {self.arm.name}"
                )

    def read(self, budget_s: float = 0.02) -> ArmReading:
        """The newest state of every servo.

        Raises:
            PortGone: the port is lost.
            BusTimeout: a servo has never answered.
        """
        states, self._answered = self._answered, {}
        oldest_ns = min((state.time_ns for state in states.values()), default=0)
        if time.monotonic_ns() - oldest_ns > ANSWER_KEEPS_NS:
            states = self.bus.read_states(self.ids, budget_s=budget_s)
        rows: list[ServoState] = []
        for servo in self.arm.servos:
            state = states.get(servo.id)
            if state is None:
                raise BusTimeout(
                    f"servo {servo.id} ({servo.name}) on {self.bus.port} has not said where it is: "
                    f"look with robofeed arm scan {self.bus.port}"
                )
            rows.append(state)
        lost = [not self.bus.measures and row.position_ticks == NOWHERE_TICKS for row in rows]
        places = zip(self.scales, rows, self._assumed_rad, lost, strict=True)
        return ArmReading(
            rad=[
                assumed if nowhere else scale.to_rad(row.position_ticks)
                for scale, row, assumed, nowhere in places
            ],
            rad_s=[
                math.nan if state.speed_ticks_s is None else scale.speed_rad_s(state.speed_ticks_s)
                for scale, state in zip(self.scales, rows, strict=True)
            ],
            time_ns=[state.time_ns for state in rows],
            faults=[state.faults for state in rows],
            temperature_c=[_number(state.temperature_c) for state in rows],
            voltage_v=[_number(state.voltage_v) for state in rows],
            assumed=any(lost),
        )

    def write(self, goals_rad: Sequence[float]) -> None:
        """Send all goals in one frame. Raises PortGone."""
        goals = {
            servo_id: scale.to_ticks(goal)
            for servo_id, scale, goal in zip(self.ids, self.scales, goals_rad, strict=True)
        }
        if self._exchanges is not None:
            self._answered = self._exchanges.exchange(goals)
        else:
            self.bus.write_goals(goals)

    def hold(self, reading: ArmReading) -> list[float]:
        """Where it is measured; the supervisor writes that goal in this same cycle."""
        return list(reading.rad)

    def halt(self) -> None:
        """Nothing: its goal is where it is held."""

    def keep(self, goals_rad: Sequence[float]) -> None:
        """Written anew: no group write is answered, and some servos listen for a heartbeat."""
        self.write(goals_rad)

    def assume_rest(self) -> None:
        self._lies_at_rest = True

    def engage(self) -> list[float]:
        """Switch the torque on where the arm stands, and return where that is.

        Each servo's goal is its present position, and is read back, before its torque goes on: a
        goal of yesterday's would be a jump. So would that of a position which is not present any
        more: every servo has told just now, and the arm still stands there afterwards.

        Raises:
            HardwareError: a joint is outside its range, moves or is silent, or a goal does not
                arrive.
            ConfigError: nobody knows where the arm is, and nobody said that it lies at rest.
        """
        trouble = ""
        said, self._lies_at_rest = self._lies_at_rest, False
        for _ in range(_TRIES):
            reading = self._fresh_reading()
            if reading.assumed and not said:
                raise ConfigError(unseen(self.arm, self.bus.port))
            self._within_ranges(reading)
            wanted = {
                servo_id: scale.to_ticks(rad)
                for servo_id, scale, rad in zip(self.ids, self.scales, reading.rad, strict=True)
            }
            self.bus.write_goals(wanted)
            held = {servo_id: self._read(servo_id, "goal_position") for servo_id in self.ids}
            late = [
                servo_id
                for servo_id, ticks in held.items()
                if ticks is not None and abs(ticks - wanted[servo_id]) > GOAL_TOLERANCE_TICKS
            ]
            if late:
                trouble = (
                    f"servo {late[0]} on {self.bus.port} does not take a goal: its torque stays "
                    "off, nothing has moved. Look with: robofeed arm scan " + self.bus.port
                )
                continue
            after = self._fresh_reading().rad
            moved = [
                abs(now - then) > MOVED_RAD for now, then in zip(after, reading.rad, strict=True)
            ]
            if not any(moved):
                self.bus.set_torque(self.ids, True)
                return reading.rad
            trouble = f"{self.label(moved.index(True))} is being moved: hold the arm still"
        raise HardwareError(trouble)

    def acknowledge(self) -> bool:
        """Release what servos or their controller have latched; whether `engage` is due again."""
        if self._latches is not None:
            self._latches.acknowledge()
            return True
        if self.bus.has_watchdog:
            self.bus.prepare(self.ids)  # a watchdog that has tripped ignores goals until then
        return False

    def lost_torque(self, number: int) -> bool:
        """Whether servo `number` of the arm file has its torque off though nobody asked for that.

        Its power failed for a moment, or it protected itself: its goal is forgotten as well. One
        that does not say has not.
        """
        return self.bus.has_torque(self.ids[number]) is False

    def relax(self) -> None:
        """Torque off: the arm falls."""
        self.bus.set_torque(self.ids, False)

    def complaint(self, reading: ArmReading) -> str:
        """What is wrong with a servo, "" where nothing is: faults, heat, supply."""
        if self._latches is not None and (why := self._latches.latched()):
            return f"the controller on {self.bus.port} holds the arm: {why}"
        low_v, high_v = self.arm.limits.voltage_v
        for servo, faults, heat, volts in zip(
            self.arm.servos, reading.faults, reading.temperature_c, reading.voltage_v, strict=True
        ):
            where = self._where(servo)
            if faults:
                return (
                    f"{where} protects itself: {fault_words(faults)}. Take the load off, let it "
                    "cool, switch the arm's power off and on"
                )
            if heat > self.arm.limits.temperature_c:
                return f"{where} is at {heat:.0f} degrees C: let it cool"
            if volts < low_v or volts > high_v:
                return f"{where} has {volts:.1f} V, not {low_v:g} to {high_v:g}: check the supply"
        return ""

    def label(self, number: int) -> str:
        return self._where(self.arm.servos[number])

    def _where(self, servo: Servo) -> str:
        return f"joint {servo.name} (servo {servo.id} on {self.bus.port})"

    def _read_patiently(self) -> None:
        """Until every servo has said where it is: nothing is in a hurry before the first cycle."""
        end_s = time.monotonic() + FIRST_READ_S
        while True:
            try:
                self.read(0.2)
                return
            except BusTimeout:
                if time.monotonic() > end_s:
                    raise

    def _switch_watchdogs_off(self) -> None:
        """The port will be silent for good, with the arm at rest: that is no emergency."""
        for servo_id in self.ids:
            # A silent servo keeps its watchdog: safe as well.
            with contextlib.suppress(RobofeedError):
                self.bus.write(servo_id, "watchdog", 0)

    def _fresh_reading(self) -> ArmReading:
        """What all servos told at nearly one time. Raises HardwareError where one is silent."""
        for attempt in range(_TRIES):
            if attempt:
                time.sleep(_PAUSE_S)  # one that was silent is asked less often for a while
            reading = self.read()
            oldest_ns = min(reading.time_ns)
            age_s = (max(reading.time_ns) - oldest_ns) / 1e9
            if age_s <= FRESH_S:
                return reading
        silent = self.label(reading.time_ns.index(oldest_ns))
        raise HardwareError(
            f"{silent} has not said where it is for {age_s:.1f} s: the torque stays off. "
            "Check its cable"
        )

    def _within_ranges(self, reading: ArmReading) -> None:
        for servo, rad, (low, high) in zip(
            self.arm.servos, reading.rad, self.ranges_rad, strict=True
        ):
            beyond = max(low - rad, rad - high)
            if beyond > START_TOLERANCE_RAD:
                raise HardwareError(
                    f"joint {servo.name} (servo {servo.id} on {self.bus.port}) stands at "
                    f"{rad:.2f} rad, outside its range {low:.2f} to {high:.2f}: the torque stays "
                    "off. Move it back by hand; if it is not really there, calibrate again: "
                    f"robofeed arm calibrate {self.arm.name}"
                )

    def _known(self) -> list[int | None]:
        by_name = {each.name: each.homing_offset for each in self._calibration.servos}
        return [by_name[servo.name] for servo in self.arm.servos]

    def _ping(self, servo_id: int) -> ServoModel | None:
        """Who has this id, asked more than once: nobody is in a hurry yet."""
        for attempt in range(_TRIES):
            last = attempt == _TRIES - 1
            with contextlib.suppress(BusTimeout):  # it answered, then did not: ask again
                model = self.bus.ping(servo_id)
                if model is not None and (model.number >= 0 or last):  # -1: it could not be read
                    return model
            if attempt < _TRIES - 1:
                time.sleep(_PAUSE_S)
        return None

    def _read(self, servo_id: int, item: Item) -> int | None:
        """An item, None where this kind of servo has none."""
        for attempt in range(_TRIES):
            try:
                return self.bus.read(servo_id, item)
            except ConfigError:
                return None
            except (BusTimeout, ServoRefused):
                if attempt == _TRIES - 1:
                    raise
                time.sleep(_PAUSE_S)
        raise AssertionError("unreachable")


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def _mode_name(mode: int) -> str:
    return next((each.name for each in ServoMode if each == mode), str(mode))
