"""An arm whose board answers goals with states: one trip a cycle instead of two."""

from __future__ import annotations

import time
from typing import Any

import pytest

from robofeed_serial.arms.arm_file import load_arm
from robofeed_serial.arms.calibration import nominal
from robofeed_serial.buses.servo_bus import ServoState
from robofeed_serial.supervision.servo_arm import ServoArm

from .conftest import MemoryBus, MemoryServo


class AnsweringBus(MemoryBus):
    """One that answers goals with every state, as our servo board does."""

    silent = False
    asked = 0

    def read_states(self, ids: Any, *, budget_s: float = 0.02) -> dict[int, ServoState]:
        self.asked += 1
        return self._now(ids)

    def exchange(self, goals: Any) -> dict[int, ServoState]:
        self.write_goals(goals)
        return {} if self.silent else self._now(goals)

    def _now(self, ids: Any) -> dict[int, ServoState]:
        now_ns = time.monotonic_ns()
        told = MemoryBus.read_states(self, list(ids))
        return {each: state._replace(time_ns=now_ns) for each, state in told.items()}


def test_in_one_trip_what_answers_a_goal_is_the_next_reading() -> None:
    file = load_arm("so101")
    bus = AnsweringBus({servo.id: MemoryServo() for servo in file.servos})
    arm = ServoArm(file, nominal(file), bus, one_trip=True)
    assert not arm.takes_goals_anytime
    bus.servos[2].position = 2100
    arm.write([0.0] * 6)
    bus.servos[2].position = 2300

    assert arm.read().rad[1] == pytest.approx(arm.scales[1].to_rad(2100))
    assert bus.asked == 0
    assert arm.read().rad[1] == pytest.approx(arm.scales[1].to_rad(2300))  # read only once
    assert bus.asked == 1


def test_a_goal_that_nobody_answered_or_long_ago_is_no_reading() -> None:
    file = load_arm("so101")
    bus = AnsweringBus({servo.id: MemoryServo() for servo in file.servos})
    arm = ServoArm(file, nominal(file), bus, one_trip=True)
    bus.silent = True
    arm.write([0.0] * 6)
    arm.read()
    assert bus.asked == 1

    bus.silent = False
    arm.write([0.0] * 6)
    time.sleep(0.05)
    arm.read()
    assert bus.asked == 2


def test_in_two_trips_goals_are_written_and_every_reading_is_asked_for() -> None:
    file = load_arm("so101")
    bus = AnsweringBus({servo.id: MemoryServo() for servo in file.servos})
    arm = ServoArm(file, nominal(file), bus)
    arm.write([0.0] * 6)
    arm.read()
    assert arm.takes_goals_anytime
    assert bus.asked == 1
