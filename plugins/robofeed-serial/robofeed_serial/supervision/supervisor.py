"""What the owner of an arm's port does each cycle: the last safe goal, and when it stops.

It trusts nobody: not the client to be alive, not a goal to be sane, not a servo to answer. Whatever
goes wrong it holds the arm where it is measured, once, and stays so until a person acknowledges.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from robofeed import ConfigError, HardwareError, RobofeedError
from robofeed_serial.supervision.belief import Belief
from robofeed_serial.supervision.goal_gate import GoalGate
from robofeed_serial.supervision.messages import Failure, Mode, Order, Report, Request
from robofeed_serial.supervision.parking import Parking
from robofeed_serial.supervision.settings import Parting
from robofeed_serial.supervision.supervised_arm import ArmReading, SupervisedArm
from robofeed_serial.supervision.trouble import (
    CLIENT_GONE,
    RECENT_NS,
    STOPPED,
    Moment,
    TroubleWatch,
)
from robofeed_serial.wire.errors import BusTimeout, PortGone

_SETTLED_CYCLES = 5
_SOON_NS = 1_000_000
"""An order that comes so soon after a goal was written waits for the next cycle."""
SLIPPED_RAD = 0.3
"""So far may a joint stand from where it is held; further away the hold comes to the arm."""


class Supervisor:
    """One arm. Call `cycle` at a fixed rate, from the thread that owns the port.

    Args:
        arm: Open.
        gate: What every goal passes.
        parking: The way to its rest pose.
        watchdog_s: How old the client's order, and what a servo told, may be while the arm moves.
    """

    def __init__(
        self,
        arm: SupervisedArm,
        gate: GoalGate,
        parking: Parking,
        watchdog_s: float,
    ) -> None:
        self._arm, self._gate, self._parking = arm, gate, parking
        self._watchdog_ns = round(watchdog_s * 1e9)
        self._watch = TroubleWatch(arm, self._watchdog_ns)
        self.mode = Mode.WATCHING
        self.latched = False
        self.reason = ""
        self._failure, self._anew = Failure.NONE, False
        self._commanded: list[float] = []
        self._held_cycles = 0
        self._done_id = 0
        self._orphan = False
        self._last_ns: int | None = None
        self._reading: ArmReading | None = None
        self._belief = Belief()

    def cycle(
        self,
        now_ns: int,
        order: Order | None,
        alive: bool,
        stopped: Callable[[], bool],
        asleep_ns: int = 0,
    ) -> Report:
        """Read, decide, write.

        Args:
            now_ns: Monotonic.
            order: The client's newest, None before the first.
            alive: Whether the client is.
            stopped: Whether somebody has set the stop latch; asked again right before a goal goes.
            asleep_ns: How long the computer has slept so far, which `now_ns` does not count.
        """
        passed_ns = None if self._last_ns is None else now_ns - self._last_ns
        slept = self._watch.slept(passed_ns, asleep_ns)
        self._watch.note_time(asleep_ns)
        dt_s = 0.0 if passed_ns is None else min(passed_ns / 1e9, 0.1)
        self._last_ns = now_ns
        moment = Moment(now_ns, order, alive, stopped, slept)
        try:
            if self.mode not in (Mode.LOST, Mode.CLOSED):
                self._step_or_hold(moment, dt_s)
        except PortGone as error:
            self._lose(error)
        return self.report(now_ns)

    def follow(
        self,
        now_ns: int,
        order: Order,
        alive: bool,
        stopped: Callable[[], bool],
        asleep_ns: int = 0,
    ) -> None:
        """Between two cycles: obey an order that has just come, by what was read last.

        It waits for the cycle where there is anything to weigh: a request, a hold, an old reading,
        a computer that has just woken up.
        """
        last_ns, reading = self._last_ns, self._reading
        if (
            not self._arm.takes_goals_anytime
            or self.latched
            or self.mode not in (Mode.HOLDING, Mode.MOVING)
            or not (alive and order.moving and order.request_id == self._done_id)
            or last_ns is None
            or now_ns - last_ns < _SOON_NS
            or self._watch.slept(now_ns - last_ns, asleep_ns)
            or reading is None
            or now_ns - min(reading.time_ns) > RECENT_NS
            or now_ns - order.time_ns > self._watchdog_ns
        ):
            return
        self._last_ns = now_ns
        self.mode = Mode.MOVING
        try:
            self._go(order.goal_rad, (now_ns - last_ns) / 1e9, stopped)
        except PortGone as error:
            self._lose(error)
        except RobofeedError as error:
            self.hold(str(error))

    def report(self, now_ns: int) -> Report:
        """How things are."""
        reading = self._reading
        if reading is None:
            return Report(now_ns, self.mode, self.latched, self._failure, reason=self.reason)
        return Report(
            min(reading.time_ns),
            self.mode,
            self.latched,
            self._failure,
            self._done_id,
            reading.rad,
            reading.rad_s,
            self._commanded,
            self.reason,
            assumed=reading.assumed,
            in_the_way=self._gate.in_the_way,
        )

    def part(self, after: Parting) -> None:
        """The client is gone for good: hold, park or let go, and heed it no more.

        An arm that was stopped, or has trouble of its own, holds whatever was asked for but RELAX.
        """
        if self.mode not in (Mode.HOLDING, Mode.MOVING):
            return
        self._orphan = True
        if after == "relax":
            self._arm.relax()
            self.mode = Mode.RELAXED
        elif after == "park" and self.reason in ("", CLIENT_GONE):
            self.mode, self.latched = Mode.PARKING, False

    @property
    def at_rest(self) -> bool:
        """Whether the arm has been told to hold, and seems to."""
        reading = self._reading
        if reading is None or self._held_cycles < _SETTLED_CYCLES:
            return False
        return all(not abs(speed) > 0.05 for speed in reading.rad_s)

    def _step_or_hold(self, moment: Moment, dt_s: float) -> None:
        try:
            self._step(moment, dt_s)
        except PortGone:
            raise
        except RobofeedError as error:  # a controller that talks nonsense, a trace on a full disk
            self.hold(str(error))

    def _step(self, moment: Moment, dt_s: float) -> None:
        order, stopped = moment.order, moment.stopped
        acts = self.mode in (Mode.HOLDING, Mode.MOVING, Mode.PARKING)
        try:
            reading = self._arm.read()
        except BusTimeout as error:
            self.hold(str(error))
            return
        if acts:
            reading = self._belief.of(reading, self._reading)
        self._reading = reading
        if acts and not self.latched:
            if trouble := self._watch.look(moment, reading, self.mode, self._orphan):
                self.hold(trouble)
        if self.mode is Mode.HOLDING and self._arm.takes_goals_anytime:
            self._give_way(reading)
        if order is not None and order.request_id != self._done_id and moment.alive:
            self._do(order, stopped)
        if self.latched:
            self._write_hold()
        elif self.mode is Mode.PARKING:
            self._go(self._parking.next(self._commanded, dt_s), dt_s, stopped)
            if self.mode is Mode.PARKING and self._parking.reached(reading.rad):
                self._rest_there()
        elif self.mode in (Mode.HOLDING, Mode.MOVING) and order is not None and order.moving:
            silent_ns = moment.now_ns - order.time_ns
            if silent_ns > self._watchdog_ns:
                if self.mode is Mode.MOVING:
                    self.hold(
                        f"the program that drives the arm was silent for {silent_ns / 1e6:.0f} ms"
                    )
                self._write_hold()
            else:
                self.mode = Mode.MOVING
                self._go(order.goal_rad, dt_s, stopped)
        else:
            if self.mode is Mode.MOVING:
                self.mode = Mode.HOLDING
            self._write_hold()

    def _give_way(self, reading: ArmReading) -> None:
        """A hold far from where the arm is would be a jump once its servos have their strength."""
        if reading.assumed:
            return  # nobody knows where it is: that is no place to go to
        away = [abs(q - goal) for q, goal in zip(reading.rad, self._commanded, strict=True)]
        worst = max(range(len(away)), key=away.__getitem__)
        if away[worst] > SLIPPED_RAD:
            self._commanded = list(reading.rad)
            if not self.latched:
                where = f"{self._arm.label(worst)} was moved {away[worst]:.2f} rad"
                self.hold(f"{where} from where it is held: pushed, or too heavy a load")

    def _lose(self, error: PortGone) -> None:
        self.mode, self.latched = Mode.LOST, True
        self.reason, self._failure = str(error), Failure.HARDWARE

    def hold(self, reason: str) -> None:
        """Stop, hold where that is, and stay so."""
        self.latched, self.reason, self._anew = True, reason, reason != STOPPED
        if self.mode in (Mode.MOVING, Mode.PARKING, Mode.HOLDING):
            moved = self.mode is not Mode.HOLDING
            # First: whatever the arm answers to it, nothing is asked of it any more.
            self.mode, self._held_cycles = Mode.HOLDING, 0
            if moved and self._reading is not None and not self._reading.assumed:
                self._commanded = self._arm.hold(self._reading)
            else:
                # One that holds keeps its goal: measured anew, an arm that sags would creep down.
                # So does one that nobody can measure.
                self._arm.halt()

    def _rest_there(self) -> None:
        """Let go where the arm is parked; one that cannot let go holds."""
        if self._arm.lets_go:
            self._arm.relax()
            self.mode = Mode.RELAXED
        else:
            self.mode, self._held_cycles = Mode.HOLDING, 0

    def _write_hold(self) -> None:
        """Every cycle: the last safe goal, or nothing new where the arm was stopped."""
        if self.mode is not Mode.HOLDING:
            return
        self._held_cycles += 1
        if self.latched:
            self._arm.keep(self._commanded)
        else:
            self._write(self._commanded)

    def _write(self, goals: list[float]) -> None:
        try:
            self._arm.write(goals)
        except PortGone:
            raise
        except HardwareError as error:
            self.hold(str(error))
            return
        self._commanded = goals

    def _go(
        self,
        wanted: Sequence[float],
        dt_s: float,
        stopped: Callable[[], bool],
    ) -> None:
        assert self._reading is not None
        goals = self._gate.pass_through(wanted, self._commanded, self._reading.rad, dt_s)
        if stopped():
            self.hold(STOPPED)
            self._write_hold()
            return
        self._write(goals)

    def _do(self, order: Order, stopped: Callable[[], bool]) -> None:
        self._done_id = order.request_id
        try:
            self._answer(order.request, stopped)
        except PortGone:
            raise
        except RobofeedError as error:
            self.reason = str(error)
            config = isinstance(error, ConfigError)
            self._failure = Failure.CONFIG if config else Failure.HARDWARE
        else:
            self._failure = Failure.NONE
        self._watch.forget_time()

    def _answer(self, request: Request, stopped: Callable[[], bool]) -> None:
        if request is Request.ACKNOWLEDGE:
            if stopped():
                raise HardwareError("the stop latch is still set")
            anew = self._arm.acknowledge() or self._anew
            if anew and self.mode is Mode.HOLDING:
                self.mode = Mode.WATCHING  # goal and torque are looked at again: `engage` is due
            self.latched, self.reason = False, ""
        elif request is Request.RELAX:
            self._arm.relax()
            self.mode = Mode.RELAXED
        elif request is Request.CLOSE:
            self.mode = Mode.CLOSED
        elif stopped():
            raise HardwareError(f"{STOPPED}: acknowledge that first")
        elif self.latched:
            raise HardwareError(f"the arm holds ({self.reason}): acknowledge that first")
        elif request is Request.ASSUME_REST:
            self._arm.assume_rest()
        elif request is Request.ENGAGE and self.mode in (Mode.WATCHING, Mode.RELAXED):
            assert self._reading is not None
            if complaint := self._arm.complaint(self._reading):
                raise HardwareError(complaint)
            self._commanded = self._arm.engage(stopped)
            self.mode, self.reason, self._held_cycles = Mode.HOLDING, "", 0
        elif request is Request.ENGAGE and self.mode is Mode.PARKING:
            raise HardwareError("the arm is being parked: wait until it lies there")
        elif request is Request.PARK:
            if self.mode not in (Mode.HOLDING, Mode.MOVING):
                raise HardwareError(f"an arm that is {self.mode.name.lower()} cannot be parked")
            self.mode = Mode.PARKING
