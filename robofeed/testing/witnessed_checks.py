"""What only a witness can tell: what really reached the motors, and what broken links lead to."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

import numpy as np

from robofeed.data.observation import Ended
from robofeed.data.spec import FloatArray, Limits
from robofeed.safety import Guarded
from robofeed.testing.trial import NotChecked, Trial
from robofeed.testing.witness import Sight

LOOK_S = 0.3
REST_S = 0.3
"""so long may an arm take to come to rest after a stop"""
NOTICE_S = 1.5
"""so long a fatal fault has to be noticed"""
WINDOW_S = 0.1
"""Speeds are means over this: a log has ticks and time steps."""
MARGIN = 1.1
START_RAD = 0.03
HELD_RAD = 0.15
STEPS = 25


def opening_moves_nothing(trial: Trial) -> None:
    """Opening tells the motors nothing and switches nothing on."""
    witness = trial.seen_by()
    witness.forget()
    guarded = Guarded(trial.make())
    guarded.open()
    try:
        time.sleep(LOOK_S)
        assert not witness.switched_on(), "a motor's torque went on"
        assert not witness.goals(), f"{len(witness.goals())} goals were sent"
    finally:
        guarded.close()


def it_starts_where_it_is(trial: Trial) -> None:
    """Before torque goes on, every motor's goal is where its joint is."""
    witness = trial.seen_by()
    witness.forget()
    with trial.episode():
        time.sleep(LOOK_S)
        switched = witness.switched_on()
    if not switched:
        raise NotChecked("no motor's torque was switched on")
    goals, places = witness.goals(), witness.places()
    for when_s, joint in switched:
        goal = latest([each for each in goals if each.time_s <= when_s])
        place = latest([each for each in places if each.time_s <= when_s])
        assert goal is not None and not np.isnan(goal[joint]), (
            f"torque of joint {joint} goes on before it has a goal"
        )
        assert place is not None, f"its witness had not seen joint {joint} when its torque went on"
        off = abs(goal[joint] - place[joint])
        assert off <= START_RAD, (
            f"the goal of joint {joint} is {off:.3f} rad from it when its torque goes on"
        )


def motion_keeps_to_limits(trial: Trial) -> None:
    """Asked for far too much, joints and tool keep to range, speed and box."""
    witness = trial.seen_by()
    with trial.episode() as (guarded, observation):
        spec, limits = trial.action_spec(guarded.backend), guarded.spec.limits
        if limits is None:
            raise NotChecked("a backend without limits")
        witness.forget()
        for number in range(STEPS):
            if observation.ended is not Ended.RUNNING:
                break
            most = spec.high if number < STEPS // 2 else spec.low
            _, observation = trial.step(guarded, most * np.float32(100.0))
        assert number > 2, f"the episode ended at once: {observation.reason}"
        places = witness.places()
        tool_at = guarded.backend.tool_at
        moved = max(np.abs(seen.joint_rad - places[0].joint_rad).max() for seen in places)
        assert moved > trial.still_rad, "no joint moved"
        keeps_range(places, limits, trial.still_rad)
        keeps_speed(places, limits, tool_at)
        for seen in places:
            keeps_box(tool_at(seen.joint_rad), tool_at(places[0].joint_rad), limits)


def a_stop_is_quick(trial: Trial) -> None:
    """After a stop from another thread the motors are at rest at once, and stay so."""
    witness = trial.seen_by()
    rng = np.random.default_rng(4)
    with trial.episode() as (guarded, _):
        witness.forget()
        for _ in range(5):
            trial.step(guarded, trial.some_action(guarded.backend, rng))
        stopper = threading.Thread(target=guarded.stop)
        began_s = time.monotonic()
        stopper.start()
        stopper.join()
        while time.monotonic() < began_s + 2 * REST_S:
            trial.step(guarded, trial.some_action(guarded.backend, rng))
        places = witness.places()
        rested = [each.joint_rad for each in places if each.time_s > began_s + REST_S]
        assert np.ptp([each.joint_rad for each in places], axis=0).max() > 0, (
            "its witness saw no motion that could have been stopped"
        )
        # None = it has not moved since: logs hold changes.
        off = max((np.abs(each - places[-1].joint_rad).max() for each in rested), default=0.0)
        assert off <= trial.still_rad, (
            f"a joint still moved {off:.3f} rad more than {REST_S} s after the stop"
        )


