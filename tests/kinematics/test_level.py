"""Arms whose hand is held level: an inverse in closed form, its ranges, what lies outside them."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robofeed.data.tasks import make_task
from robofeed.kinematics.arm import ArmGeometry
from robofeed.kinematics.level import LevelArm

URDF = """
<robot name="level">
  <link name="base"/><link name="a"/><link name="b"/>
  <link name="c"/><link name="d"/><link name="e"/>
  <joint name="turn" type="revolute"><parent link="base"/><child link="a"/>
    <axis xyz="0 0 1"/><limit lower="-1.5" upper="1.5" velocity="2"/></joint>
  <joint name="lower" type="revolute"><parent link="a"/><child link="b"/>
    <origin xyz="0.01 0 0.1"/><axis xyz="0 1 0"/>
    <limit lower="-0.7" upper="1.5" velocity="2"/></joint>
  <joint name="level1" type="revolute"><parent link="b"/><child link="c"/>
    <origin xyz="0 0 0.14"/><axis xyz="0 1 0"/>{mimic}</joint>
  <joint name="upper" type="revolute"><parent link="c"/><child link="d"/>
    <axis xyz="0 1 0"/><limit lower="0.0" upper="2.0" velocity="2"/></joint>
  <joint name="level2" type="revolute"><parent link="d"/><child link="e"/>
    <origin xyz="0.16 0 0"/><axis xyz="0 1 0"/><mimic joint="upper" multiplier="-1"/></joint>
</robot>
"""
FOLD_RAD = (0.3, 2.5)
HOME_RAD = (0.0, 0.0, 0.3)


def geometry(folder: Path, mimic: str = '<mimic joint="lower" multiplier="-1"/>') -> ArmGeometry:
    path = folder / "level.urdf"
    path.write_text(URDF.format(mimic=mimic), "utf-8")
    return ArmGeometry(
        name="level",
        path=path,
        joints=("turn", "lower", "upper"),
        tool=("e", (0.05, 0.0, -0.07)),
        home_rad=HOME_RAD,
        scale=0.9,
        tool_step_m=0.02,
        gripper_width_m=0.05,
        cube_opening=0.3,
        hand_half_m=(0.02, 0.025),
        fold_rad=FOLD_RAD,
    )


@pytest.fixture(scope="module")
def arm(tmp_path_factory: pytest.TempPathFactory) -> LevelArm:
    found = geometry(tmp_path_factory.mktemp("level")).kinematics(0.05, hold_posture=False)
    assert isinstance(found, LevelArm)
    return found


joints = st.tuples(st.floats(-1.5, 1.5), st.floats(-0.7, 1.5), st.floats(0.0, 2.0))
points = st.tuples(st.floats(-0.4, 0.5), st.floats(-0.5, 0.5), st.floats(-0.3, 0.6))


def fold_rad(joint_rad: list[float]) -> float:
    """The angle between the links."""
    return math.pi / 2 + joint_rad[1] - joint_rad[2]


@given(at=joints)
def test_the_inverse_undoes_the_forward_kinematics(arm: LevelArm, at: tuple[float, ...]) -> None:
    if not FOLD_RAD[0] < fold_rad(list(at)) < FOLD_RAD[1]:
        return
    found = arm.joints_at(arm.pose(at).tool_m)

    tool_m = arm.pose(at).tool_m
    out_m = math.cos(at[0]) * tool_m[0] + math.sin(at[0]) * tool_m[1]
    if out_m > 1e-3:  # behind the base it would turn round instead
        assert found == pytest.approx(at, abs=1e-6)
        assert arm.reaches(tool_m)


def test_a_hand_held_level_goes_where_its_links_point(arm: LevelArm) -> None:
    assert arm.pose((0.0, 0.0, 0.0)).tool_m == pytest.approx((0.22, 0.0, 0.17))
    assert arm.pose((0.0, math.pi / 2, math.pi / 2)).tool_m == pytest.approx((0.2, 0.0, -0.13))
    assert arm.pose((math.pi / 2, 0.0, 0.0)).tool_m == pytest.approx((0.0, 0.22, 0.17))


@given(start=joints, goal=points)
def test_a_plan_keeps_to_ranges_and_travel_and_says_what_it_leaves(
    arm: LevelArm, start: tuple[float, ...], goal: tuple[float, ...]
) -> None:
    found = arm.solve(start, arm.pose(start), goal)

    for q, was, low, high, travel in zip(
        found.joint_rad, start, arm.low, arm.high, arm.travel, strict=True
    ):
        assert low - 1e-12 <= q <= high + 1e-12
        assert abs(q - was) <= travel + 1e-12
    assert found.tool_m == pytest.approx(arm.pose(found.joint_rad).tool_m)
    assert found.left_m == pytest.approx(math.dist(found.tool_m, goal), abs=1e-8)


@given(goal=points)
def test_what_is_out_of_reach_is_come_near_without_unfolding_too_far(
    arm: LevelArm, goal: tuple[float, ...]
) -> None:
    at = list(HOME_RAD)
    for _ in range(120):
        at = arm.solve(at, arm.pose(at), goal).joint_rad

    off_m = math.dist(arm.pose(at).tool_m, goal)
    if arm.reaches(goal):
        assert off_m < 1e-6
    assert FOLD_RAD[0] - 1e-6 <= fold_rad(at) or at[1] in (arm.low[1], arm.high[1])
    assert fold_rad(at) <= FOLD_RAD[1] + 1e-6


def test_targets_are_drawn_where_the_arm_reaches(tmp_path: Path) -> None:
    found = geometry(tmp_path)
    arm = found.kinematics(0.05, hold_posture=False)
    assert isinstance(arm, LevelArm)
    task = make_task("reach", found.figures())
    rng = np.random.default_rng(0)

    assert all(arm.reaches(task.layout(rng).goal_m) for _ in range(50))


def test_a_joint_that_follows_in_another_way_makes_no_level_arm(tmp_path: Path) -> None:
    other = geometry(tmp_path, '<mimic joint="lower" multiplier="-0.5"/>')

    assert not isinstance(other.kinematics(0.05, hold_posture=False), LevelArm)
