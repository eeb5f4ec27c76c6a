import threading
import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robofeed.data.errors import SafetyStop
from robofeed.data.observation import Gate, Target
from robofeed.data.spec import ArraySpec, Limits
from robofeed.safety import Guarded
from robofeed.testing.fake_arm import PERIOD_S, FakeArm, roomy_limits
from robofeed_example.point import Point

EPS = 1e-5
NAN, INF = float("nan"), float("inf")


def guard(**settings):
    """A fake arm behind the gates, at the start of an episode."""
    arm = FakeArm(**settings)
    guarded = Guarded(arm)
    guarded.open()
    guarded.reset(seed=1)
    return guarded, arm


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


# --- what is refused ------------------------------------------------------------------------------

JUNK = st.one_of(
    st.lists(st.sampled_from([NAN, INF, -INF, 0.05]), min_size=2, max_size=2).filter(
        lambda values: not np.isfinite(values).all()
    ),
    st.lists(st.floats(-0.1, 0.1), max_size=5).filter(lambda values: len(values) != 2),
    st.just([[0.01, 0.01]]),
)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(st.one_of(JUNK, st.just([0.05, 0.05])), min_size=1, max_size=6))
def test_nothing_but_a_hold_follows_a_refused_action_until_it_is_acknowledged(actions):
    guarded, arm = guard(tracking=0.5)
    held = None
    for values in actions:
        action = np.array(values, np.float32)
        here = arm.joint_rad
        refused = held is None and (action.shape != (2,) or not np.isfinite(action).all())
        if refused:
            held = here
        executed = guarded.apply(action)
        goal = arm.sent[-1].joint_rad
        if held is None:
            np.testing.assert_array_equal(executed.action, action)
            continue
        gate = Gate.BAD_SHAPE | Gate.NON_FINITE
        assert executed.target is None
        assert executed.gates & gate
        assert guarded.latched == executed.gates
        np.testing.assert_array_equal(goal, held)
        np.testing.assert_array_equal(executed.action, held - arm.joint_rad)
        with pytest.raises(SafetyStop, match="acknowledge"):
            guarded.reset(seed=2)
    if held is not None:
        guarded.acknowledge()
        assert guarded.latched is Gate.NONE
        assert guarded.apply(array(0.05, 0.05)).gates is Gate.NONE
    guarded.reset(seed=2)


def test_infinity_is_refused_even_where_the_action_has_no_bounds():
    arm = FakeArm()
    arm.spec = replace(arm.spec, action=ArraySpec((2,), -INF, INF))
    guarded = Guarded(arm)
    guarded.reset(seed=1)
    before = arm.joint_rad
    assert guarded.apply(array(0.1, INF)).gates == Gate.NON_FINITE
    np.testing.assert_array_equal(arm.sent[-1].joint_rad, before)


def test_a_hold_stays_where_it_began_while_the_arm_sags():
    guarded, arm = guard()
    guarded.apply(array(NAN, 0.0))
    held = arm.sent[-1].joint_rad
    for _ in range(5):
        arm.joint_rad = arm.joint_rad - np.float32(0.01)
        guarded.apply(array(0.0, 0.0))
    np.testing.assert_array_equal(arm.sent[-1].joint_rad, held)


class BrokenPlan(FakeArm):
    """Its inverse kinematics or its sensors give what cannot be."""

    broken: Target | None = None
    numb: bool = False

    def plan(self, action):
        return self.broken or super().plan(action)

    def present(self):
        return self._target(np.full(2, NAN)) if self.numb else super().present()

    def action_of(self, target):
        return np.full(2, NAN, np.float32) if self.numb else super().action_of(target)


