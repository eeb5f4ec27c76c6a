"""What a backend promises while it is open: on simulators, twins and, gently, real arms."""

from __future__ import annotations

import threading
import time

import numpy as np

from robofeed.data.errors import SafetyStop
from robofeed.data.observation import Ended, Gate
from robofeed.safety import Guarded
from robofeed.testing.trial import NotChecked, Trial

STEPS = 8
MOST_STEPS = 1000
FRESH_S = 1.0
PAUSE_S = 1.0


def starts_where_it_stands(trial: Trial) -> None:
    """It stands inside its box, and starting an episode does not move it."""
    guarded = Guarded(trial.make())
    guarded.open()
    try:
        here = guarded.backend.present()
        if trial.box_m is not None:
            low, high = trial.box_m
            assert np.all(here.tool_m >= low) and np.all(here.tool_m <= high), (
                f"the tool is outside the declared box, at {here.tool_m.tolist()}"
            )
        start = here.joint_rad.copy()
        guarded.reset(1)
        trial.settle()
        off = np.abs(trial.where(guarded) - start).max()
        assert off <= trial.still_rad, (
            f"a joint moved {off:.3f} rad when an episode started: on the bench it starts where "
            "it stands"
        )
    finally:
        guarded.close()


def holds_still(trial: Trial) -> None:
    """Asked for nothing, the arm stays where it is."""
    with trial.episode() as (guarded, _):
        rest = trial.rest(guarded.backend)
        trial.settle()
        start = trial.where(guarded)
        for _ in range(STEPS):
            guarded.backend.present()
            guarded.backend.plan(rest)
            guarded.observe()
        off = np.abs(trial.where(guarded) - start).max()
        assert off <= max(trial.still_rad, 1e-6), f"a joint moved {off:.4f} rad by itself"


def a_pause_holds(trial: Trial) -> None:
    """Held for a second by goals that are worked out anew each step, it does not sink or drift."""
    with trial.episode() as (guarded, _):
        if guarded.spec.simulated:
            raise NotChecked("a simulator's time stands still in a pause")
        backend = guarded.backend
        rng = np.random.default_rng(6)
        for _ in range(3):
            trial.step(guarded, trial.some_action(backend, rng))
        trial.step(guarded, backend.action_of(guarded.holding()))
        trial.settle()
        start = trial.where(guarded)
        for _ in range(round(PAUSE_S / guarded.spec.period_s)):
            trial.step(guarded, backend.action_of(guarded.holding()))
        off = np.abs(trial.where(guarded) - start).max()
        assert off <= max(trial.still_rad, 1e-3), f"a joint moved {off:.4f} rad in a pause"


def opens_twice(trial: Trial) -> None:
    """It can be opened, closed and opened again, and closed twice."""
    for _ in range(2):
        with trial.episode() as (guarded, observation):
            assert observation.ended is Ended.RUNNING, f"it starts {observation.ended.name}"
        guarded.close()


def the_specification_holds(trial: Trial) -> None:
    """The specification is the same once opened; simulated time and episodes are as it says."""
    before = trial.make().spec
    with trial.episode() as (guarded, observation):
        spec = guarded.backend.spec
        assert spec.hash() == before.hash(), "opened, it has another specification"
        assert spec.simulated == before.simulated and spec.horizon == before.horizon
        if not spec.simulated:
            raise NotChecked("a real arm's time is not its own, nor is its episode waited for")
        rest, steps = trial.rest(guarded.backend), 0
        while observation.ended is Ended.RUNNING and steps < MOST_STEPS:
            last_ns = observation.time_ns
            _, observation = trial.step(guarded, rest)
            steps += 1
            off_s = abs((observation.time_ns - last_ns) / 1e9 - spec.period_s)
            assert off_s < 1e-3 * spec.period_s, "a step does not take the period it says"
        if spec.horizon is not None and spec.horizon <= MOST_STEPS:
            truncated = observation.ended is Ended.TRUNCATED
            assert not truncated or steps == spec.horizon, f"truncated after {steps} steps"
            assert observation.ended, f"goes on after its horizon of {spec.horizon} steps"


