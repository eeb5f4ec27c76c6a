"""The process that owns an arm's port: `python -m robofeed_serial.supervision.process`.

It has nothing to do but this, so no learner, no garbage collector and no web page makes it late.
Its client starts it; it outlives the client for as long as it takes to bring the arm to rest.
"""

from __future__ import annotations

import contextlib
import gc
import os
import select
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from robofeed import ConfigError, RobofeedError
from robofeed.data.priority import go_first
from robofeed_serial.arms.arm_file import AnyArm, load_any_arm
from robofeed_serial.arms.machine_file import GcodeArmFile
from robofeed_serial.body.arm_body import body_of
from robofeed_serial.gcode.build import make_machine
from robofeed_serial.make_bus import make_bus
from robofeed_serial.supervision.asleep import asleep_ns
from robofeed_serial.supervision.goal_gate import Bounds, GoalGate, Point
from robofeed_serial.supervision.machine_arm import MachineArm
from robofeed_serial.supervision.messages import Failure, Mode, Order, Report
from robofeed_serial.supervision.parking import PARK_SPEED, Parking
from robofeed_serial.supervision.servo_arm import ServoArm
from robofeed_serial.supervision.settings import (
    PARK_S,
    REST_S,
    SupervisorSettings,
    bounds_of,
    find_calibration,
    own_watchdog_s,
    ranges_of,
    rest_of,
)
from robofeed_serial.supervision.shared_memory import SharedMemory
from robofeed_serial.supervision.supervised_arm import SupervisedArm
from robofeed_serial.supervision.supervisor import Supervisor
from robofeed_serial.wire.trace import WireTrace

ONE_TRIP_S = 0.01
"""In a shorter cycle an arm is read by what answers its goals, where it can be."""


def serve(settings: SupervisorSettings, memory: SharedMemory) -> None:
    """Own the port until the client closes it or is gone."""
    try:
        supervisor, arm = _start(settings)
    except RobofeedError as error:
        kind = Failure.CONFIG if isinstance(error, ConfigError) else Failure.HARDWARE
        report = Report(time.monotonic_ns(), Mode.CLOSED, failure=kind, reason=str(error))
        memory.reports.put(report.pack())
        return
    at_rest = False
    try:
        _loop(settings, memory, supervisor)
        at_rest = supervisor.mode is not Mode.LOST
    finally:
        with contextlib.suppress(RobofeedError):  # the port may be what failed
            arm.close(lost=not at_rest)


def _start(settings: SupervisorSettings) -> tuple[Supervisor, SupervisedArm]:
    file = load_any_arm(settings.arm)
    bounds = bounds_of(file, ranges_of(file, settings.calibration), settings)
    kinematics = file.geometry().kinematics(settings.period_s, hold_posture=False)
    joints = len(file.joints)
    arm = _arm(file, settings, bounds)
    arm.open()

    # A gate asks about the same poses several times, and in the next cycle once more.
    @lru_cache(maxsize=8)
    def tool_m(joint_rad: tuple[float, ...]) -> Point:
        place: Point = kinematics.pose(joint_rad).tool_m
        return place

    gate = GoalGate(bounds, lambda rad: tool_m(tuple(rad[:joints])), body_of(file))
    parking = Parking(rest_of(file), [PARK_SPEED * speed for speed in bounds.speed_rad_s])
    return Supervisor(arm, gate, parking, settings.watchdog_s), arm


def _arm(file: AnyArm, settings: SupervisorSettings, bounds: Bounds) -> SupervisedArm:
    trace = WireTrace(Path(settings.trace)) if settings.trace else None
    baud = settings.baud or file.baud
    if isinstance(file, GcodeArmFile):
        machine = make_machine(file.gcode.profile, settings.port, baud, trace=trace)
        return MachineArm(file, machine, settings.port, bounds)
    bus = make_bus(
        file.protocol,
        settings.port,
        baud,
        watchdog_s=own_watchdog_s(settings.watchdog_s),
        trace=trace,
    )
    calibration = find_calibration(file, settings.calibration)
    return ServoArm(file, calibration, bus, one_trip=settings.period_s < ONE_TRIP_S)