@pytest.mark.parametrize("limited", [True, False], ids=["limits", "no limits"])
@pytest.mark.parametrize(
    ("broken", "gate"),
    [
        (Target(array(0.1, NAN), array(0.1, 0.1, 0.1)), Gate.NON_FINITE),
        (Target(array(INF, 0.1), array(0.1, 0.1, 0.1)), Gate.NON_FINITE),
        (Target(array(0.1, 0.1), array(NAN, 0.1, 0.1)), Gate.NON_FINITE),
        (Target(array(0.1, 0.1), array(0.1, 0.1, 0.1), gripper=INF), Gate.NON_FINITE),
    ],
)
def test_a_plan_that_is_not_finite_is_never_sent(limited, broken, gate):
    arm = BrokenPlan()
    if not limited:
        arm.spec = replace(arm.spec, limits=None)
    arm.broken = broken
    guarded = Guarded(arm)
    guarded.reset(seed=1)
    before = arm.joint_rad
    executed = guarded.apply(array(0.1, 0.1))
    assert executed.target is None
    assert executed.gates == gate
    assert targets(arm) == [before.tolist()]


def test_a_plan_for_another_number_of_joints_is_never_sent():
    arm = BrokenPlan()
    arm.broken = Target(array(0.1), array(0.1, 0.1, 0.1))
    guarded = Guarded(arm)
    guarded.reset(seed=1)
    before = arm.joint_rad
    assert guarded.apply(array(0.1, 0.1)).gates == Gate.BAD_SHAPE
    assert targets(arm) == [before.tolist()]


def test_an_arm_that_cannot_tell_where_it_is_holds_what_was_commanded_last():
    arm = BrokenPlan()
    guarded = Guarded(arm)
    guarded.reset(seed=1)
    guarded.apply(array(0.1, 0.1))
    arm.numb = True
    executed = guarded.apply(array(NAN, 0.1))
    np.testing.assert_array_equal(arm.sent[1].joint_rad, arm.sent[0].joint_rad)
    assert np.isfinite(executed.action).all()


def test_an_arm_that_never_could_tell_is_stopped_and_sent_nothing():
    arm = BrokenPlan()
    arm.numb = True
    guarded = Guarded(arm)
    guarded.reset(seed=1)
    assert guarded.apply(array(0.1, 0.1)).target is None
    assert arm.sent == []
    assert arm.stops == 1


def test_a_gripper_opens_no_further_than_it_can():
    arm = BrokenPlan()
    guarded = Guarded(arm)
    guarded.reset(seed=1)
    arm.broken = replace(arm.present(), gripper=1.5)
    assert guarded.apply(array(0.0, 0.0)).gates == Gate.JOINT_LIMIT
    assert arm.sent[-1].gripper == 1.0


@pytest.mark.parametrize("residual_m", [0.02, NAN])
def test_a_goal_the_arm_cannot_reach_is_marked(residual_m):
    arm = BrokenPlan()
    guarded = Guarded(arm)
    guarded.reset(seed=1)
    arm.broken = replace(arm.present(), residual_m=residual_m)
    assert guarded.apply(array(0.0, 0.0)).gates == Gate.IK_RESIDUAL


# --- age ------------------------------------------------------------------------------------------


def test_a_simulators_age_is_counted_in_its_own_time():
    guarded, _ = guard(horizon=100)
    for _ in range(3):
        guarded.apply(array(0.0, 0.0), guarded.observe().time_ns)
    newest = guarded.observe().time_ns
    assert guarded.apply(array(0.05, 0.0), newest - 100_000_000).gates is Gate.NONE
    assert guarded.apply(array(0.05, 0.0), newest - 100_000_001).gates == Gate.STALE


def test_an_action_chosen_in_an_earlier_episode_is_stale():
    guarded, arm = guard(horizon=100)
    for _ in range(3):
        guarded.apply(array(0.05, 0.0))
    seen_ns = guarded.observe().time_ns
    guarded.reset(seed=2)
    before = arm.joint_rad
    assert guarded.apply(array(0.05, 0.0), seen_ns).gates == Gate.STALE
    np.testing.assert_array_equal(arm.sent[-1].joint_rad, before)


