"""A G-code arm under its supervisor, cycle by cycle: an arm in memory that obeys, or does not."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import pytest

from robofeed import ConfigError, HardwareError
from robofeed_serial.arms.arm_file import load_any_arm
from robofeed_serial.arms.machine_file import GcodeArmFile
from robofeed_serial.gcode.arm import ArmRefused, Doing, GcodeState
from robofeed_serial.gcode.coordinates import coordinates_of
from robofeed_serial.supervision.goal_gate import GoalGate
from robofeed_serial.supervision.machine_arm import MachineArm
from robofeed_serial.supervision.messages import Failure, Mode, Order, Report, Request
from robofeed_serial.supervision.parking import Parking
from robofeed_serial.supervision.settings import SupervisorSettings, bounds_of, rest_of
from robofeed_serial.supervision.supervisor import Supervisor
from robofeed_serial.wire.errors import BusTimeout, PortGone

CYCLE_NS = 15_000_000
SPEED_MM = 250.0
NEAR_MM = 0.5


class MemoryMachine:
    """A `GcodeArm` whose tool goes where it is told, at the speed it is told, in virtual time."""

    lets_go = True

    def __init__(self) -> None:
        self.place = {"X": 200.0, "Y": 0.0, "Z": 120.0}
        self.goal = dict(self.place)
        self.speed = 0.0
        self.now_ns = CYCLE_NS
        self.moves: list[tuple[Mapping[str, float], float, float]] = []
        """each with its length and its speed"""
        self.said: list[str] = []
        self.silent = self.gone = self.refuses = self.stuck = False
        self.spoils = 0
        self.doing: Doing | None = None

    def pass_time(self) -> None:
        self.now_ns += CYCLE_NS
        left = math.dist(self.place.values(), self.goal.values())
        if left and not self.stuck:
            share = min(1.0, self.speed * CYCLE_NS / 1e9 / left)
            self.place = {
                axis: at + share * (self.goal[axis] - at) for axis, at in self.place.items()
            }

    def open(self) -> None: ...

    def close(self) -> None: ...

    def state(self) -> GcodeState:
        if self.gone:
            raise PortGone("the port memory was lost")
        if self.silent:
            raise BusTimeout("no answer")
        place = dict(self.place)
        if self.spoils:
            self.spoils -= 1
            place["X"] += 80.0
        return GcodeState(self.now_ns, self.doing, place)

    def move(self, place: Mapping[str, float], speed: float) -> None:
        if self.refuses:
            raise ArmRefused("The arm on memory refused 'G0': E22, the place is out of its reach.")
        left = math.dist(self.place.values(), self.goal.values())
        assert left <= NEAR_MM or self.stuck, "a second move while one is under way"
        self.moves.append((place, math.dist(place.values(), self.place.values()), speed))
        self.goal, self.speed = dict(place), speed

    def stop(self) -> bool:
        self.said.append("stop")
        return False

    def engage(self) -> None:
        self.said.append("engage")

    def relax(self) -> None:
        self.said.append("relax")


class Bench:
    def __init__(self, watchdog_s: float = 0.1, speed_share: float = 1.0) -> None:
        file = load_any_arm("uarm")
        assert isinstance(file, GcodeArmFile)
        settings = SupervisorSettings(
            arm="uarm", port="memory", watchdog_s=watchdog_s, speed_share=speed_share
        )
        self.bounds = bounds_of(file, file.ranges_rad, settings)
        self.machine = MemoryMachine()
        self.arm = MachineArm(file, self.machine, "memory", self.bounds)
        self.coordinates = coordinates_of(file)
        kinematics = file.geometry().kinematics(0.01, hold_posture=False)
        self.supervisor = Supervisor(
            self.arm,
            GoalGate(self.bounds, lambda rad: kinematics.pose(rad).tool_m),
            Parking(rest_of(file), [0.25 * speed for speed in self.bounds.speed_rad_s]),
            watchdog_s,
        )
        self.arm.open()
        self.order: Order | None = None
        self.alive, self.stopped = True, False
        self._requests = 0

    def cycle(self, times: int = 1) -> Report:
        for _ in range(times):
            self.machine.pass_time()
            report = self.supervisor.cycle(
                self.machine.now_ns, self.order, self.alive, lambda: self.stopped
            )
        return report

    def ask(self, request: Request) -> Report:
        self._requests += 1
        self.order = Order(self.machine.now_ns, False, [math.nan] * 3, request, self._requests)
        return self.cycle()

    def go(self, x: float, y: float, z: float, times: int) -> Report:
        goal = self.coordinates.joint_rad({"X": x, "Y": y, "Z": z})
        for _ in range(times):
            self.order = Order(self.machine.now_ns, True, goal, request_id=self._requests)
            report = self.cycle()
        return report


@pytest.fixture
def bench() -> Bench:
    made = Bench()
    made.cycle()
    return made


def moving(bench: Bench) -> None:
    assert bench.ask(Request.ENGAGE).failure is Failure.NONE
    assert bench.go(200.0, 150.0, 120.0, 6).mode is Mode.MOVING
    assert bench.machine.moves


def test_it_is_asked_where_it_is_and_nothing_else_until_it_is_engaged(bench: Bench) -> None:
    assert bench.cycle(20).mode is Mode.WATCHING
    assert (bench.machine.said, bench.machine.moves) == ([], [])

    report = bench.ask(Request.ENGAGE)

    assert report.mode is Mode.HOLDING
    assert bench.machine.said == ["engage"]
    assert report.commanded_rad == pytest.approx(report.rad, abs=1e-9)
    bench.cycle(20)
    assert bench.machine.moves == []


def test_it_follows_in_short_moves_one_at_a_time_none_too_fast(bench: Bench) -> None:
    moving(bench)
    report = bench.go(200.0, 150.0, 120.0, 150)

    place = bench.coordinates.place(report.rad)
    assert place == pytest.approx({"X": 200.0, "Y": 150.0, "Z": 120.0}, abs=0.6)
    assert len(bench.machine.moves) > 6
    for _, length, speed in bench.machine.moves:
        assert length <= SPEED_MM * 0.1
        assert speed <= SPEED_MM + 1e-6


@pytest.mark.parametrize(("watchdog_s", "speed_share"), [(0.05, 1.0), (0.1, 0.2), (0.5, 1.0)])
def test_the_longest_move_is_what_the_watchdog_lets_it_travel(
    watchdog_s: float, speed_share: float
) -> None:
    bench = Bench(watchdog_s, speed_share)
    bench.cycle()
    bench.ask(Request.ENGAGE)
    bench.go(200.0, 200.0, 120.0, 80)

    longest = max(length for _, length, _ in bench.machine.moves)
    assert longest <= SPEED_MM * speed_share * watchdog_s
    assert max(speed for _, _, speed in bench.machine.moves) <= SPEED_MM * speed_share + 1e-6


def test_a_watchdog_too_short_for_what_it_measures_is_refused() -> None:
    with pytest.raises(ConfigError, match="raise one of them"):
        Bench(watchdog_s=0.03, speed_share=0.1)


def test_after_a_stop_it_ends_its_move_and_is_sent_nothing_more(bench: Bench) -> None:
    moving(bench)
    sent = len(bench.machine.moves)
    bench.stopped = True
    report = bench.go(200.0, 150.0, 120.0, 30)

    assert report.latched
    assert report.reason == "stopped by hand"
    assert len(bench.machine.moves) == sent
    assert bench.machine.place == dict(bench.machine.moves[-1][0])
    assert report.commanded_rad == pytest.approx(report.rad, abs=1e-6)


def test_a_push_under_a_hold_is_not_undone(bench: Bench) -> None:
    moving(bench)
    bench.stopped = True
    bench.cycle(20)
    sent = len(bench.machine.moves)
    bench.machine.place["Z"] += 4.0
    bench.machine.goal = dict(bench.machine.place)
    bench.cycle(50)

    assert len(bench.machine.moves) == sent


def test_it_goes_on_from_where_it_is_once_acknowledged(bench: Bench) -> None:
    moving(bench)
    bench.stopped = True
    bench.cycle(20)
    bench.stopped = False
    assert bench.ask(Request.ENGAGE).failure is Failure.HARDWARE
    assert bench.ask(Request.ACKNOWLEDGE).mode is Mode.WATCHING
    report = bench.ask(Request.ENGAGE)

    assert (report.mode, report.latched) == (Mode.HOLDING, False)
    assert report.commanded_rad == pytest.approx(report.rad, abs=1e-9)
    assert bench.go(200.0, 150.0, 120.0, 150).rad[0] == pytest.approx(
        math.atan2(150, 200), abs=0.01
    )


def test_a_silent_arm_is_held_by_name(bench: Bench) -> None:
    moving(bench)
    sent = len(bench.machine.moves)
    bench.machine.silent = True
    report = bench.go(200.0, 150.0, 120.0, 20)

    assert report.latched
    assert "the whole arm has been silent for" in report.reason
    assert "joint base_turn of uarm on memory" in report.reason
    assert len(bench.machine.moves) == sent


@pytest.mark.parametrize("spoiled", [1, 3])
def test_one_place_that_cannot_be_is_not_believed_two_are(bench: Bench, spoiled: int) -> None:
    before = bench.cycle().rad
    bench.machine.spoils = spoiled
    rows = [bench.cycle().rad for _ in range(spoiled)]

    assert rows[0] == before
    assert (rows[-1] != before) is (spoiled > 1)


def test_a_refused_place_holds_it_and_says_so(bench: Bench) -> None:
    moving(bench)
    bench.machine.refuses = True
    report = bench.go(200.0, 150.0, 120.0, 20)

    assert report.latched
    assert "out of its reach" in report.reason


def test_an_arm_that_takes_moves_and_stays_is_held(bench: Bench) -> None:
    bench.ask(Request.ENGAGE)
    bench.machine.stuck = True
    report = bench.go(200.0, 150.0, 120.0, 30)
    assert not report.latched
    report = bench.go(200.0, 150.0, 120.0, 120)

    assert report.latched
    assert "takes moves and stays where it is: is its own power on" in report.reason
    assert len(bench.machine.moves) == 3


def test_a_move_that_got_lost_is_sent_again(bench: Bench) -> None:
    bench.ask(Request.ENGAGE)
    bench.machine.stuck = True
    bench.go(200.0, 150.0, 120.0, 10)
    bench.machine.goal = dict(bench.machine.place)
    bench.machine.stuck = False
    report = bench.go(200.0, 150.0, 120.0, 180)

    assert not report.latched
    assert report.rad[0] == pytest.approx(math.atan2(150, 200), abs=0.01)


def test_a_lost_port_is_told_at_once(bench: Bench) -> None:
    moving(bench)
    bench.machine.gone = True

    assert bench.go(200.0, 150.0, 120.0, 1).mode is Mode.LOST


def test_a_locked_arm_is_not_engaged_and_is_told_how_to_go_on(bench: Bench) -> None:
    bench.machine.doing = Doing.LOCKED
    bench.cycle()
    report = bench.ask(Request.ENGAGE)

    assert report.failure is Failure.HARDWARE
    assert "robofeed arm home uarm --port memory" in report.reason
    assert "If it is locked again right after that, opening its port locks it" in report.reason
    assert (bench.machine.said, bench.machine.moves) == ([], [])


def test_an_arm_that_locks_itself_on_its_way_is_held(bench: Bench) -> None:
    moving(bench)
    bench.machine.doing = Doing.LOCKED
    report = bench.go(200.0, 150.0, 120.0, 3)

    assert report.latched
    assert "locked (alarm)" in report.reason


@pytest.mark.parametrize("lets_go", [True, False])
def test_parking_is_slow_and_lets_go_where_it_can(bench: Bench, lets_go: bool) -> None:
    bench.machine.lets_go = lets_go
    moving(bench)
    bench.ask(Request.PARK)
    speeds = []
    for _ in range(600):
        before = dict(bench.machine.place)
        assert bench.order is not None
        bench.order = replace(bench.order, time_ns=bench.machine.now_ns)  # somebody watches
        report = bench.cycle()
        speeds.append(math.dist(before.values(), bench.machine.place.values()) / (CYCLE_NS / 1e9))
        if report.mode is not Mode.PARKING:
            break

    assert report.mode is (Mode.RELAXED if lets_go else Mode.HOLDING)
    assert bench.machine.said.count("relax") == lets_go
    assert report.rad == pytest.approx(rest_of(load_any_arm("uarm")), abs=0.11)
    assert max(speeds) < 0.8 * SPEED_MM


def test_an_arm_outside_its_range_is_not_engaged(bench: Bench) -> None:
    bench.machine.place = {"X": -20.0, "Y": 200.0, "Z": 120.0}
    bench.cycle(5)
    with pytest.raises(
        HardwareError, match=r"joint base_turn of uarm on memory stands at 1\.67 rad"
    ):
        for _ in range(3):
            bench.arm.engage()