def observations_fit(trial: Trial) -> None:
    """Observations have the shape and bounds of the specification, and are in order of time."""
    rng = np.random.default_rng(0)
    with trial.episode() as (guarded, observation):
        spec, last_ns = guarded.spec.observation, observation.time_ns
        for _ in range(STEPS):
            assert observation.state.dtype == np.float32, f"dtype {observation.state.dtype}"
            assert spec.contains(observation.state), f"outside its bounds: {observation.state}"
            _, observation = trial.step(guarded, trial.some_action(guarded.backend, rng))
            assert observation.time_ns >= last_ns, "time goes backwards"
            last_ns = observation.time_ns


def nothing_is_shared(trial: Trial) -> None:
    """What was handed out does not change afterwards, and what was handed in is not kept."""
    rng = np.random.default_rng(1)
    with trial.episode() as (guarded, observation):
        backend = guarded.backend
        action = trial.some_action(backend, rng)
        target, present = backend.plan(action), backend.present()
        now = [observation.state, target.joint_rad, target.tool_m, present.joint_rad]
        now.append(backend.action_of(target))
        kept = [each.copy() for each in now]
        action[:] = 0.0
        for _ in range(3):
            trial.step(guarded, trial.some_action(backend, rng))
            backend.action_of(backend.plan(trial.some_action(backend, rng)))
            backend.present()
        assert all(np.array_equal(a, b) for a, b in zip(kept, now, strict=True)), (
            "an array that was handed out has changed"
        )


def planning_is_pure(trial: Trial) -> None:
    """Planning moves nothing, changes nothing and gives the same again."""
    with trial.episode() as (guarded, _):
        if not guarded.spec.simulated:
            trial.settle()
        backend = guarded.backend
        action = trial.some_action(backend, np.random.default_rng(2))
        given = action.copy()
        first, second = backend.plan(action), backend.plan(action)
        assert np.array_equal(first.joint_rad, second.joint_rad), "the same action, another plan"
        assert np.array_equal(action, given), "plan changed the action"
        assert np.isfinite(first.joint_rad).all() and np.isfinite(first.tool_m).all()


def actions_come_back(trial: Trial) -> None:
    """The action of a plan is the action it was made from, where that is reached."""
    with trial.episode() as (guarded, _):
        backend = guarded.backend
        spec = trial.action_spec(backend)
        action = trial.rest(backend) + np.float32(0.2) * (
            trial.some_action(backend, np.random.default_rng(3)) - trial.rest(backend)
        )
        target = backend.plan(action)
        if target.residual_m > 1e-3:
            raise NotChecked(f"this plan leaves {target.residual_m:.3f} m")
        off = np.abs(backend.action_of(target) - action) / (spec.high - spec.low)
        assert off.max() < 0.02, f"off by {off.max():.1%} of its range"


def limits_are_kept(trial: Trial) -> None:
    """Whatever is asked for, what is sent keeps to bounds and limits, and says so."""
    with trial.episode() as (guarded, _):
        spec = trial.action_spec(guarded.backend)
        if trial.action_share < 1.0:
            raise NotChecked("full actions are not asked of a real arm")
        start = trial.where(guarded)
        executed, _ = trial.step(guarded, spec.high * np.float32(100.0) + np.float32(1.0))
        assert Gate.ACTION_BOUNDS in executed.gates, "an action out of bounds passed unmarked"
        assert executed.target is not None
        limits = guarded.spec.limits
        if limits is not None:
            joints = executed.target.joint_rad
            # A joint found outside its range may come back, never go further out; how far out it
            # was found is only known as well as the arm stands still.
            low, high = limits.joint_low_rad - 1e-5, limits.joint_high_rad + 1e-5
            low = np.where(start < low, start - trial.still_rad, low)
            high = np.where(start > high, start + trial.still_rad, high)
            assert np.all(joints >= low), "below a joint's limit"
            assert np.all(joints <= high), "above a joint's limit"


