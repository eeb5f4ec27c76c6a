"""An arm of servos in radians: where its joints are and are to go, and what is wrong with it."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, runtime_checkable

from robofeed import RobofeedError
from robofeed_serial.arms.arm_file import ArmFile
from robofeed_serial.arms.calibration import Calibration
from robofeed_serial.buses.servo_bus import (
    NOWHERE_TICKS,
    ServoBus,
    ServoState,
    fault_words,
)
from robofeed_serial.supervision.assumed_rest import assumed_pose
from robofeed_serial.supervision.right_servos import check_servos
from robofeed_serial.supervision.supervised_arm import ArmReading
from robofeed_serial.supervision.switching_on import SwitchingOn, where_is
from robofeed_serial.wire.errors import BusTimeout

ANSWER_KEEPS_NS = 15_000_000
"""What answered a goal longer ago is no reading any more."""
FIRST_READ_S = 3.0


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
        self._switching_on = SwitchingOn(arm, self.scales, self.ranges_rad, bus, self.read)

    @property
    def stops_by_itself(self) -> bool:
        return self.bus.has_watchdog

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
        """See that exactly the servos of the arm file answer, as the calibration knew them.

        Moves nothing, writes nothing.

        Raises:
            HardwareError, ConfigError: as `check_servos`.
        """
        check_servos(self.arm, self._calibration, self.bus)

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

    def engage(self, stopped: Callable[[], bool] = lambda: False) -> list[float]:
        """Switch the torque on where the arm stands, and return where that is. See `SwitchingOn`.

        Raises:
            HardwareError, ConfigError: the torque stays off, and why.
        """
        at_rest, self._lies_at_rest = self._lies_at_rest, False
        self._end_trips()
        return self._switching_on.engage(at_rest, stopped)

    def acknowledge(self) -> bool:
        """Release what servos or their controller have latched; whether `engage` is due again."""
        if self._latches is not None:
            self._latches.acknowledge()
            return True
        self._end_trips()
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
            where = where_is(servo, self.bus.port)
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
        return where_is(self.arm.servos[number], self.bus.port)

    def _end_trips(self) -> None:
        """A servo whose own watchdog has tripped takes goals, and ignores them, until then."""
        if self.bus.has_watchdog and self._latches is None:
            self.bus.prepare(self.ids)

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


def _number(value: float | None) -> float:
    return math.nan if value is None else value
