"""Torque on: where the arm stands, as all its servos have just told, or not at all."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest

from robofeed_serial.arms.arm_file import load_arm
from robofeed_serial.supervision.messages import Failure, Mode, Request
from robofeed_serial.wire.errors import BusTimeout

from .conftest import Bench


def test_nothing_is_written_until_the_torque_is_asked_for(bench: Any) -> None:
    assert bench.cycle(20).mode is Mode.WATCHING
    assert bench.bus.log == []


def test_the_goal_is_the_present_position_before_the_torque_goes_on(bench: Any) -> None:
    bench.bus.servos[3].position = 2300
    bench.cycle()
    assert bench.ask(Request.ENGAGE).mode is Mode.HOLDING

    kinds = [what for what, _, _ in bench.bus.log]
    first_torque = kinds.index("torque")
    assert kinds[:first_torque] == ["goal"] * 6
    assert ("goal", 3, 2300) in bench.bus.log[:first_torque]
    bench.cycle(20)
    assert bench.bus.servos[3].position == pytest.approx(2300, abs=1)


def test_a_servo_that_takes_no_goal_gets_no_torque(bench: Any) -> None:
    bench.bus.deaf_to_goals.add(4)
    bench.cycle()
    report = bench.ask(Request.ENGAGE)

    assert report.failure is Failure.HARDWARE
    assert "servo 4" in report.reason
    assert not any(servo.torque for servo in bench.bus.servos.values())


def test_a_servo_whose_place_is_of_long_ago_is_not_switched_on(bench: Any) -> None:
    bench.cycle()
    bench.bus.deaf_to_groups.add(3)
    bench.bus.servos[3].position = 2300  # it fell meanwhile
    bench.cycle(100)
    report = bench.ask(Request.ENGAGE)

    assert report.failure is Failure.HARDWARE
    assert "elbow_flex" in report.reason and "has not said where it is for 1.0 s" in report.reason
    assert not any(servo.torque for servo in bench.bus.servos.values())
    bench.bus.deaf_to_groups.clear()
    assert bench.ask(Request.ENGAGE).mode is Mode.HOLDING
    assert bench.bus.servos[3].goal == 2300


def test_an_arm_that_is_moved_while_it_is_switched_on_does_not_jump_back(bench: Any) -> None:
    bench.cycle()
    places = iter([2100, 2300])

    def move() -> None:
        bench.bus.servos[3].position = next(places, 2300)

    bench.bus.on_goals = move
    assert bench.ask(Request.ENGAGE).mode is Mode.HOLDING

    first_torque = [what for what, _, _ in bench.bus.log].index("torque")
    goals = [ticks for _, servo, ticks in bench.bus.log[:first_torque] if servo == 3]
    assert goals == [2048, 2100, 2300]


def test_an_arm_outside_its_range_is_not_switched_on(bench: Any) -> None:
    bench.bus.servos[3].position = 3500
    bench.cycle()
    report = bench.ask(Request.ENGAGE)

    assert "joint elbow_flex (servo 3 on memory) stands at" in report.reason
    assert report.mode is Mode.WATCHING
    assert bench.bus.log == []


def test_a_stop_while_it_is_switched_on_keeps_the_torque_off(bench: Any) -> None:
    bench.cycle()

    def stop() -> None:
        bench.stopped = True

    bench.bus.on_goals = stop
    report = bench.ask(Request.ENGAGE)

    assert report.failure is Failure.HARDWARE
    assert "stopped by hand: it is not switched on" in report.reason
    assert not any(servo.torque for servo in bench.bus.servos.values())


def test_an_arm_of_which_some_servo_did_not_answer_to_torque_is_to_be_supported(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.cycle()

    def switch(ids: Sequence[int], on: bool) -> None:
        raise BusTimeout("Servo 3 on memory does not answer.")

    monkeypatch.setattr(bench.bus, "set_torque", switch)
    report = bench.ask(Request.ENGAGE)

    assert (report.mode, report.failure) == (Mode.WATCHING, Failure.HARDWARE)
    assert report.reason.startswith("Servo 3 on memory does not answer. Some joints may hold now")
    assert "support the arm" in report.reason


def test_servos_whose_own_watchdog_has_tripped_take_goals_again() -> None:
    """They hold then, and ignore goals: an arm that was left alone with its torque on."""
    bench = Bench(load_arm("so101"), has_watchdog=True)
    bus = bench.bus
    bench.cycle()
    for servo in bus.servos.values():
        servo.torque, servo.goal = True, 2048
    bus.deaf_to_goals |= bus.servos.keys()
    bus.on_prepare = bus.deaf_to_goals.clear
    assert bench.ask(Request.ENGAGE).mode is Mode.HOLDING

    goal = [0.3, *[math.nan] * 5]
    assert bench.go(goal, 300).rad[0] == pytest.approx(0.3, abs=0.01)
