"""Own kinematics against PyBullet's, and an inverse's promises: limits, travel, the residual."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pybullet
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from robofeed.kinematics.chain import Chain
from robofeed.kinematics.planar import PlanarArm
from robofeed_pybullet.arms import ARMS
from robofeed_pybullet.model_writer import without_meshes, write_urdf

PERIOD_S = 0.04
UNHURRIED_S = 10.0
share = st.floats(0.0, 1.0)
shares = st.lists(share, min_size=7, max_size=7)
directions = st.tuples(*[st.floats(-1.0, 1.0)] * 3)
names = st.sampled_from(sorted(ARMS))


def joints_at(kinematics: Any, place: list[float]) -> list[float]:
    """Joints at these shares of their ranges."""
    return [
        low + part * (high - low)
        for low, high, part in zip(kinematics.low, kinematics.high, place, strict=False)
    ]


@pytest.mark.parametrize("name", ARMS)
def test_forward_kinematics_agrees_with_pybullet(name: str, tmp_path: Any) -> None:
    arm = ARMS[name]
    client = pybullet.connect(pybullet.DIRECT)
    write_urdf(without_meshes(arm.model), tmp_path / "arm.urdf", visuals=False)
    body = pybullet.loadURDF(str(tmp_path / "arm.urdf"), useFixedBase=True, physicsClientId=client)
    index = {
        pybullet.getJointInfo(body, joint, client)[1].decode(): joint
        for joint in range(pybullet.getNumJoints(body, client))
    }
    chain = Chain(arm.chain(), arm.home_rad, PERIOD_S)
    fast = arm.kinematics(PERIOD_S, hold_posture=False)
    rng = np.random.default_rng(0)
    for _ in range(50):
        joints = joints_at(chain, rng.random(7).tolist())
        for joint, position in zip(arm.joints, joints, strict=True):
            pybullet.resetJointState(body, index[joint], position, physicsClientId=client)
        state = pybullet.getLinkState(
            body, index["tool"], computeForwardKinematics=True, physicsClientId=client
        )
        assert chain.tool(joints) == pytest.approx(state[4], abs=2e-6)
        assert fast.pose(joints).tool_m == pytest.approx(chain.tool(joints), abs=1e-9)
    pybullet.disconnect(client)


@given(name=names, place=shares, direction=directions, hold=st.booleans())
@settings(max_examples=300)
def test_a_solution_keeps_limits_and_travel_and_tells_its_residual(
    name: str, place: list[float], direction: tuple[float, float, float], hold: bool
) -> None:
    arm = ARMS[name]
    kinematics: Any = arm.kinematics(PERIOD_S, hold_posture=hold)
    start = joints_at(kinematics, place)
    pose = kinematics.pose(start)
    goal = [here + 0.05 * way for here, way in zip(pose.tool_m, direction, strict=True)]
    solution = kinematics.solve(start, pose, goal)
    for joint, low, high in zip(solution.joint_rad, kinematics.low, kinematics.high, strict=True):
        assert low - 1e-9 <= joint <= high + 1e-9
    for joint, begun, travel in zip(solution.joint_rad, start, kinematics.travel, strict=True):
        assert abs(joint - begun) <= travel + 1e-9
    reached = kinematics.pose(solution.joint_rad).tool_m
    assert solution.tool_m == pytest.approx(reached, abs=1e-9)
    assert solution.left_m == pytest.approx(math.dist(reached, goal), abs=1e-9)


def bends(most_rad: float) -> st.SearchStrategy[list[float]]:
    return st.lists(st.floats(-most_rad, most_rad), min_size=7, max_size=7)


def bent(name: str, kinematics: Any, bend: list[float]) -> list[float]:
    """The home pose with each joint bent, but not to its end."""
    return [
        min(max(home + change, low + 0.2), high - 0.2)
        for home, change, low, high in zip(
            ARMS[name].home_rad, bend, kinematics.low, kinematics.high, strict=False
        )
    ]


@given(name=names, bend=bends(0.5), way=directions)
@settings(max_examples=300)
def test_near_home_every_small_step_is_reached_within_a_millimetre(
    name: str, bend: list[float], way: tuple[float, float, float]
) -> None:
    kinematics: Any = ARMS[name].kinematics(UNHURRIED_S, hold_posture=False)
    start = bent(name, kinematics, bend)
    pose = kinematics.pose(start)
    goal = [here + 0.02 * part for here, part in zip(pose.tool_m, way, strict=True)]
    assert kinematics.solve(start, pose, goal).left_m < 1e-3


@given(name=names, bend=bends(0.6), way=directions)
@example("so101", [0.6, 0.6, 0.6, 0.6, 0.6, 0.0, 0.0], (-1.0, -1.0, 0.0))
@example("so101", [-0.6, -0.6, 0.6, 0.6, 0.6, 0.0, 0.0], (-1.0, -1.0, 1.0))
@settings(max_examples=300)
def test_further_out_only_the_end_of_a_joint_keeps_a_small_step_from_its_goal(
    name: str, bend: list[float], way: tuple[float, float, float]
) -> None:
    """The first example is a centimetre from the pan's axis, the second at the wrist's end."""
    kinematics: Any = ARMS[name].kinematics(UNHURRIED_S, hold_posture=False)
    start = bent(name, kinematics, bend)
    pose = kinematics.pose(start)
    goal = [here + 0.02 * part for here, part in zip(pose.tool_m, way, strict=True)]
    solution = kinematics.solve(start, pose, goal)
    ranges = zip(solution.joint_rad, kinematics.low, kinematics.high, strict=True)
    if not any(min(q - low, high - q) < 1e-9 for q, low, high in ranges):
        assert solution.left_m < 1e-3
    assert solution.left_m <= max(math.dist(pose.tool_m, goal), 1e-3)


@given(
    place=st.tuples(
        st.floats(-1.0, 1.0), st.floats(-1.75, -1.2), st.floats(-1.0, 0.0), st.floats(-1.0, 0.5)
    ),
    way=directions,
)
@settings(max_examples=100)
def test_an_arm_that_leans_back_over_its_base_does_not_turn_round(
    place: tuple[float, float, float, float], way: tuple[float, float, float]
) -> None:
    kinematics: Any = ARMS["so101"].kinematics(UNHURRIED_S, hold_posture=False)
    start = [*place, 0.0]
    pose = kinematics.pose(start)
    assume(pose.across_m < -0.05)
    goal = [here + 0.005 * part for here, part in zip(pose.tool_m, way, strict=True)]
    solution = kinematics.solve(start, pose, goal)
    assert abs(solution.joint_rad[0] - start[0]) < 0.2


@pytest.mark.parametrize("name", ARMS)
def test_the_tool_keeps_pointing_down_on_its_way(name: str) -> None:
    arm = ARMS[name]
    kinematics: Any = arm.kinematics(PERIOD_S, hold_posture=True)
    chain = Chain(arm.chain(), arm.home_rad, PERIOD_S)
    home = np.array(chain.pose(arm.home_rad).tool_rotation).reshape(3, 3)
    for goal in ((0.24, 0.06, 0.04), (0.18, -0.10, 0.06), (0.22, 0.0, 0.10)):
        wanted = [arm.scale * value for value in goal]
        joints: list[float] = list(arm.home_rad)
        for _ in range(60):
            pose = kinematics.pose(joints)
            way = np.subtract(wanted, pose.tool_m)
            longest = max(np.abs(way).max() / arm.tool_step_m, 1.0)
            goal_m = (np.array(pose.tool_m) + way / longest).tolist()
            joints = kinematics.solve(joints, pose, goal_m).joint_rad
        pose_now = chain.pose(joints)
        assert pose_now.tool_m == pytest.approx(wanted, abs=1e-3)
        turned = np.array(pose_now.tool_rotation).reshape(3, 3).T @ home
        angle = math.acos(min(max((np.trace(turned) - 1.0) / 2.0, -1.0), 1.0))
        assert math.degrees(angle) < 2.0


def test_the_so101_is_solved_in_the_plane_and_the_others_are_not() -> None:
    kinds = {
        name: isinstance(arm.kinematics(PERIOD_S, hold_posture=False), PlanarArm)
        for name, arm in ARMS.items()
    }
    assert kinds == {"so101": True, "panda": False, "kuka_iiwa": False, "xarm6": False}
