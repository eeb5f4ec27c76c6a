"""Ways home: free all along, the same each time, and there is one from wherever a limp arm lies."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robofeed_serial.arms.arm_file import ArmFile, load_arm
from robofeed_serial.body.arm_body import UNTRUE_M, ArmBody, body_of
from robofeed_serial.body.free_way import FreeWay

LYING = {
    "so101": [0.0, -1.6, 1.73, 0.76, 0.0, -0.18],
    "so101 with an open hand under it": [0.0, -1.75, 1.69, 1.61, 0.0, 1.73],
    "so100": [0.0, -1.49, 1.73, 0.72, 0.0, -0.17],
    "koch": [0.0, -0.55, 1.61, -0.07, 0.0, 0.0],
    "omx": [0.0, -1.5, 1.64, 0.73, 0.0, 0.0],
    "rfp6": [0.0, -1.19, 1.49, -1.19, 0.0, 0.0],
}
"""where twins of these arms come to lie, limp under their weight, some upon themselves"""


def way_of(arm: ArmFile, body: ArmBody, grip: Sequence[float]) -> FreeWay:
    joints = len(arm.model.home_rad)
    return FreeWay(body, [arm.range_rad(servo) for servo in arm.servos][:joints], grip)


@pytest.mark.parametrize("name", LYING)
def test_an_arm_that_lies_limp_finds_its_way_home(name: str) -> None:
    arm = load_arm(name.split()[0])
    body = body_of(arm)
    joints = len(arm.model.home_rad)
    start, grip = LYING[name][:joints], LYING[name][joints:]
    way = way_of(arm, body, grip).between(start, arm.model.home_rad)

    assert way is not None
    assert way[-1] == pytest.approx(list(arm.model.home_rad))
    assert way == way_of(arm, body, grip).between(start, arm.model.home_rad)
    assert_leads(body, start, way, grip)


def assert_leads(
    body: ArmBody, start: Sequence[float], way: Sequence[Sequence[float]], grip: Sequence[float]
) -> None:
    """No pair comes nearer than it may, or, where it was nearer, nearer than it was."""
    here = np.array(start, float)
    for pose in way:
        steps = [here + share * (np.array(pose) - here) for share in np.linspace(0.0, 1.0, 101)]
        gaps = body.gaps_m([[*each, *grip] for each in steps])
        was, now = gaps[:-1], gaps[1:]
        floor = np.where(was < body.least_m - UNTRUE_M, -np.inf, np.minimum(body.least_m, was))
        # What lies between two poses that were looked at may be nearer by what a step turns.
        assert (now >= floor - 1e-3).all()
        here = np.array(pose)


@settings(max_examples=15, deadline=None, derandomize=True)
@given(st.integers(0, 10_000))
def test_every_way_that_is_found_is_free(seed: int) -> None:
    arm = load_arm("so101")
    body = body_of(arm)
    rng = np.random.default_rng(seed)
    low, high = np.array([arm.range_rad(servo) for servo in arm.servos][:5]).T
    free = [
        pose
        for pose in rng.uniform(low, high, (60, 5)).tolist()
        if (body.gaps_m([[*pose, 0.0]])[0] >= body.least_m).all()
    ]
    start, goal = free[:2]
    way = way_of(arm, body, [0.0]).between(start, goal)
    if way is not None:
        assert way[-1] == pytest.approx(goal)
        assert_leads(body, start, way, [0.0])


def test_where_the_goal_is_not_free_there_is_no_way() -> None:
    arm = load_arm("so101")
    body = body_of(arm)
    low, high = np.array([arm.range_rad(servo) for servo in arm.servos][:5]).T
    rng = np.random.default_rng(0)
    poses = rng.uniform(low, high, (400, 5)).tolist()
    gaps = body.gaps_m([[*pose, 0.0] for pose in poses]) - body.least_m
    blocked = poses[int(gaps.min(axis=1).argmin())]
    assert way_of(arm, body, [0.0]).between(arm.model.home_rad, blocked) is None
