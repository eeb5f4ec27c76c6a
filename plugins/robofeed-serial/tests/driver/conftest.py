"""An arm without a wire: servos in memory, exact and in virtual time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import pytest

from robofeed_serial.arms.arm_file import ArmFile, load_arm
from robofeed_serial.arms.calibration import nominal
from robofeed_serial.body.arm_body import body_of
from robofeed_serial.buses.servo_bus import Item, ServoFault, ServoModel, ServoState
from robofeed_serial.supervision.goal_gate import GoalGate
from robofeed_serial.supervision.messages import Mode, Order, Report, Request
from robofeed_serial.supervision.parking import Parking
from robofeed_serial.supervision.servo_arm import ServoArm
from robofeed_serial.supervision.settings import SupervisorSettings, bounds_of, rest_of
from robofeed_serial.supervision.supervisor import Supervisor
from robofeed_serial.wire.errors import BusTimeout, PortGone
from robofeed_serial.wire.statistics import BusStatistics

CYCLE_NS = 10_000_000


@dataclass
class MemoryServo:
    number: int = 777
    position: float = 2048.0
    goal: int = 0
    torque: bool = False
    mute: bool = False
    offset: int = 0
    mode: int = 0
    sag: float = 0.0
    """ticks that a load pulls it below its goal"""
    faults: ServoFault = ServoFault.NONE
    temperature_c: float = 30.0
    told: ServoState | None = None


@dataclass
class MemoryBus:
    """A `ServoBus` of servos that go the share `tracking` of the way to their goal each cycle."""

    servos: dict[int, MemoryServo]
    tracking: float = 0.5
    gone: bool = False
    port: str = "memory"
    baud: int = 1_000_000
    bauds: Sequence[int] = (1_000_000,)
    has_watchdog: bool = False
    measures: bool = True
    statistics: BusStatistics = field(default_factory=BusStatistics)
    now_ns: int = 0
    log: list[tuple[str, int, int]] = field(default_factory=list)
    """what was written, in order: "goal" or "torque", servo, value"""
    spoiled: dict[int, int] = field(default_factory=dict)
    """by servo, where it says to be instead of where it is"""
    deaf_to_goals: set[int] = field(default_factory=set)
    deaf_to_groups: set[int] = field(default_factory=set)
    """answer when asked alone, and not among others"""
    on_goals: Callable[[], object] = lambda: None
    """called when goals have been written"""
    on_prepare: Callable[[], object] = lambda: None

    def pass_time(self) -> None:
        self.now_ns += CYCLE_NS
        for servo in self.servos.values():
            if servo.torque:
                servo.position += self.tracking * (servo.goal - servo.sag - servo.position)

    def open(self) -> None: ...

    def close(self) -> None: ...

    def set_baud(self, baud: int) -> None:
        self.baud = baud

    def ping(self, servo_id: int) -> ServoModel | None:
        servo = self.servos.get(servo_id)
        if servo is None or servo.mute:
            return None
        name = {777: "STS3215"}.get(servo.number, f"unknown model {servo.number}")
        return ServoModel(servo_id, servo.number, name, "3.10", 4096, self.baud)

    def prepare(self, ids: Sequence[int]) -> None:
        self.on_prepare()

    def read_states(self, ids: Sequence[int], *, budget_s: float = 0.02) -> dict[int, ServoState]:
        if self.gone:
            raise PortGone("the port memory was lost")
        for servo_id in ids:
            servo = self.servos[servo_id]
            if not servo.mute and servo_id not in self.deaf_to_groups:
                servo.told = ServoState(
                    servo_id,
                    self.now_ns,
                    self.spoiled.get(servo_id, round(servo.position)),
                    0.0,
                    faults=servo.faults,
                    temperature_c=servo.temperature_c,
                    voltage_v=7.4,
                )
        return {each: told for each in ids if (told := self.servos[each].told) is not None}

    def write_goals(self, goals: Mapping[int, int]) -> None:
        if self.gone:
            raise PortGone("the port memory was lost")
        for servo_id, ticks in goals.items():
            self.log.append(("goal", servo_id, ticks))
            if servo_id not in self.deaf_to_goals:
                self.servos[servo_id].goal = ticks
        self.on_goals()

    def set_torque(self, ids: Sequence[int], on: bool) -> None:
        for servo_id in ids:
            self.log.append(("torque", servo_id, int(on)))
            self.servos[servo_id].torque = on

    def read(self, servo_id: int, item: Item) -> int:
        servo = self.servos[servo_id]
        if servo.mute:
            raise BusTimeout(f"servo {servo_id} is silent")
        return {
            "goal_position": servo.goal,
            "homing_offset": servo.offset,
            "mode": servo.mode,
            "torque": int(servo.torque),
        }[item]

    def has_torque(self, servo_id: int) -> bool | None:
        servo = self.servos[servo_id]
        return None if servo.mute else servo.torque

    def write(self, servo_id: int, item: Item, value: int) -> None: ...


class Bench:
    """A supervisor on a `MemoryBus`; `cycle` lets 10 ms pass."""

    def __init__(
        self, arm: ArmFile, watchdog_s: float = 0.1, *, has_watchdog: bool = False
    ) -> None:
        self.file = arm
        servos = {servo.id: MemoryServo() for servo in arm.servos}
        self.bus = MemoryBus(servos, has_watchdog=has_watchdog)
        self.arm = ServoArm(arm, nominal(arm), self.bus)
        settings = SupervisorSettings(arm=arm.name, port="memory", watchdog_s=watchdog_s)
        self.bounds = bounds_of(arm, nominal(arm).ranges_rad(arm), settings)
        self.kinematics = arm.geometry().kinematics(0.01, hold_posture=False)
        gate = GoalGate(self.bounds, self.tool, body_of(arm))
        parking = Parking(rest_of(arm), [0.25 * speed for speed in self.bounds.speed_rad_s])
        self.supervisor = Supervisor(self.arm, gate, parking, watchdog_s)
        self.order: Order | None = None
        self.alive = True
        self.stopped = False
        self.asleep_ns = 0
        self._requests = 0

    def tool(self, rad: Sequence[float]) -> tuple[float, float, float]:
        x, y, z = self.kinematics.pose(rad[: len(self.file.joints)]).tool_m
        return x, y, z

    def cycle(self, times: int = 1) -> Report:
        for _ in range(times):
            self.bus.pass_time()
            report = self.supervisor.cycle(
                self.bus.now_ns, self.order, self.alive, lambda: self.stopped, self.asleep_ns
            )
        return report

    def watch(self, times: int = 1) -> Report:
        """Order nothing, and say each cycle that somebody is there."""
        for _ in range(times):
            assert self.order is not None
            self.order = replace(self.order, time_ns=self.bus.now_ns, moving=False)
            report = self.cycle()
        return report

    def ask(self, request: Request, goal: Sequence[float] = ()) -> Report:
        self._requests += 1
        goals = goal or [float("nan")] * len(self.file.servos)
        self.order = Order(self.bus.now_ns, False, goals, request, self._requests)
        return self.cycle()

    def go(self, goal: Sequence[float], times: int = 1) -> Report:
        for _ in range(times):
            done = 0 if self.order is None else self.order.request_id
            self.order = Order(self.bus.now_ns, True, goal, request_id=done)
            report = self.cycle()
        return report


def moving(bench: Bench, by_rad: float = 0.3) -> list[float]:
    """Switch on and be on the way of the base joint."""
    bench.cycle()
    bench.ask(Request.ENGAGE)
    goal = [by_rad, math.nan, math.nan, math.nan, math.nan, math.nan]
    assert bench.go(goal, 5).mode is Mode.MOVING
    return goal


@pytest.fixture
def bench() -> Iterator[Bench]:
    yield Bench(load_arm("so101"))
