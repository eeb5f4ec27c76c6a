"""The conformance kit: honest backends pass, and each broken promise is found."""

from __future__ import annotations

import dataclasses
import re
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from robofeed.data.errors import SafetyStop
from robofeed.data.observation import Ended, Observation, Target
from robofeed.data.spec import ArraySpec, FloatArray
from robofeed.interfaces import Backend
from robofeed.testing import moving_checks
from robofeed.testing.conformance import ALLOW_MOTION, check_bench, check_still, check_twin
from robofeed.testing.fake_arm import FakeArm
from robofeed.testing.trial import Trial
from robofeed_example.point import Point
from robofeed_pybullet.backend import PybulletBackend
from robofeed_pybullet.config import PybulletConfig


def arm(**settings: Any) -> FakeArm:
    return FakeArm(**{"start_rad": np.array([0.3, 0.2], np.float32), **settings})


def simulated(name: str, task: str) -> Callable[[], Backend]:
    return lambda: PybulletBackend(PybulletConfig(arm=name, task=task))


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(arm, id="fake arm"),
        pytest.param(Point, id="example"),
        *[
            pytest.param(simulated(name, task), id=f"pybullet {name} {task}")
            for name in ("so101", "panda", "kuka_iiwa", "xarm6")
            for task in ("reach", "push", "pick_place", "obstacles")
        ],
    ],
)
def test_the_bundled_simulators_conform(make: Any) -> None:
    report = check_twin(make, still_rad=0.02)

    assert report.passed, report.text()
    assert "A real arm's observations are fresh, and sending returns within a period" in (
        report.not_checked
    )
    assert "Opening tells the motors nothing and switches nothing on" in report.not_checked


class Drifts(FakeArm):
    def observe(self) -> Observation:
        self.joint_rad = self.joint_rad + np.float32(0.05)
        return super().observe()


class Shares(FakeArm):
    def observe(self) -> Observation:
        seen = super().observe()
        self._buffer = getattr(self, "_buffer", seen.state)
        self._buffer[:] = seen.state
        return seen._replace(state=self._buffer)


class PlansByMoving(FakeArm):
    def plan(self, action: FloatArray) -> Target:
        self.joint_rad = self.joint_rad + action
        return super().plan(action)


class LeavesItsBounds(FakeArm):
    def observe(self) -> Observation:
        seen = super().observe()
        return seen._replace(state=seen.state + np.float32(100.0))


class ForgetsItsSeed(FakeArm):
    def reset(self, seed: int | None = None) -> Observation:
        self.start_rad = None
        return super().reset(None)


class WrongActions(FakeArm):
    def action_of(self, target: Target) -> FloatArray:
        return -super().action_of(target)


