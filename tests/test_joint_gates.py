"""The gates on joints, tool and workspace: what is limited, and what passes untouched."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robofeed.data.observation import Gate
from robofeed.data.spec import Limits
from robofeed.safety import Guarded
from robofeed.testing.fake_arm import PERIOD_S, FakeArm, roomy_limits
from robofeed.testing.fake_arm import guarded_arm as guard

EPS = 1e-5
NAN, INF = float("nan"), float("inf")


def array(*values):
    return np.array(values, np.float32)


def limits_with(joints=2, **changes):
    return replace(roomy_limits(joints), **changes)


def targets(arm):
    return [target.joint_rad.tolist() for target in arm.sent]


# --- what passes untouched ------------------------------------------------------------------------


def test_an_action_inside_every_limit_is_sent_as_it_is():
    guarded, arm = guard()
    before = arm.joint_rad
    action = array(0.05, -0.1)
    executed = guarded.apply(action, seen_ns=0)
    assert executed.gates is Gate.NONE
    assert executed.target is arm.sent[0]
    np.testing.assert_array_equal(executed.action, action)
    np.testing.assert_array_equal(arm.sent[0].joint_rad, before + action)


# --- every target sent keeps to every limit -------------------------------------------------------

SPEEDS = st.floats(0.05, 20.0)


@st.composite
def arms(draw):
    """Any limits, and a start that may lie outside the joints' range and the workspace."""
    joints = draw(st.integers(1, 4))

    def each(values):
        return np.array([draw(values) for _ in range(joints)], np.float32)

    low = each(st.floats(-3.0, 2.0))
    corner = np.array([draw(st.floats(-0.9, 0.6)) for _ in range(3)], np.float32)
    limits = Limits(
        joint_low_rad=low,
        joint_high_rad=low + each(st.floats(0.05, 4.0)),
        joint_speed_rad_s=each(SPEEDS),
        joint_acceleration_rad_s2=each(st.floats(0.5, 500.0)),
        workspace_low_m=corner,
        workspace_high_m=corner + np.float32(draw(st.floats(0.05, 1.8))),
        tool_speed_m_s=draw(st.floats(0.005, 10.0)),
    )
    return FakeArm(
        joints=joints,
        limits=limits,
        horizon=1000,
        step_rad=draw(st.floats(0.01, 2.0)),
        tracking=draw(st.sampled_from([1.0, 0.7])),
        start_rad=each(st.floats(-4.0, 4.0)),
    )


@settings(max_examples=250, deadline=None, derandomize=True)
@given(arm=arms(), seed=st.integers(0, 2**32 - 1), wish=st.sampled_from([0.3, 1.0, 3.0]))
def test_whatever_is_asked_every_target_keeps_to_every_limit(arm, seed, wish):
    guarded = Guarded(arm)
    guarded.reset(seed=1)
    limits = arm.limits
    rng = np.random.default_rng(seed)
    previous, last_step = arm.present().joint_rad, np.zeros(arm.joints)
    drift = rng.uniform(-1, 1, arm.joints)
    for _ in range(25):
        here = arm.joint_rad
        action = (
            wish * arm.step_rad * np.clip(drift + rng.normal(0, 0.5, arm.joints), -1, 1)
        ).astype(np.float32)
        executed = guarded.apply(action)
        goal = arm.sent[-1].joint_rad
        step = goal - previous

        assert executed.target is arm.sent[-1]
        assert np.isfinite(goal).all()
        # Within the range, or on the way back to it.
        assert (goal >= np.minimum(limits.joint_low_rad, previous) - EPS).all()
        assert (goal <= np.maximum(limits.joint_high_rad, previous) + EPS).all()
        assert (np.abs(step) <= limits.joint_speed_rad_s * PERIOD_S + EPS).all()
        # Harder only to brake: then the step lies between no step and the last one.
        change = limits.joint_acceleration_rad_s2 * PERIOD_S**2
        assert (step >= np.minimum(0.0, last_step - change) - EPS).all()
        assert (step <= np.maximum(0.0, last_step + change) + EPS).all()
        if not executed.gates & (Gate.JOINT_LIMIT | Gate.TOOL_SPEED | Gate.WORKSPACE):
            at_limit = (goal <= limits.joint_low_rad + EPS) | (goal >= limits.joint_high_rad - EPS)
            assert ((np.abs(step - last_step) <= change + EPS) | at_limit).all()

        tool, tool_before = arm.tool_at(goal), arm.tool_at(previous)
        np.testing.assert_allclose(arm.sent[-1].tool_m, tool, atol=EPS)
        most_m = limits.tool_speed_m_s * PERIOD_S
        assert np.linalg.norm(tool - tool_before) <= most_m * (1 + 1e-4) + 1e-6
        assert (tool >= np.minimum(limits.workspace_low_m, tool_before) - EPS).all()
        assert (tool <= np.maximum(limits.workspace_high_m, tool_before) + EPS).all()

        # What is recorded is what was sent, in the action's own units.
        np.testing.assert_allclose(here + executed.action, goal, atol=EPS)
        if executed.gates is Gate.NONE:
            np.testing.assert_array_equal(executed.action, action)
        previous, last_step = goal, step


