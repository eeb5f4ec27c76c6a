"""Whatever is asked for, a goal stays in range, slow, near the measured pose and in the box."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from robofeed_serial.arms.arm_file import load_arm
from robofeed_serial.arms.calibration import nominal
from robofeed_serial.body.arm_body import UNTRUE_M, body_of
from robofeed_serial.supervision.goal_gate import GoalGate
from robofeed_serial.supervision.settings import SupervisorSettings, bounds_of

ARM = load_arm("so101")
BOUNDS = bounds_of(
    ARM, nominal(ARM).ranges_rad(ARM), SupervisorSettings(arm="so101", port="nowhere")
)
CHAIN = ARM.geometry().kinematics(0.01, hold_posture=False)
DT_S = 0.01


def tool(rad: Sequence[float]) -> tuple[float, float, float]:
    x, y, z = CHAIN.pose(rad[:5]).tool_m
    return x, y, z


GATE = GoalGate(BOUNDS, tool)
BODY = body_of(ARM)
CAREFUL = GoalGate(BOUNDS, tool, BODY)
anything = st.one_of(st.floats(), st.floats(-4, 4))
shares = st.lists(st.floats(0, 1), min_size=6, max_size=6)


def inside(share: list[float]) -> list[float]:
    return [
        low + part * (high - low)
        for part, low, high in zip(share, BOUNDS.low_rad, BOUNDS.high_rad, strict=True)
    ]


@given(
    wanted=st.lists(anything, min_size=6, max_size=6),
    place=shares,
    lead=st.lists(st.floats(-0.2, 0.2), min_size=6, max_size=6),
)
def test_nothing_gets_through_that_is_too_far_or_too_fast(
    wanted: list[float], place: list[float], lead: list[float]
) -> None:
    measured = inside(place)
    commanded = [here + ahead for here, ahead in zip(measured, lead, strict=True)]

    goals = GATE.pass_through(wanted, commanded, measured, DT_S)

    for goal, here, low, high, speed in zip(
        goals, measured, BOUNDS.low_rad, BOUNDS.high_rad, BOUNDS.speed_rad_s, strict=True
    ):
        assert math.isfinite(goal)
        assert low - 1e-9 <= goal <= high + 1e-9
        assert abs(goal - here) <= speed * BOUNDS.watchdog_s + 1e-9


@given(wanted=shares, place=shares)
def test_the_tool_keeps_to_its_speed_and_its_short_horizon(
    wanted: list[float], place: list[float]
) -> None:
    measured = inside(place)

    goals = GATE.pass_through(inside(wanted), measured, measured, DT_S)

    away_m = math.dist(tool(goals), tool(measured))
    assert away_m <= BOUNDS.tool_speed_m_s * DT_S + 1e-9


@given(wanted=shares, place=shares)
def test_the_tool_never_leaves_the_box_further(wanted: list[float], place: list[float]) -> None:
    measured = inside(place)
    goals = GATE.pass_through(inside(wanted), measured, measured, DT_S)

    box = list(zip(BOUNDS.box_low_m, BOUNDS.box_high_m, strict=True))
    was, now = (
        [max(low - at, at - high, 0.0) for at, (low, high) in zip(tool(rad), box, strict=True)]
        for rad in (measured, goals)
    )
    assert math.hypot(*now) <= math.hypot(*was) + 1e-9
    assert all(after <= 1e-9 for before, after in zip(was, now, strict=True) if before == 0.0)


def test_a_joint_left_alone_stays_where_it_was_sent() -> None:
    home = [*ARM.model.home_rad, 0.5]

    assert GATE.pass_through([math.nan] * 6, home, home, DT_S) == home


def test_a_joint_outside_its_range_may_come_back_but_not_go_further() -> None:
    outside = [*ARM.model.home_rad, 0.5]
    outside[2] = BOUNDS.high_rad[2] + 0.04
    further, back = list(outside), list(outside)
    further[2] += 0.01
    back[2] -= 0.01

    assert GATE.pass_through(further, outside, outside, DT_S)[2] <= outside[2]
    assert GATE.pass_through(back, outside, outside, DT_S)[2] < outside[2]


@given(wanted=shares, place=shares)
def test_no_link_comes_nearer_to_another_than_it_may_or_was(
    wanted: list[float], place: list[float]
) -> None:
    """Some of these poses are of arms that stand in themselves, or in the table."""
    measured = inside(place)
    goals = CAREFUL.pass_through(inside(wanted), measured, measured, DT_S)

    before, after = BODY.gaps_m([measured, goals])
    may_be = before >= BODY.least_m - UNTRUE_M
    assert (after >= np.minimum(BODY.least_m, before) - 1e-6)[may_be].all()
    assert math.dist(tool(goals), tool(measured)) <= BOUNDS.tool_speed_m_s * DT_S + 1e-9


@settings(max_examples=30, deadline=None)
@given(wanted=shares, place=shares)
def test_an_arm_on_its_way_never_comes_into_itself(wanted: list[float], place: list[float]) -> None:
    """Cycle after cycle, towards one goal, from a pose that is free."""
    home = [*ARM.model.home_rad, 0.5]
    rad, goal = [0.5 * (a + b) for a, b in zip(home, inside(place), strict=True)], inside(wanted)
    assume((BODY.gaps_m([rad])[0] >= BODY.least_m).all())
    for _ in range(100):
        rad = CAREFUL.pass_through(goal, rad, rad, DT_S)
        assert (BODY.gaps_m([rad])[0] >= BODY.least_m - 1e-6).all()


FOLDED = [0.0, -1.7, 1.65, 1.6, 0.0, 0.0]
"""the hand in the foot of the arm"""


def test_a_goal_within_the_arm_itself_is_gone_to_as_far_as_is_free() -> None:
    rad = [*ARM.model.home_rad, 0.0]
    met = set()
    for _ in range(800):
        rad = CAREFUL.pass_through(FOLDED, rad, rad, DT_S)
        met.add(CAREFUL.too_near)
    room = BODY.gaps_m([rad])[0] - BODY.least_m

    assert met > {None}
    assert 0.0 <= min(room) + 1e-6
    assert min(room) < 0.002


def test_links_found_too_near_may_move_apart_but_not_closer() -> None:
    home = [*ARM.model.home_rad, 0.0]
    ways = [
        [a + share * (b - a) for a, b in zip(home, FOLDED, strict=True)]
        for share in np.linspace(0.0, 1.0, 501)
    ]
    room = np.min(BODY.gaps_m(ways) - BODY.least_m, axis=1)
    number = int(np.argmax(room < -0.005))
    rad, closer, apart = ways[number], ways[number + 1], ways[number - 1]
    assert room[number] > -0.01

    assert CAREFUL.pass_through(apart, rad, rad, DT_S) != rad
    free = CAREFUL.too_near
    assert free is None
    before, after = BODY.gaps_m([rad, CAREFUL.pass_through(closer, rad, rad, DT_S)])
    assert CAREFUL.too_near is not None
    assert (after >= np.minimum(BODY.least_m, before) - 1e-6).all()


def test_a_pose_that_cannot_be_holds_nothing_back() -> None:
    """The hand hangs below what the file takes to be a table: a little higher is not forbidden."""
    under = [0.0, 1.5, 0.0, 1.0, 0.0, 0.0]
    low, high = (BODY.gaps_m([pose])[0][-2] for pose in (under, [*ARM.model.home_rad, 0.0]))
    assert low < -0.04 < high
    rad = under
    for _ in range(600):
        rad = CAREFUL.pass_through([*ARM.model.home_rad, 0.0], rad, rad, DT_S)

    assert rad == pytest.approx([*ARM.model.home_rad, 0.0], abs=0.05)


def test_it_says_what_it_keeps_a_goal_from() -> None:
    home = [*ARM.model.home_rad, 0.0]
    assert CAREFUL.pass_through(home, home, home, DT_S) == home
    assert CAREFUL.in_the_way == ""

    goals = CAREFUL.pass_through([3.0, *home[1:]], home, home, DT_S)
    while goals != (before := goals) or CAREFUL.in_the_way == "":
        goals = CAREFUL.pass_through([3.0, *home[1:]], before, before, DT_S)
    assert CAREFUL.in_the_way == "the tool would leave its workspace"
    assert CAREFUL.pass_through([0.0, *home[1:]], goals, goals, DT_S) != goals
    assert CAREFUL.in_the_way == ""