class SinksInAPause(FakeArm):
    """A real arm that carries a load, and whose driver takes an action as nothing but zeros."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings, simulated=False, sag_rad=0.03)

    def action_of(self, target: Target) -> FloatArray:
        return np.zeros_like(super().action_of(target))


class CannotCloseTwice(FakeArm):
    def close(self) -> None:
        assert self.is_open, "closed already"
        super().close()


class SharesPlans(FakeArm):
    """Its plans are all the same array."""

    def plan(self, action: FloatArray) -> Target:
        made = super().plan(action)
        self._plan = getattr(self, "_plan", made.joint_rad)
        self._plan[:] = made.joint_rad
        return made._replace(joint_rad=self._plan)


class SharesWhereItIs(FakeArm):
    def present(self) -> Target:
        self._here = getattr(self, "_here", self.joint_rad.copy())
        self._here[:] = self.joint_rad
        return super().present()._replace(joint_rad=self._here)


class AnotherWhenOpened(FakeArm):
    def open(self) -> None:
        super().open()
        step = np.full(self.joints, 0.2, np.float32)
        spec = ArraySpec((self.joints,), -step, step)
        self.spec = dataclasses.replace(self.spec, action=spec)


class SlowerThanItSays(FakeArm):
    def observe(self) -> Observation:
        seen = super().observe()
        return seen._replace(time_ns=2 * seen.time_ns)


class GoesOn(FakeArm):
    def observe(self) -> Observation:
        return super().observe()._replace(ended=Ended.RUNNING)


class TimeRunsBack(FakeArm):
    def observe(self) -> Observation:
        seen = super().observe()
        return seen._replace(time_ns=-seen.time_ns)


class RefusesToStop(FakeArm):
    def stop(self) -> None:
        if self._steps:
            raise RuntimeError("not now")


class MovesUnderTheHold(FakeArm):
    """The same goal again sends it a little further."""

    def send(self, target: Target) -> None:
        again = bool(self.sent) and np.array_equal(self.sent[-1].joint_rad, target.joint_rad)
        here = self.joint_rad
        super().send(target)
        if again:
            self.joint_rad = here + np.float32(0.02)


class MeasuresAnew(FakeArm):
    def tool_at(self, joint_rad: FloatArray) -> FloatArray:
        self._looks = getattr(self, "_looks", 0) + 1
        return super().tool_at(joint_rad) + np.float32(1e-3 * self._looks)


class BreaksDown(FakeArm):
    def reset(self, seed: int | None = None) -> Observation:
        raise OSError("no such motor")


class SaysNothing(FakeArm):
    def observe(self) -> Observation:
        assert self.is_open is None
        raise AssertionError("unreachable")


class DrivesHome(FakeArm):
    def open(self) -> None:
        super().open()
        self.joint_rad = np.array([1.0, 0.5], np.float32)


class Laggard(FakeArm):
    def send(self, target: Target) -> None:
        time.sleep(0.2)
        super().send(target)


class Yesterday(FakeArm):
    def observe(self) -> Observation:
        seen = super().observe()
        return seen._replace(time_ns=seen.time_ns - 3_600_000_000_000)


@pytest.mark.parametrize(
    ("broken", "check", "complaint"),
    [
        (Laggard, moving_checks.time_is_real, "send took 0.2"),
        (Yesterday, moving_checks.time_is_real, "an observation 3600"),
        (RefusesToStop, moving_checks.stops_from_any_thread, r"stop raised RuntimeError\('not now"),
    ],
)
def test_a_real_arm_s_broken_promise_is_found(
    broken: type[FakeArm], check: Callable[[Trial], None], complaint: str
) -> None:
    with pytest.raises(AssertionError, match=complaint):
        check(Trial(lambda: broken(simulated=False, start_rad=np.array([0.3, 0.2], np.float32))))


def test_a_tool_that_is_elsewhere_is_found() -> None:
    right = [([0.0, 0.0], [0.4, 0.0, 0.0])]

    assert check_still(FakeArm, golden=right).passed
    report = check_still(FakeArm, golden=[*right, ([0.0, 0.0], [0.4, 0.002, 0.0])])
    assert "the tool is 2.0 mm beside" in report.text()


@pytest.mark.parametrize(
    ("broken", "complaint"),
    [
        (SharesPlans, "another plan|handed out has changed"),
        (SharesWhereItIs, "handed out has changed"),
        (AnotherWhenOpened, "opened, it has another specification"),
        (SlowerThanItSays, "does not take the period it says"),
        (GoesOn, "goes on after its horizon of 20 steps"),
        (TimeRunsBack, "time goes backwards"),
        (MovesUnderTheHold, "rad under the hold"),
        (MeasuresAnew, "tool_at differs"),
        (BreaksDown, "OSError: no such motor"),
        (SaysNothing, "failed      It can be opened"),
        (Drifts, "by itself"),
        (Shares, "handed out has changed"),
        (PlansByMoving, "another plan"),
        (LeavesItsBounds, "outside its bounds"),
        (ForgetsItsSeed, "another episode"),
        (WrongActions, "of its range"),
        (SinksInAPause, "rad in a pause"),
        (CannotCloseTwice, "closed already"),
    ],
)
def test_a_broken_promise_is_found(broken: type[FakeArm], complaint: str) -> None:
    report = check_twin(lambda: broken(start_rad=np.array([0.3, 0.2], np.float32)))

    assert not report.passed
    assert re.search(complaint, report.text())


def test_still_opens_nothing() -> None:
    made: list[FakeArm] = []

    def make() -> FakeArm:
        made.append(FakeArm(opens=False))
        return made[-1]

    report = check_still(make)

    assert report.passed, report.text()
    assert not any(each.is_open for each in made)


BOX = ((-2.0, -2.0, -2.0), (2.0, 2.0, 2.0))


def test_a_real_arm_is_not_moved_unless_somebody_allows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ALLOW_MOTION, raising=False)
    made: list[FakeArm] = []
    with pytest.raises(SafetyStop, match="robofeed-allow-motion"):
        check_bench(lambda: made.append(arm()) or made[-1], BOX)

    assert made == []


def test_the_bench_moves_gently_and_stays_in_its_box(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ALLOW_MOTION, "yes")
    made: list[FakeArm] = []

    def make() -> FakeArm:
        made.append(arm(simulated=False))
        return made[-1]

    report = check_bench(make, BOX, settle_s=0.0)

    assert report.passed, report.text()
    sent = [each for fake in made for each in fake.sent]
    assert sent
    assert "Whatever is asked for, what is sent keeps to bounds and limits, and says so" in (
        report.not_checked
    )


def test_an_arm_outside_the_declared_box_is_not_moved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ALLOW_MOTION, "yes")
    made: list[FakeArm] = []

    def make() -> FakeArm:
        made.append(arm(simulated=False))
        return made[-1]

    with pytest.raises(SafetyStop, match="outside the declared box, at"):
        check_bench(make, ((1.0, 1.0, 1.0), (1.1, 1.1, 1.1)), settle_s=0.0)

    assert not any(each.sent for each in made)


def test_an_arm_that_would_leave_its_box_is_not_sent_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ALLOW_MOTION, "yes")
    here_m = arm().tool_at(np.array([0.3, 0.2], np.float32))
    made: list[FakeArm] = []

    def make() -> FakeArm:
        made.append(arm(simulated=False))
        return made[-1]

    report = check_bench(make, ((here_m - 1e-4).tolist(), (here_m + 1e-4).tolist()), settle_s=0.0)

    assert not report.passed
    assert "leave the declared box" in report.text()
    for fake in made:
        for target in fake.sent:
            assert np.abs(target.tool_m - here_m).max() <= 2e-4


def test_an_arm_that_drives_home_first_is_not_moved_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ALLOW_MOTION, "yes")
    with pytest.raises(SafetyStop, match="it starts where it stands"):
        check_bench(lambda: DrivesHome(simulated=False), BOX, settle_s=0.0)


def test_an_arm_that_drifts_is_not_moved_on_the_bench(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ALLOW_MOTION, "yes")
    made: list[FakeArm] = []

    def make() -> FakeArm:
        made.append(Drifts(simulated=False))
        return made[-1]

    with pytest.raises(SafetyStop, match=r"moved .* (by itself|when an episode started)"):
        check_bench(make, BOX, settle_s=0.0)

    assert not any(each.sent for each in made)
    assert threading.active_count() < 50
