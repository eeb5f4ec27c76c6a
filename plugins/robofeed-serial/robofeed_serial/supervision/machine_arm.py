"""An arm that takes G-code, as its supervisor sees it: joints in rad, one short move at a time."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Sequence

from robofeed import ConfigError, HardwareError
from robofeed_serial.arms.machine_file import GcodeArmFile
from robofeed_serial.gcode.arm import Doing, GcodeArm, GcodeState
from robofeed_serial.gcode.coordinates import MM, coordinates_of
from robofeed_serial.gcode.one_move import OneMove
from robofeed_serial.supervision.goal_gate import Bounds
from robofeed_serial.supervision.supervised_arm import ArmReading
from robofeed_serial.supervision.trouble import STOPPED
from robofeed_serial.wire.errors import BusTimeout, PortGone

START_TOLERANCE_RAD = 0.06
"""so far outside its range a joint may be found before the arm is moved"""
SPOILED_M = 0.005
"""Nothing but a spoiled number puts the tool further off, beside what its speed allows twice."""
SMOOTH_S = 0.05
"""No move is shorter, so that the speed of one after the other is nearly that of their goals."""
_REST_S = 1.0


class MachineArm:
    """A `SupervisedArm`.

    The longest move is what the arm may travel while the watchdog waits, so that one which cannot
    be stopped goes no further. Nothing is sent under a latched hold but questions.

    Args:
        arm: Its file.
        machine: At its port, closed.
        port: Its name, for messages.
        bounds: Whose speeds no move exceeds.

    Raises:
        ConfigError: what the watchdog allows is less than what the arm's reports scatter.
    """

    takes_goals_anytime = False
    """Whether it has done its last move is known from a report alone."""
    stops_by_itself = False
    """It ends the one move that it is making."""

    def __init__(self, arm: GcodeArmFile, machine: GcodeArm, port: str, bounds: Bounds) -> None:
        self._arm, self._machine, self._port, self._bounds = arm, machine, port, bounds
        self._coordinates = coordinates_of(arm)
        kinematics = arm.geometry().kinematics(1.0, hold_posture=False)
        self._kinematics = kinematics
        near = arm.gcode.near
        furthest = MM * bounds.tool_speed_m_s * bounds.watchdog_s
        if arm.gcode.axes == "joints":
            reach_rad = [speed * bounds.watchdog_s for speed in bounds.speed_rad_s]
            furthest = math.degrees(math.hypot(*reach_rad))
        if furthest < 3.0 * near:
            raise ConfigError(
                f"speed_share and watchdog_s leave moves of {furthest:.2f}, but {arm.name} is only "
                f"known to {near:g} (gcode.near): raise one of them"
            )
        # A move counts as done that far before its end, and the next one may follow.
        self._follow = OneMove(machine, furthest=furthest - near, near=near)
        self._state: GcodeState | None = None
        self._fresh = False
        self._reading: ArmReading | None = None
        self._spoiled: ArmReading | None = None

    @property
    def lets_go(self) -> bool:
        return self._machine.lets_go

    def open(self) -> None:
        self._machine.open()
        try:
            self.read()
        except BaseException:
            self._machine.close()
            raise

    def close(self, *, lost: bool) -> None:
        self._machine.close()

    def read(self) -> ArmReading:
        self._fresh = False
        try:
            state = self._follow.look()
            reading = self._measured(state)
        except PortGone:
            raise
        except HardwareError:  # silent, or a place that cannot be: the last one grows old
            if self._reading is None:
                raise
            return self._reading
        if self._reading is not None and not self._follows(reading, self._reading):
            # No checksum: one reading that cannot be is thrown away, two that agree can.
            spoiled, self._spoiled = self._spoiled, reading
            if spoiled is None or not self._follows(reading, spoiled):
                return self._reading
        self._spoiled = None
        self._state, self._reading, self._fresh = state, reading, True
        return reading

    def assume_rest(self) -> None:
        """It knows where it is, once it is homed."""

    def engage(self, stopped: Callable[[], bool] = lambda: False) -> list[float]:
        """Motors on where it stands; what it says then is where it is."""
        self._come_to_rest()
        self._follow.forget()
        assert self._reading is not None
        if complaint := self.complaint(self._reading):
            raise HardwareError(complaint)
        self._within_ranges(self._reading.rad)
        if stopped():
            raise HardwareError(f"{STOPPED}: it is not switched on")
        self._machine.engage()
        self._reading = None  # it may have looked at its encoders anew
        return list(self.read().rad)

    def write(self, goals_rad: Sequence[float]) -> None:
        """The next short move, if the last one is done and it is known where the arm is."""
        if self._state is None or not self._fresh:
            return
        place = self._coordinates.place(goals_rad)
        way = [goal - self._state.place[axis] for axis, goal in place.items()]
        length = math.hypot(*way)
        if length <= self._arm.gcode.near:
            self._follow.forget()
            return
        self._follow.offer(place, length / self._least_s(goals_rad))
        with contextlib.suppress(BusTimeout):  # it may be under way all the same: seen by looking
            self._follow.go_on(self._state)

    def hold(self, reading: ArmReading) -> list[float]:
        """Stop where it can be stopped; else the end of the one move that it is making."""
        stopped = False
        with contextlib.suppress(BusTimeout):  # then it finishes its move
            stopped = self._follow.stop()
        if stopped:
            return list(self.read().rad)
        end = self._follow.under_way_to
        if end is None:
            return list(reading.rad)
        try:
            return self._coordinates.joint_rad(end)
        except HardwareError:  # a place on its straight way that its links are thought not to reach
            return list(reading.rad)

    def halt(self) -> None:
        if self._follow.is_under_way:
            with contextlib.suppress(BusTimeout):
                self._follow.stop()

    def keep(self, goals_rad: Sequence[float]) -> None:
        """Nothing: a machine that is told nothing stays where it is."""

    def relax(self) -> None:
        self._follow.forget()
        self._machine.relax()

    def acknowledge(self) -> bool:
        self._follow.forget()
        return True

    def complaint(self, reading: ArmReading) -> str:
        doing = None if self._state is None else self._state.doing
        if doing is Doing.LOCKED:
            name, port = self._arm.name, self._port
            return (
                f"arm {name} on {port} is locked (alarm): it does not know where it is. Clear its "
                f"way, then: robofeed arm home {name} --port {port}. If it is locked again right "
                "after that, opening its port locks it: such an arm cannot be used in a run yet"
            )
        if doing is Doing.HELD:
            return (
                f"arm {self._arm.name} on {self._port} is in a feed hold that somebody else began: "
                "switch it off and on, then home it"
            )
        return ""

    def lost_torque(self, number: int) -> bool:
        """Never: it does not say."""
        return False

    def label(self, number: int) -> str:
        return f"joint {self._arm.joints[number].name} of {self._arm.name} on {self._port}"

    def _measured(self, state: GcodeState) -> ArmReading:
        rad, last = self._coordinates.joint_rad(state.place), self._reading
        passed_s = 0.0 if last is None else (state.time_ns - last.time_ns[0]) / 1e9
        speeds = [math.nan] * len(rad)
        if last is not None and passed_s > 0.0:
            speeds = [(q - before) / passed_s for q, before in zip(rad, last.rad, strict=True)]
        return ArmReading(rad, speeds, [state.time_ns] * len(rad))

    def _follows(self, reading: ArmReading, last: ArmReading) -> bool:
        """Whether the arm can have come from one place to the other meanwhile."""
        passed_s = (reading.time_ns[0] - last.time_ns[0]) / 1e9
        most_m = SPOILED_M + 2.0 * self._bounds.tool_speed_m_s * passed_s
        return self._apart_m(reading.rad, last.rad) <= most_m

    def _apart_m(self, one: Sequence[float], other: Sequence[float]) -> float:
        return math.dist(self._kinematics.pose(one).tool_m, self._kinematics.pose(other).tool_m)

    def _least_s(self, goals_rad: Sequence[float]) -> float:
        """How long the way there takes without being too fast for the tool or any joint."""
        assert self._reading is not None
        here = self._reading.rad
        tool_s = self._apart_m(goals_rad, here) / self._bounds.tool_speed_m_s
        joints_s = (
            abs(goal - q) / speed
            for goal, q, speed in zip(goals_rad, here, self._bounds.speed_rad_s, strict=True)
        )
        return max(tool_s, SMOOTH_S, *joints_s)

    def _come_to_rest(self) -> None:
        """Until its last move is over and it answers."""
        end_s = time.monotonic() + _REST_S
        while True:
            self.read()
            if self._fresh and not self._follow.is_under_way:
                return
            if time.monotonic() > end_s:
                raise HardwareError(
                    f"arm {self._arm.name} on {self._port} does not come to rest, or does not "
                    "answer: look at it, check its cable"
                )

    def _within_ranges(self, rad: Sequence[float]) -> None:
        for number, (q, (low, high)) in enumerate(zip(rad, self._arm.ranges_rad, strict=True)):
            if max(low - q, q - high) > START_TOLERANCE_RAD:
                raise HardwareError(
                    f"{self.label(number)} stands at {q:.2f} rad, outside its range {low:.2f} to "
                    f"{high:.2f}: nothing is moved. Move it back, by hand with its power off"
                )