@pytest.mark.parametrize(
    ("change", "action", "gate"),
    [
        ({}, array(0.2, 0.0), Gate.ACTION_BOUNDS),
        ({"joint_high_rad": array(0.05, 3.0)}, array(0.1, 0.0), Gate.JOINT_LIMIT),
        ({"joint_speed_rad_s": array(1.0, 4.0)}, array(0.1, 0.0), Gate.JOINT_SPEED),
        (
            {"joint_acceleration_rad_s2": array(20.0, 200.0)},
            array(0.1, 0.0),
            Gate.JOINT_ACCELERATION,
        ),
        ({"tool_speed_m_s": 0.1}, array(0.1, 0.0), Gate.TOOL_SPEED),
        ({"workspace_high_m": array(2.0, 0.02, 2.0)}, array(0.1, 0.0), Gate.WORKSPACE),
    ],
)
def test_each_limit_alone_shortens_the_step_and_is_named(change, action, gate):
    arm = FakeArm(limits=limits_with(**change), start_rad=array(0.0, 0.0))
    guarded = Guarded(arm)
    guarded.reset(seed=1)
    executed = guarded.apply(action)
    assert executed.gates == gate
    assert 0.0 < executed.action[0] < action[0]
    assert executed.action[1] == 0.0


def test_joints_far_outside_come_back_at_their_speed_and_never_go_further_out():
    start = array(-3.5, 3.2)
    guarded, arm = guard(start_rad=start)
    guarded.apply(array(-0.1, 0.1))
    np.testing.assert_array_equal(arm.sent[-1].joint_rad, start)
    for _ in range(6):
        guarded.apply(array(0.1, -0.1))
    assert arm.joint_rad[0] == pytest.approx(-2.9, abs=1e-4)
    assert arm.joint_rad[1] == pytest.approx(2.6, abs=1e-4)


def test_a_tool_outside_on_one_axis_may_not_leave_on_another():
    limits = limits_with(workspace_high_m=array(0.2, 0.05, 2.0))
    arm = FakeArm(limits=limits, start_rad=array(0.0, 0.0), horizon=100)
    guarded = Guarded(arm)
    guarded.reset(seed=1)
    assert arm.tool_at(arm.joint_rad)[0] > 0.35, "far outside in x"
    for _ in range(10):
        guarded.apply(array(0.1, 0.0))
    assert arm.tool_at(arm.joint_rad)[1] <= 0.05 + EPS
    assert arm.tool_at(arm.joint_rad)[1] > 0.03, "it goes as far as it may"


def test_a_part_of_a_step_may_be_faster_than_the_whole_and_is_not_taken():
    """A swing almost all the way round ends near where it began, but outside the workspace."""
    limits = limits_with(
        1,
        joint_speed_rad_s=array(200.0),
        joint_acceleration_rad_s2=array(5000.0),
        workspace_high_m=array(2.0, 0.0, 2.0),
        tool_speed_m_s=2.0,
    )
    arm = FakeArm(joints=1, limits=limits, step_rad=6.0, start_rad=array(-3.0))
    guarded = Guarded(arm)
    guarded.reset(seed=1)
    before = arm.tool_at(arm.joint_rad)
    assert guarded.apply(array(6.0)).gates == Gate.WORKSPACE
    assert 0.05 < np.linalg.norm(arm.tool_at(arm.joint_rad) - before) <= 2.0 * PERIOD_S


def test_a_slow_tool_still_moves():
    """However little of a step is left: an arm that is limited to a stop is stuck for good."""
    arm = FakeArm(limits=limits_with(tool_speed_m_s=0.002), start_rad=array(0.0, 0.5), horizon=100)
    guarded = Guarded(arm)
    guarded.reset(seed=1)
    for _ in range(50):
        assert guarded.apply(array(0.1, 0.1)).gates & Gate.TOOL_SPEED
    moved_m = np.linalg.norm(arm.tool_at(arm.joint_rad) - arm.tool_at(array(0.0, 0.5)))
    assert moved_m == pytest.approx(50 * 0.002 * PERIOD_S, rel=0.02)


def test_a_new_episode_starts_from_rest():
    limits = limits_with(joint_acceleration_rad_s2=array(10.0, 10.0))
    guarded, _ = guard(limits=limits, horizon=100)
    steps = [guarded.apply(array(0.1, 0.0)).action[0] for _ in range(3)]
    assert steps == pytest.approx([0.025, 0.05, 0.075], abs=1e-5)
    guarded.reset(seed=2)
    assert guarded.apply(array(0.1, 0.0)).action[0] == pytest.approx(0.025, abs=1e-5)
