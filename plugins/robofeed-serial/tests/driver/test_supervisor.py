"""The port's owner, cycle by cycle in virtual time: when it moves, when it holds, what it needs."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest

from robofeed import DataError, HardwareError
from robofeed_serial.arms.arm_file import load_arm
from robofeed_serial.buses.servo_bus import NOWHERE_TICKS, ServoFault
from robofeed_serial.supervision.messages import Failure, Mode, Request

from .conftest import Bench, moving

NAN = math.nan
STAY = [NAN] * 6


def test_it_follows_its_client(bench: Any) -> None:
    goal = moving(bench)
    report = bench.go(goal, 300)

    assert report.mode is Mode.MOVING
    assert report.rad[0] == pytest.approx(0.3, abs=0.01)


@pytest.mark.parametrize("error", [DataError("the disk is full"), HardwareError("nonsense")])
def test_what_nobody_expects_of_a_bus_holds_the_arm_and_is_told(
    bench: Any, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    goal = moving(bench)

    def fail(*_: object, **__: object) -> None:
        raise error

    with monkeypatch.context() as broken:
        broken.setattr(bench.bus, "read_states", fail)
        report = bench.go(goal)
    assert (report.mode, report.latched) == (Mode.HOLDING, True)
    assert str(error) in report.reason
    there = bench.go(goal, 20).rad[0]
    assert bench.go(goal, 20).rad[0] == pytest.approx(there, abs=0.01)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_goal_that_is_no_number_leaves_the_joint_where_it_is(bench: Any, bad: float) -> None:
    moving(bench)
    before = bench.cycle().commanded_rad[1]
    report = bench.go([bad, bad, NAN, NAN, NAN, NAN], 20)

    assert report.commanded_rad[1] == before
    assert all(math.isfinite(each) for each in report.commanded_rad)


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ("dead", "has ended"),
        ("silent", "was silent for 1"),
        ("stop", "stopped by hand"),
        ("mute", r"joint elbow_flex \(servo 3 on memory\) has been silent"),
        ("hot", r"joint elbow_flex \(servo 3 on memory\) is at 80 degrees"),
        ("overload", r"joint elbow_flex .* protects itself: overload"),
        ("slept", "the computer slept"),
        ("stood still", "the computer slept or stood still: look at the arm, then start anew"),
        ("brown-out", r"joint elbow_flex \(servo 3 on memory\) has lost its torque"),
    ],
)
def test_whatever_goes_wrong_it_holds_where_it_is_and_says_why(
    bench: Any, what: str, reason: str
) -> None:
    goal = moving(bench)
    servo = bench.bus.servos[3]
    if what == "dead":
        bench.alive = False
    elif what == "stop":
        bench.stopped = True
    elif what == "mute":
        servo.mute = True
    elif what == "hot":
        servo.temperature_c = 80.0
    elif what == "overload":
        servo.faults = ServoFault.OVERLOAD
    elif what == "brown-out":
        servo.torque, servo.goal = False, 0
    elif what == "slept":  # the monotonic clock stands still meanwhile
        bench.asleep_ns += 30_000_000_000
    elif what == "stood still":
        bench.bus.now_ns += 2_000_000_000
    report = (
        bench.cycle(12) if what == "silent" else bench.go(goal, 30 if what == "brown-out" else 12)
    )
    measured = report.rad[0]
    report = bench.go(goal, 100)

    assert report.latched
    assert report.mode is Mode.HOLDING
    assert pytest.approx(measured, abs=0.05) == report.rad[0] < 0.25
    assert re.search(reason, report.reason)


@pytest.mark.parametrize("cycle", range(1, 31))
def test_a_servo_that_protects_itself_says_from_what_though_it_lets_go_first(
    bench: Any, cycle: int
) -> None:
    goal = moving(bench)
    bench.go(goal, cycle)
    bench.bus.servos[3].torque = False
    bench.go(goal)
    bench.bus.servos[3].faults = ServoFault.HEAT

    assert "protects itself: heat" in bench.go(goal, 3).reason


def test_a_hold_stays_until_a_person_acknowledges(bench: Any) -> None:
    goal = moving(bench)
    bench.stopped = True
    bench.go(goal, 3)
    bench.stopped = False
    held = bench.go(goal, 50).rad[0]

    assert bench.cycle().latched
    assert bench.ask(Request.ENGAGE).failure is Failure.HARDWARE
    assert not bench.ask(Request.ACKNOWLEDGE).latched
    assert bench.cycle(20).rad[0] == pytest.approx(held, abs=0.01)
    assert bench.go(goal, 300).rad[0] == pytest.approx(0.3, abs=0.01)


def test_a_stop_that_comes_after_the_decision_still_beats_the_goal(bench: Any) -> None:
    goal = moving(bench)
    answers = iter([False, True, True])
    bench.order = None
    bench.go(goal)
    bench.bus.pass_time()
    bench.bus.log.clear()
    report = bench.supervisor.cycle(bench.bus.now_ns, bench.order, True, lambda: next(answers))

    assert report.latched
    written = [value for what, servo, value in bench.bus.log if what == "goal" and servo == 1]
    assert written == [bench.arm.scales[0].to_ticks(report.rad[0])]


def test_a_held_arm_that_sags_does_not_creep_down(bench: Any) -> None:
    moving(bench)
    bench.stopped = True
    bench.cycle(5)
    for servo in bench.bus.servos.values():
        servo.sag = 20.0
    settled = bench.cycle(50).rad[1]

    assert bench.cycle(300).rad[1] == settled


def test_a_sagging_arm_still_lifts_within_the_short_horizon(bench: Any) -> None:
    """25 ticks of sag (2.2 degrees) at the shoulder, against goals from the measured pose."""
    bench.bus.servos[2].sag = 25.0
    bench.cycle()
    bench.ask(Request.ENGAGE)
    low = bench.cycle(30).rad[1]
    for _ in range(400):
        here = bench.supervisor.report(bench.bus.now_ns).rad[1]
        report = bench.go([NAN, here - 0.06, NAN, NAN, NAN, NAN])
        reach = bench.bounds.speed_rad_s[1] * bench.bounds.watchdog_s
        assert abs(report.commanded_rad[1] - report.rad[1]) <= reach + 1e-6

    assert report.rad[1] < low - 0.3


def test_a_lost_port_is_told_at_once(bench: Any) -> None:
    goal = moving(bench)
    bench.bus.gone = True
    report = bench.go(goal)

    assert report.mode is Mode.LOST
    assert report.latched
    assert "lost" in report.reason


def test_parking_goes_slowly_to_rest_and_lets_go_there(bench: Any) -> None:
    moving(bench)
    bench.ask(Request.PARK)
    fastest, last = 0.0, bench.cycle().rad
    for _ in range(3000):
        report = bench.watch()
        fastest = max(fastest, *(abs(a - b) / 0.01 for a, b in zip(report.rad, last, strict=True)))
        last = report.rad
        if report.mode is Mode.RELAXED:
            break

    assert report.mode is Mode.RELAXED
    assert report.rad[:5] == pytest.approx(load_arm("so101").model.rest_rad, abs=0.12)
    assert fastest < 1.0
    assert not any(servo.torque for servo in bench.bus.servos.values())


def test_nobody_s_arm_does_not_go_on_to_park(bench: Any) -> None:
    """Ctrl-Z, or a SIGSTOP, of the program that asked for it: nobody could stop it."""
    moving(bench)
    bench.ask(Request.PARK)
    bench.watch(20)
    report = bench.cycle(30)

    assert report.latched and "fell silent" in report.reason
    held = bench.cycle(50).rad
    assert bench.cycle(50).rad == pytest.approx(held, abs=1e-3)


@pytest.mark.parametrize("has_watchdog", [True, False])
def test_servos_that_have_stopped_by_themselves_meanwhile_are_held(has_watchdog: bool) -> None:
    """They heed no goal until they are prepared anew, which somebody has to ask for."""
    bench = Bench(load_arm("so101"), has_watchdog=has_watchdog)
    goal = moving(bench)
    bench.bus.now_ns += 250_000_000  # somebody stopped the port's owner, or a busy computer did
    report = bench.go(goal)

    assert report.latched is has_watchdog
    assert ("stood still" in report.reason) is has_watchdog
    if has_watchdog:
        assert bench.ask(Request.ACKNOWLEDGE).mode is Mode.WATCHING


def test_an_arm_that_nobody_can_measure_is_held_where_it_was_told_to_be(bench: Any) -> None:
    """Its servos are limp: what a reading then says is the rest pose, which nobody has seen."""
    bench.bus.measures = False
    goal = moving(bench)
    before = bench.go(goal, 20).commanded_rad
    for servo in bench.bus.servos.values():
        servo.torque, servo.position = False, NOWHERE_TICKS
    reports = [bench.go(goal) for _ in range(40)]

    assert reports[-1].latched and reports[-1].assumed
    for each in reports:
        assert each.commanded_rad == pytest.approx(before, abs=0.3)


def test_an_arm_on_its_way_to_rest_is_not_switched_on_in_between(bench: Any) -> None:
    moving(bench)
    bench.ask(Request.PARK)
    bench.watch(5)
    report = bench.ask(Request.ENGAGE)

    assert (report.mode, report.failure) == (Mode.PARKING, Failure.HARDWARE)
    assert "is being parked" in report.reason


def test_a_stop_keeps_the_torque_off(bench: Any) -> None:
    bench.cycle()
    bench.stopped = True
    assert bench.ask(Request.ENGAGE).failure is Failure.HARDWARE
    assert not any(servo.torque for servo in bench.bus.servos.values())
    assert ("torque", 1, 1) not in bench.bus.log


def test_an_arm_pushed_far_from_where_it_is_held_does_not_snap_back(bench: Any) -> None:
    moving(bench)
    bench.stopped = True
    bench.cycle(30)
    for servo in bench.bus.servos.values():
        servo.sag = 600.0  # a weight, or a person, stronger than its servos
    pushed = bench.cycle(100).rad
    for servo in bench.bus.servos.values():
        servo.sag = 0.0
    back = bench.cycle(200).rad

    assert max(abs(a - b) for a, b in zip(pushed, back, strict=True)) <= 0.35


@pytest.mark.parametrize("mode", [Mode.HOLDING, Mode.MOVING])
def test_one_reading_that_cannot_be_moves_nothing(bench: Any, mode: Mode) -> None:
    """Eight bits of a checksum let one spoiled frame of 256 pass."""
    goal = moving(bench)
    if mode is Mode.HOLDING:
        bench.watch(20)
    before = bench.bus.servos[3].goal
    bench.bus.spoiled = {3: 3900}
    report = bench.go(goal) if mode is Mode.MOVING else bench.watch()
    bench.bus.spoiled = {}
    ordered = [value for what, servo, value in bench.bus.log if (what, servo) == ("goal", 3)]

    assert ordered[-1] == before
    assert (report.mode, report.latched) == (mode, False)
    assert abs(report.rad[2]) < 0.1
    report = bench.go(goal, 100) if mode is Mode.MOVING else bench.watch(100)
    assert not report.latched


def test_two_readings_that_agree_are_believed(bench: Any) -> None:
    moving(bench)
    bench.watch(20)
    bench.bus.servos[3].torque = False
    bench.bus.servos[3].position = 2048 + 700  # a weight fell upon it
    assert not bench.watch().latched
    report = bench.watch()

    assert report.latched
    assert "joint elbow_flex (servo 3 on memory) was moved 1.07 rad" in report.reason


def test_after_a_fault_goal_and_torque_are_set_anew(bench: Any) -> None:
    goal = moving(bench)
    bench.bus.servos[3].torque = False
    report = bench.go(goal, 40)
    assert "has lost its torque" in report.reason
    assert bench.ask(Request.ACKNOWLEDGE).mode is Mode.WATCHING
    assert bench.ask(Request.ENGAGE).mode is Mode.HOLDING
    assert bench.bus.servos[3].torque
    assert not bench.go(goal, 100).latched


def test_relaxing_is_done_even_while_it_holds(bench: Any) -> None:
    moving(bench)
    bench.stopped = True
    bench.cycle(3)

    assert bench.ask(Request.RELAX).mode is Mode.RELAXED
    assert not any(servo.torque for servo in bench.bus.servos.values())


@pytest.mark.parametrize(("after", "mode"), [("hold", Mode.HOLDING), ("relax", Mode.RELAXED)])
def test_what_becomes_of_the_arm_when_its_client_is_gone(
    bench: Any, after: Any, mode: Mode
) -> None:
    moving(bench)
    bench.alive = False
    bench.cycle()
    bench.supervisor.part(after)
    report = bench.cycle(20)

    assert report.mode is mode
    assert all(servo.torque for servo in bench.bus.servos.values()) is (after == "hold")


def test_an_orphan_may_park_but_not_after_trouble(bench: Any) -> None:
    moving(bench)
    bench.alive = False
    bench.cycle()
    bench.supervisor.part("park")
    assert bench.cycle(1000).mode is Mode.RELAXED


def test_a_stopped_orphan_holds_whatever_was_configured(bench: Any) -> None:
    moving(bench)
    bench.stopped = True
    bench.cycle(3)
    bench.alive = False
    bench.supervisor.part("park")

    assert bench.cycle(100).mode is Mode.HOLDING