def _loop(settings: SupervisorSettings, memory: SharedMemory, supervisor: Supervisor) -> None:
    order: Order | None = None
    file = load_any_arm(settings.arm)
    orders = _Orders(memory, len(file.actuators), sys.stdin.fileno())
    period_ns = round(max(settings.period_s, file.least_cycle_s) * 1e9)
    due_ns = time.monotonic_ns()
    parting = _Parting(settings, supervisor)
    terminated = _on_sigterm()
    cycles = late = 0

    def alive_now() -> bool:
        return os.getppid() == settings.client_pid and orders.rings and not terminated()

    while True:
        order = orders.newer() or order
        alive = alive_now()
        report = supervisor.cycle(time.monotonic_ns(), order, alive, memory.stopped, asleep_ns())
        cycles += 1
        written_ns = time.monotonic_ns()
        memory.reports.put(
            replace(report, cycles=cycles, late_cycles=late, written_ns=written_ns).pack()
        )
        if report.mode is Mode.CLOSED or (not alive and parting.done()):
            return
        due_ns += period_ns
        late_ns = time.monotonic_ns() - due_ns
        late += late_ns >= 0
        if late_ns > period_ns:  # less than that is made up for, so that the rate is kept
            due_ns += late_ns
        while (left_ns := due_ns - time.monotonic_ns()) > 0:
            if (newer := orders.wait(left_ns / 1e9)) is not None:
                order = newer
                now_ns = time.monotonic_ns()
                supervisor.follow(now_ns, order, alive_now(), memory.stopped, asleep_ns())


class _Orders:
    """The client's orders: the newest in the shared memory, and a bell that is rung for each."""

    def __init__(self, memory: SharedMemory, servos: int, bell: int) -> None:
        self._memory, self._servos, self._bell = memory, servos, bell
        self._number = 0
        self.rings = True
        """until the client's end is closed: it is dead, or has lost what it would order by"""

    def newer(self) -> Order | None:
        """The newest, if it was not seen before."""
        found = self._memory.orders.newest()
        if found is None or found[0] == self._number:
            return None
        self._number, letter = found
        try:
            return Order.unpack(letter, self._servos)
        except ValueError:  # no order for this arm: as if its client were silent
            return None

    def wait(self, seconds: float) -> Order | None:
        """A newer one as soon as it comes, at the latest in `seconds`."""
        if not self.rings:
            time.sleep(seconds)
        elif select.select([self._bell], [], [], seconds)[0]:
            self.rings = bool(os.read(self._bell, 4096))
            return self.newer()
        return None


class _Parting:
    """What is left to do once the client is gone: hold, park or relax, and come to rest."""

    def __init__(self, settings: SupervisorSettings, supervisor: Supervisor) -> None:
        self._after = settings.after
        self._supervisor = supervisor
        self._since_s: float | None = None

    def done(self) -> bool:
        """Whether the port can be given back."""
        supervisor = self._supervisor
        if self._since_s is None:
            self._since_s = time.monotonic()
            with contextlib.suppress(RobofeedError):  # what cannot let go holds
                supervisor.part(self._after)
        waited_s = time.monotonic() - self._since_s
        if supervisor.mode is Mode.PARKING:
            if waited_s > PARK_S:
                with contextlib.suppress(RobofeedError):  # a lost port: told by the next cycle
                    supervisor.hold("it took too long to park: is something in the way?")
                self._since_s = time.monotonic()
            return False
        resting = supervisor.mode is not Mode.HOLDING or supervisor.at_rest
        return resting or waited_s > REST_S


def _on_sigterm() -> Callable[[], bool]:
    asked: list[bool] = []
    signal.signal(signal.SIGTERM, lambda *_: asked.append(True))
    return lambda: bool(asked)


def main() -> None:
    """Entry of the process: settings as JSON, and the number of the shared file."""
    for each in (signal.SIGINT, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)  # Ctrl-C is the client's affair, who then closes
    settings = SupervisorSettings.model_validate_json(sys.argv[1])
    memory = SharedMemory(int(sys.argv[2]))
    gc.freeze()
    gc.disable()
    go_first()
    serve(settings, memory)


if __name__ == "__main__":
    main()