def harmless_faults_are_borne(trial: Trial) -> None:
    """With faults that a link may have the episode goes on, and no reading is an old one."""
    witness = trial.seen_by()
    if not witness.harmless:
        raise NotChecked("its witness has no such faults")
    for fault in witness.harmless:
        with trial.episode() as (guarded, _):
            witness.fault(fault)
            try:
                rng = np.random.default_rng(6)
                for _ in range(10):
                    _, seen = trial.step(guarded, trial.some_action(guarded.backend, rng))
                    assert seen.ended is Ended.RUNNING, f"{fault}: {seen.reason}"
                trial.settle()
                told, true = trial.where(guarded), witness.places()[-1].joint_rad
            finally:
                witness.mend()
        off = np.abs(told - true).max()
        assert off <= max(trial.still_rad, 1e-3), f"{fault}: it tells {off:.3f} rad beside the arm"


def fatal_faults_are_told(trial: Trial) -> None:
    """A fault of the link ends the episode with a reason; mended, the arm waits for a person."""
    witness = trial.seen_by()
    if not witness.fatal:
        raise NotChecked("its witness has no such faults")
    for fault in witness.fatal:
        with trial.episode() as (guarded, _):
            rng = np.random.default_rng(7)
            for _ in range(5):
                trial.step(guarded, trial.some_action(guarded.backend, rng))
            witness.forget()
            witness.fault(fault)
            try:
                reason = until_fault(guarded, trial, rng)
            finally:
                witness.mend()
            assert reason is not None, f"{fault}: not noticed within {NOTICE_S} s"
            assert reason, f"{fault}: told without a reason"
            broken_at = witness.places()[-1].joint_rad
            witness.forget()
            for _ in range(5):
                trial.step(guarded, trial.some_action(guarded.backend, rng))
            time.sleep(LOOK_S)
            goal = latest(witness.goals())
            off = 0.0 if goal is None else np.nanmax(np.abs(goal - broken_at))
            assert off <= HELD_RAD, f"{fault}: mended, it went on by itself, {off:.2f} rad"
        with trial.episode() as (_, observation):
            assert observation.ended is Ended.RUNNING, f"{fault}: opened anew, it does not go on"


def until_fault(guarded: Guarded, trial: Trial, rng: np.random.Generator) -> str | None:
    """Drive on until the episode ends as a fault; its reason, None where it did not."""
    end_s = time.monotonic() + NOTICE_S
    while time.monotonic() < end_s:
        executed, seen = trial.step(guarded, trial.some_action(guarded.backend, rng))
        if seen.ended is Ended.FAULT:
            return seen.reason
        if executed.target is None:
            return f"the action was refused ({executed.gates.name})"
    return None


def latest(sights: Sequence[Sight]) -> FloatArray | None:
    """The newest that was seen of each joint; None where nothing was."""
    if not sights:
        return None
    found = sights[0].joint_rad.copy()
    for each in sights[1:]:
        found = np.where(np.isnan(each.joint_rad), found, each.joint_rad)
    return found


def keeps_range(places: Sequence[Sight], limits: Limits, still_rad: float) -> None:
    """A joint found outside its range may come back, never go further out."""
    low = np.minimum(limits.joint_low_rad, places[0].joint_rad) - still_rad
    high = np.maximum(limits.joint_high_rad, places[0].joint_rad) + still_rad
    for seen in places:
        out = np.maximum(low - seen.joint_rad, seen.joint_rad - high).max()
        assert out <= 0, f"a joint is {out:.3f} rad outside its range"


def keeps_speed(
    places: Sequence[Sight], limits: Limits, tool_at: Callable[[FloatArray], FloatArray]
) -> None:
    """Of joints and tool, as a mean over `WINDOW_S`."""
    first = 0
    for seen in places:
        while places[first + 1].time_s <= seen.time_s - WINDOW_S:
            first += 1
        before, took_s = places[first], max(seen.time_s - places[first].time_s, WINDOW_S)
        speed = np.abs(seen.joint_rad - before.joint_rad) / took_s / limits.joint_speed_rad_s
        assert speed.max() <= MARGIN, f"a joint went {speed.max():.2f} times its speed limit"
        way_m = float(np.linalg.norm(tool_at(seen.joint_rad) - tool_at(before.joint_rad)))
        most = way_m / took_s / limits.tool_speed_m_s
        assert most <= MARGIN, f"the tool went {most:.2f} times its speed limit"


def keeps_box(tool_m: FloatArray, start_m: FloatArray, limits: Limits, off_m: float = 0.01) -> None:
    """Where it started outside, it may come back."""
    low = np.minimum(limits.workspace_low_m, start_m) - off_m
    high = np.maximum(limits.workspace_high_m, start_m) + off_m
    out = np.maximum(low - tool_m, tool_m - high).max()
    assert out <= 0, f"the tool is {1e3 * (out + off_m):.0f} mm outside its box"


CHECKS = [
    opening_moves_nothing,
    it_starts_where_it_is,
    motion_keeps_to_limits,
    a_stop_is_quick,
    harmless_faults_are_borne,
    fatal_faults_are_told,
]
