"""What is refused and held, what is fresh, and how a stop ends."""

import threading
import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robofeed.data.errors import SafetyStop
from robofeed.data.observation import Gate, Target
from robofeed.data.spec import ArraySpec
from robofeed.safety import Guarded
from robofeed.testing.fake_arm import FakeArm, roomy_limits
from robofeed.testing.fake_arm import guarded_arm as guard
from robofeed_example.point import Point

EPS = 1e-5
NAN, INF = float("nan"), float("inf")


def array(*values):
    return np.array(values, np.float32)


def limits_with(joints=2, **changes):
    return replace(roomy_limits(joints), **changes)


def targets(arm):
    return [target.joint_rad.tolist() for target in arm.sent]


# --- holding still --------------------------------------------------------------------------------


def test_a_real_arm_that_carries_a_load_does_not_sink_while_it_is_held():
    guarded, arm = guard(simulated=False, sag_rad=0.03)
    executed = guarded.apply(array(0.05, 0.05))
    lowest = arm.joint_rad.copy()
    for _ in range(50):
        guarded.observe()
        guarded.apply(arm.action_of(guarded.holding()))
    assert np.allclose(arm.joint_rad, lowest, atol=1e-5)
    assert np.allclose(arm.sent[-1].joint_rad, executed.target.joint_rad, atol=1e-5)


def test_a_joint_that_is_kept_from_its_goal_is_held_where_it_is():
    guarded, arm = guard(simulated=False, tracking=0.0, step_rad=0.2)
    guarded.apply(array(0.2, 0.0))
    assert np.allclose(guarded.holding().joint_rad, arm.joint_rad)


def test_a_simulated_arm_is_held_where_it_is():
    guarded, arm = guard(tracking=0.5)
    guarded.apply(array(0.05, 0.0))
    assert np.allclose(guarded.holding().joint_rad, arm.joint_rad)


class HeldByAPerson(FakeArm):
    """A real arm whose stop only a person releases."""

    def __init__(self, **settings):
        super().__init__(**settings)
        self.released = 0
        self.meanwhile = lambda: None

    def acknowledge(self):
        self.released += 1
        self.meanwhile()


def test_a_person_releases_the_stop_of_a_real_arm_and_nobody_else():
    arm = HeldByAPerson()
    guarded = Guarded(arm)
    guarded.open()
    guarded.reset(1)
    guarded.apply(array(NAN, NAN))
    guarded.acknowledge()
    assert arm.released == 0, "nothing was stopped"
    guarded.stop()
    with pytest.raises(SafetyStop):
        guarded.reset(1)
    assert arm.released == 0
    guarded.acknowledge()
    assert arm.released == 1
    guarded.reset(1)


def test_a_stop_that_comes_while_one_is_released_is_not_lost():
    arm = HeldByAPerson()
    guarded = Guarded(arm)
    guarded.open()
    guarded.stop()
    arm.meanwhile = guarded.stop
    guarded.acknowledge()
    with pytest.raises(SafetyStop):
        guarded.reset(1)


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
    arm.broken = arm.present()._replace(gripper=1.5)
    assert guarded.apply(array(0.0, 0.0)).gates == Gate.JOINT_LIMIT
    assert arm.sent[-1].gripper == 1.0


@pytest.mark.parametrize("residual_m", [0.02, NAN])
def test_a_goal_the_arm_cannot_reach_is_marked(residual_m):
    arm = BrokenPlan()
    guarded = Guarded(arm)
    guarded.reset(seed=1)
    arm.broken = arm.present()._replace(residual_m=residual_m)
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