def nan_is_refused(trial: Trial) -> None:
    """NaN is refused, the arm holds, and goes on once a person has acknowledged."""
    with trial.episode() as (guarded, _):
        rest = trial.rest(guarded.backend)
        executed, _ = trial.step(guarded, np.full_like(rest, np.nan))
        assert executed.target is None and Gate.NON_FINITE in executed.gates
        trial.settle()
        start = trial.where(guarded)
        trial.step(guarded, rest)
        off = np.abs(trial.where(guarded) - start).max()
        assert off <= max(trial.still_rad, 1e-3), f"a joint moved {off:.4f} rad under the hold"
        guarded.acknowledge()
        executed, _ = trial.step(guarded, rest)
        assert executed.target is not None, "it does not go on after acknowledgement"


def stops_from_any_thread(trial: Trial) -> None:
    """A stop from another thread holds the arm until the next reset, which is refused before."""
    rng = np.random.default_rng(4)
    with trial.episode() as (guarded, _):
        for _ in range(3):
            trial.step(guarded, trial.some_action(guarded.backend, rng))
        raised: list[Exception] = []

        def stop() -> None:
            try:
                guarded.stop()
            except Exception as error:
                raised.append(error)

        stopper = threading.Thread(target=stop)
        stopper.start()
        stopper.join()
        assert not raised, f"stop raised {raised[0]!r}"
        trial.settle()
        start = trial.where(guarded)
        for _ in range(3):
            executed, _ = trial.step(guarded, trial.some_action(guarded.backend, rng))
            assert executed.target is None, "an action was executed after the stop"
        trial.settle()
        if not guarded.spec.simulated:
            off = np.abs(trial.where(guarded) - start).max()
            assert off <= trial.still_rad, f"a joint moved {off:.4f} rad after the stop"
        try:
            guarded.reset(2)
        except SafetyStop:
            pass
        else:
            raise AssertionError("reset restarted motion without acknowledgement")
        guarded.acknowledge()
        assert guarded.reset(2).ended is Ended.RUNNING, "it does not start again"


def time_is_real(trial: Trial) -> None:
    """A real arm's observations are fresh, and sending returns within a period."""
    with trial.episode() as (guarded, _):
        if guarded.spec.simulated:
            raise NotChecked("a simulator's time is its own")
        backend = guarded.backend
        for _ in range(3):
            observation = guarded.observe()
            age_s = (time.monotonic_ns() - observation.time_ns) / 1e9
            assert 0 <= age_s < FRESH_S, f"an observation {age_s:.3f} s old"
            began_s = time.monotonic()
            backend.send(backend.present())
            took_s = time.monotonic() - began_s
            assert took_s < max(guarded.spec.period_s, 0.05), f"send took {took_s:.3f} s"
            time.sleep(guarded.spec.period_s)


def seeds_repeat(trial: Trial) -> None:
    """The same seed gives the same start and, in a simulator, the same episode."""
    states = []
    for _ in range(2):
        rng = np.random.default_rng(5)
        with trial.episode(seed=7) as (guarded, observation):
            if not guarded.spec.seedable:
                raise NotChecked("it is not seedable")
            rows = [observation.state]
            for _ in range(STEPS):
                rows.append(trial.step(guarded, trial.some_action(guarded.backend, rng))[1].state)
            states.append(np.stack(rows))
    assert np.array_equal(states[0], states[1]), "the same seed and actions, another episode"


CHECKS = [
    opens_twice,
    the_specification_holds,
    holds_still,
    a_pause_holds,
    observations_fit,
    nothing_is_shared,
    planning_is_pure,
    actions_come_back,
    limits_are_kept,
    nan_is_refused,
    stops_from_any_thread,
    time_is_real,
    seeds_repeat,
]
