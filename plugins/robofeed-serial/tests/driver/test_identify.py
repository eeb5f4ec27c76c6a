"""Who is on the bus: exactly the servos of the arm file, as the calibration knew them."""

from __future__ import annotations

from typing import Any

import pytest

from robofeed import ConfigError, HardwareError
from robofeed_serial.arms.arm_file import load_arm
from robofeed_serial.arms.calibration import nominal
from robofeed_serial.supervision.servo_arm import ServoArm


def test_the_right_servos_are_recognised(bench: Any) -> None:
    bench.arm.identify()
    assert bench.bus.log == []


def test_an_empty_bus_asks_for_power_and_baud(bench: Any) -> None:
    for servo in bench.bus.servos.values():
        servo.mute = True
    with pytest.raises(HardwareError, match=r"no servo answers .* power .* robofeed arm scan"):
        bench.arm.identify()


def test_missing_servos_are_named(bench: Any) -> None:
    bench.bus.servos[3].mute = bench.bus.servos[6].mute = True
    with pytest.raises(HardwareError, match=r"elbow_flex \(servo 3\), gripper \(servo 6\) did not"):
        bench.arm.identify()


def test_another_kind_of_servo_is_refused(bench: Any) -> None:
    bench.bus.servos[3].number = 1060
    with pytest.raises(HardwareError, match=r"servo 3 .* joint elbow_flex of so101 has a STS3215"):
        bench.arm.identify()


def test_a_servo_that_turns_as_a_wheel_is_refused(bench: Any) -> None:
    bench.bus.servos[5].mode = 1
    with pytest.raises(
        HardwareError, match=r"servo 5 .* VELOCITY.* --arm so101 --joint wrist_roll"
    ):
        bench.arm.identify()


def test_the_homing_offset_of_another_arm_is_noticed(bench: Any) -> None:
    file = load_arm("so101")
    made = nominal(file)
    known = [each.model_copy(update={"homing_offset": 5}) for each in made.servos]
    arm = ServoArm(file, made.model_copy(update={"servos": tuple(known)}), bench.bus)

    with pytest.raises(ConfigError, match=r"servo 1 \(shoulder_pan\) .* it is another arm's"):
        arm.identify()