def test_a_real_arms_age_is_counted_by_the_monotonic_clock():
    guarded, _ = guard(simulated=False, limits=limits_with(max_observation_age_s=3600.0))
    now_ns = time.monotonic_ns()
    assert guarded.apply(array(0.05, 0.0), now_ns).gates is Gate.NONE
    assert guarded.apply(array(0.05, 0.0)).gates is Gate.NONE
    assert guarded.apply(array(0.05, 0.0), now_ns - int(3601e9)).gates == Gate.STALE
    guarded.acknowledge()
    assert guarded.apply(array(0.05, 0.0), now_ns + int(3600e9)).gates == Gate.STALE


def test_a_real_arm_that_is_no_longer_observed_goes_nowhere():
    guarded, _ = guard(simulated=False, limits=limits_with(max_observation_age_s=0.01))
    time.sleep(0.02)
    assert guarded.apply(array(0.05, 0.0)).gates == Gate.STALE
    never_seen = Guarded(FakeArm(simulated=False))
    assert never_seen.apply(array(0.05, 0.0)).gates == Gate.STALE


# --- stopping -------------------------------------------------------------------------------------


def test_a_stop_from_another_thread_holds_until_acknowledged_and_reset():
    guarded, arm = guard()
    thread = threading.Thread(target=guarded.stop)
    thread.start()
    thread.join()
    before = arm.joint_rad
    assert arm.stops == 1
    for _ in range(3):
        executed = guarded.apply(array(0.1, 0.1))
        assert (executed.target, executed.gates) == (None, Gate.STOPPED)
    with pytest.raises(SafetyStop, match="STOPPED"):
        guarded.reset(seed=1)
    guarded.acknowledge()
    # The backend obeys its own stop until it is reset: an action would not be executed.
    assert guarded.apply(array(0.1, 0.1)).target is None
    np.testing.assert_array_equal(arm.joint_rad, before)
    guarded.reset(seed=1)
    assert guarded.apply(array(0.1, 0.1)).gates is Gate.NONE


class StoppedWithin(FakeArm):
    """Somebody presses stop while the arm is in the midst of `during`."""

    during: str = ""
    press = staticmethod(lambda: None)

    def send(self, target):
        if self.during == "send":
            self.press()
        super().send(target)

    def reset(self, seed=None):
        if self.during == "reset":
            self.press()
        return super().reset(seed)

    def present(self):
        if self.during == "hold":
            self.press()
        return super().present()


def stopped_within(during):
    arm = StoppedWithin()
    guarded = Guarded(arm)
    guarded.reset(seed=1)
    arm.during, arm.press = during, guarded.stop
    return guarded, arm


def test_a_step_during_which_a_stop_came_does_not_count_as_executed():
    guarded, _ = stopped_within("send")
    executed = guarded.apply(array(0.1, 0.1))
    assert (executed.target, executed.gates) == (None, Gate.STOPPED)


def test_a_stop_during_a_reset_is_not_lost():
    guarded, arm = stopped_within("reset")
    guarded.reset(seed=2)
    arm.during = ""
    assert guarded.apply(array(0.1, 0.1)).gates == Gate.STOPPED
    with pytest.raises(SafetyStop):
        guarded.reset(seed=2)


def test_a_stop_while_an_action_is_being_refused_is_not_lost():
    guarded, _ = stopped_within("hold")
    assert guarded.apply(array(NAN, 0.1)).gates == Gate.STOPPED | Gate.NON_FINITE
    guarded.acknowledge()
    assert guarded.latched == Gate.STOPPED


# --- without limits -------------------------------------------------------------------------------


def test_a_backend_without_limits_passes_the_gates_that_are_left():
    point = Point()
    guarded = Guarded(point)
    guarded.reset(seed=3)
    far = guarded.apply(array(1.0, 0.0))
    assert far.gates == Gate.ACTION_BOUNDS
    before = point.observe().state
    assert guarded.apply(array(NAN, 0.0)).gates == Gate.NON_FINITE
    np.testing.assert_array_equal(point.observe().state, before)
