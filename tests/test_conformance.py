"""The conformance kit: honest backends pass, and each broken promise is found."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

from robofeed.data.errors import SafetyStop
from robofeed.data.observation import Observation, Target
from robofeed.data.spec import FloatArray
from robofeed.interfaces import Backend
from robofeed.testing.conformance import ALLOW_MOTION, check_bench, check_still, check_twin
from robofeed.testing.fake_arm import FakeArm
from robofeed_example.point import Point
from robofeed_pybullet.backend import PybulletBackend
from robofeed_pybullet.config import PybulletConfig


def arm(**settings: Any) -> FakeArm:
    return FakeArm(**{"start_rad": np.array([0.3, 0.2], np.float32), **settings})


def simulated(task: str) -> Backend:
    return PybulletBackend(PybulletConfig(arm="so101", task=task))


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(arm, id="fake arm"),
        pytest.param(Point, id="example"),
        pytest.param(lambda: simulated("reach"), id="pybullet reach"),
        pytest.param(lambda: simulated("pick_place"), id="pybullet pick_place"),
    ],
)
def test_the_bundled_simulators_conform(make: Any) -> None:
    report = check_twin(make, still_rad=0.02)

    assert report.passed, report.text()
    assert "A real arm's observations are fresh, and sending returns within a period" in (
        report.not_checked
    )


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


@pytest.mark.parametrize(
    ("broken", "complaint"),
    [
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
    assert complaint in report.text()


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


def test_an_arm_outside_the_declared_box_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ALLOW_MOTION, "yes")
    report = check_bench(
        lambda: arm(simulated=False), ((1.0, 1.0, 1.0), (1.1, 1.1, 1.1)), settle_s=0.0
    )

    assert not report.passed
    assert "leave the declared box" in report.text()


def test_an_arm_that_drifts_is_not_moved_on_the_bench(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ALLOW_MOTION, "yes")
    made: list[FakeArm] = []

    def make() -> FakeArm:
        made.append(Drifts(simulated=False))
        return made[-1]

    with pytest.raises(SafetyStop, match="does not hold still"):
        check_bench(make, BOX, settle_s=0.0)

    assert not any(each.sent for each in made)
    assert threading.active_count() < 50
