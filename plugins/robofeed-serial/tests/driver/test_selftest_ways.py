"""Which way a self-test turns each joint: where its links have room, there and back."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from robofeed import HardwareError
from robofeed_serial.arms.arm_file import load_arm
from robofeed_serial.arms.calibration import nominal
from robofeed_serial.arms.description import arm_names
from robofeed_serial.bench.selftest import TURN_RAD, ways_from, ways_with_room
from robofeed_serial.body.arm_body import ArmBody, body_of

SERVOS = sorted(set(arm_names()) - {"uarm", "mirobot"})


def bounds(name: str) -> tuple[list[float], list[float]]:
    arm = load_arm(name)
    low, high = zip(*nominal(arm).ranges_rad(arm), strict=True)
    return list(low), list(high)


@pytest.mark.parametrize("name", SERVOS)
def test_at_home_every_joint_has_room(name: str) -> None:
    arm = load_arm(name)
    low, high = bounds(name)
    assert arm.gripper is not None
    home = [*arm.model.home_rad, arm.gripper.shut_rad]

    ways = ways_with_room(body_of(arm), arm.actuators, home, low, high)

    assert {abs(way) for way in ways} == {TURN_RAD}


def test_an_arm_that_lies_folded_is_to_be_lifted_first() -> None:
    arm = load_arm("so101")
    limp = [0.0, -1.60, 1.73, 0.93, 0.0, -0.17]  # where its twin lies after `park`

    with pytest.raises(HardwareError, match=r"shoulder_lift cannot .* shoulder and .* lift"):
        ways_with_room(body_of(arm), arm.actuators, limp, *bounds("so101"))


class Wall(ArmBody):
    """Nothing but a wall that joint 0 may not turn towards."""

    def __init__(self) -> None:
        self.pairs = (("hand", "the wall"),)

    def first_free(
        self, poses_rad: Sequence[Sequence[float]]
    ) -> tuple[int, tuple[str, str] | None]:
        return (0, None) if poses_rad[0][0] <= 0.0 else (1, self.pairs[0])


def test_a_joint_with_room_on_one_side_only_turns_there() -> None:
    low, high = [-1.0, -1.0], [1.5, 1.5]

    assert ways_from([0.0, 0.0], low, high) == [TURN_RAD, TURN_RAD]
    assert ways_with_room(Wall(), ["a", "b"], [0.0, 0.0], low, high) == [-TURN_RAD, TURN_RAD]
    with pytest.raises(HardwareError, match="a cannot turn and come back: hand and the wall"):
        ways_with_room(Wall(), ["a", "b"], [0.0, 0.0], [-0.05, -1.0], high)
