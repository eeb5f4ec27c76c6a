"""The simulator's arm behind real servos: it moves, meets the table, falls, is moved by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from robofeed import ConfigError
from robofeed_serial.arms.arm_file import load_arm
from robofeed_serial.twin.arm import SUBSTEP_NS, TwinArm
from robofeed_serial.twin.build import build_arm, build_servos, twin_joints
from robofeed_serial.twin.feetech_servo import Sts3215
from robofeed_serial.twin.physics import PybulletMechanics


@pytest.fixture
def arm() -> Iterator[TwinArm]:
    described = load_arm("so101")
    servos, _ = build_servos(described)
    motors = [servo.motor for servo in servos]
    mechanics = PybulletMechanics("so101", twin_joints(described), motors, task="push", seed=1)
    arm = build_arm(described, servos, mechanics, gravity=True)
    arm.advance(0)
    yield arm
    mechanics.close()


@pytest.fixture
def wait(arm: TwinArm) -> Callable[[float], None]:
    def wait(seconds: float) -> None:
        end_ns = arm.log.time_ns + round(seconds * 1e9)
        while arm.log.time_ns < end_ns:
            arm.advance(arm.log.time_ns + 100 * SUBSTEP_NS)

    return wait


def drive(arm: TwinArm, goals: dict[int, int]) -> None:
    for servo in arm.servos:
        assert isinstance(servo, Sts3215)
        goal = goals.get(servo.servo_id, servo.present_ticks)
        servo.write(42, goal.to_bytes(2, "little"))
        servo.write(40, b"\x01")


def test_it_reaches_goals_and_holds_its_weight(arm: TwinArm, wait: Callable[[float], None]) -> None:
    drive(arm, dict.fromkeys(range(1, 7), 2048))

    wait(3.0)

    assert [s.present_ticks for s in arm.servos] == pytest.approx([2048] * 6, abs=4)
    assert abs(arm.servos[1].motor.load_share) > 0.1


def test_the_table_stops_it_and_the_motor_says_so(
    arm: TwinArm, wait: Callable[[float], None]
) -> None:
    drive(arm, dict.fromkeys(range(1, 7), 2048))
    wait(2.0)
    drive(arm, {2: 2900})

    wait(1.0)

    assert arm.servos[1].present_ticks < 2750
    assert arm.servos[1].motor.load_share > 0.8


def test_without_torque_it_falls(arm: TwinArm, wait: Callable[[float], None]) -> None:
    drive(arm, dict.fromkeys(range(1, 7), 2048))
    wait(2.0)
    for servo in arm.servos:
        servo.motor.torque_on = False

    wait(1.0)

    assert abs(arm.servos[1].present_ticks - 2048) > 100


def test_a_hand_moves_it(arm: TwinArm, wait: Callable[[float], None]) -> None:
    arm.servos[0].place(2500)

    wait(0.2)

    assert arm.servos[0].present_ticks == pytest.approx(2500, abs=10)


def test_an_arm_the_simulator_does_not_know() -> None:
    described = load_arm("koch")

    with pytest.raises(ConfigError, match="no arm 'koch'"):
        PybulletMechanics("koch", twin_joints(described), [], task="reach", seed=0)
