"""Ways home: free all along, the same each time, and there is one from wherever a limp arm lies.

What is found is also walked, through the gate of the port's owner, which refuses none of it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robofeed_serial.arms.arm_file import ArmFile, load_arm
from robofeed_serial.body.arm_body import UNTRUE_M, ArmBody, body_of
from robofeed_serial.body.free_way import FreeWay
from robofeed_serial.body.workspace import Box, workspace_of
from robofeed_serial.supervision.goal_gate import GoalGate
from robofeed_serial.supervision.settings import SupervisorSettings, bounds_of

LYING = {
    "so101": [0.0, -1.6, 1.73, 0.76, 0.0, -0.18],
    "so101 with an open hand under it": [0.0, -1.75, 1.69, 1.61, 0.0, 1.73],
    "so100": [0.0, -1.49, 1.73, 0.72, 0.0, -0.17],
    "koch": [0.0, -0.55, 1.61, -0.07, 0.0, 0.0],
    "omx": [0.0, -1.5, 1.64, 0.73, 0.0, 0.0],
    "rfp6": [0.0, -1.19, 1.49, -1.19, 0.0, 0.0],
}
"""where twins of these arms come to lie, limp under their weight, some upon themselves"""


CYCLE_S = 0.01
AHEAD_RAD = 0.03
CYCLES = 1000
ARRIVED_RAD = 1e-3


def boxed(name: str, box_m: Box | None) -> ArmFile:
    """An arm whose operator has given it another workspace."""
    arm = load_arm(name)
    if box_m is None:
        return arm
    low_m, high_m = box_m
    limits = arm.limits.model_copy(update={"workspace_low_m": low_m, "workspace_high_m": high_m})
    narrow = arm.model_copy(update={"limits": limits})
    narrow._path = arm.path
    return narrow


def box_of(arm: ArmFile) -> Box:
    figures = arm.geometry().figures()
    return (
        arm.limits.workspace_low_m or figures.workspace_low_m,
        arm.limits.workspace_high_m or figures.workspace_high_m,
    )


def way_of(arm: ArmFile, body: ArmBody, grip: Sequence[float], box_m: Box | None = None) -> FreeWay:
    joints = len(arm.model.home_rad)
    workspace = workspace_of(arm, box_m or box_of(arm))
    return FreeWay(body, workspace, [arm.range_rad(servo) for servo in arm.servos][:joints], grip)


def walk(
    arm: ArmFile, body: ArmBody, start: Sequence[float], way: Sequence[Sequence[float]]
) -> list[float]:
    """Where the port's owner lets an arm come that is led along a way and does what it is told."""
    ranges = [arm.range_rad(servo) for servo in arm.servos]
    bounds = bounds_of(arm, ranges, SupervisorSettings(arm=arm.name, port=""))
    kinematics = arm.geometry().kinematics(CYCLE_S, hold_posture=False)
    joints = len(arm.model.home_rad)
    gate = GoalGate(bounds, lambda rad: kinematics.pose(rad[:joints]).tool_m, body)
    here = list(start)
    for pose in way:
        first = np.array(here)
        whole = np.array([*pose, *start[joints:]]) - first
        length = float(np.abs(whole).max())
        for _ in range(CYCLES if length > ARRIVED_RAD else 0):
            gone = float((np.array(here) - first) @ whole / (whole @ whole))
            wanted = first + min(1.0, gone + AHEAD_RAD / length) * whole
            here = gate.pass_through(wanted.tolist(), here, here, CYCLE_S)
            if np.abs(here - first - whole).max() < ARRIVED_RAD:
                break
    return here


def poses_in_the_box(arm: ArmFile, body: ArmBody, grip: Sequence[float]) -> list[list[float]]:
    """Free ones that face the box: turned away, an arm reaches into it over its head only."""
    joints = len(arm.model.home_rad)
    low, high = np.array([arm.range_rad(servo) for servo in arm.servos][:joints]).T
    kinematics = arm.geometry().kinematics(CYCLE_S, hold_posture=False)
    low_m, high_m = np.array(box_of(arm))
    found = []
    for pose in np.random.default_rng(1).uniform(low, high, (400, joints)).tolist():
        tool_m = np.array(kinematics.pose(pose).tool_m)
        if abs(pose[0]) < np.pi / 2 and ((tool_m > low_m) & (tool_m < high_m)).all():
            if (body.gaps_m([[*pose, *grip]])[0] >= body.least_m).all():
                found.append(pose)
    return found


@pytest.mark.parametrize(
    ("name", "box_m"),
    [
        ("so101", None),
        ("omx", None),
        ("so101", ((0.1, -0.45, 0.06), (0.26, 0.45, 0.4))),
        ("omx", ((0.08, -0.2, 0.04), (0.3, 0.2, 0.2))),
        ("koch", ((0.08, -0.2, 0.04), (0.3, 0.2, 0.2))),
    ],
)
def test_the_tool_keeps_to_its_box_on_the_way_home_and_the_gate_lets_it_pass(
    name: str, box_m: Box | None
) -> None:
    arm = boxed(name, box_m)
    body = body_of(arm)
    grip = [0.0]
    home = list(arm.model.home_rad)
    starts = poses_in_the_box(arm, body, grip)[:15]
    assert len(starts) >= 8
    for start in starts:
        way = way_of(arm, body, grip).between(start, home)
        assert way is not None
        assert walk(arm, body, [*start, *grip], way)[: len(home)] == pytest.approx(home, abs=2e-3)


@pytest.mark.parametrize(
    ("name", "start"),
    [
        pytest.param("so101", [1.8, -0.2, 0.3, 0.5, 0.0], id="beside the base, behind its middle"),
        pytest.param("so101", [0.3, 1.2, 0.35, -0.4, 0.0], id="the tool lower than the box"),
        pytest.param("koch", [0.0, 0.74, 0.27, 1.62, 0.0], id="caught as it fell"),
        pytest.param("koch", [0.0, 0.87, 0.28, 1.53, 0.0], id="fallen, its hand under the table"),
    ],
)
def test_from_outside_its_box_an_arm_comes_in_and_then_home_and_to_rest(
    name: str, start: list[float]
) -> None:
    arm = load_arm(name)
    body = body_of(arm)
    assert not workspace_of(arm, box_of(arm)).holds([*start, 0.0])

    for goal in (list(arm.model.home_rad), list(arm.model.rest_rad)):
        way = way_of(arm, body, [0.0]).between(start, goal)

        assert way is not None
        assert walk(arm, body, [*start, 0.0], way)[: len(goal)] == pytest.approx(goal, abs=2e-3)


def test_out_of_the_box_there_is_no_way() -> None:
    arm = load_arm("so101")
    _, high_m = box_of(arm)
    low = ((0.0, -0.45, 0.15), high_m)  # home has its tool at 0.1
    assert way_of(arm, body_of(arm), [0.0], low).between(arm.model.rest_rad, [0.0] * 5) is not None
    home = list(arm.model.home_rad)
    raised = [home[0], home[1] - 0.6, *home[2:]]
    way = way_of(arm, body_of(arm), [0.0], low)
    assert way.between(raised, home) is None


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
