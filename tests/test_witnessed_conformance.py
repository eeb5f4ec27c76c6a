"""The conformance kit with a witness: what a backend's own word hides is found in the workshop."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest

from robofeed.data.observation import Ended, Observation, Target
from robofeed.data.spec import FloatArray
from robofeed.testing import witnessed_checks as checks
from robofeed.testing.conformance import check_twin
from robofeed.testing.fake_arm import FakeArm
from robofeed.testing.trial import NotChecked, Trial
from robofeed.testing.witness import Sight


@dataclass
class Workshop:
    """The motors, which outlive the programs that drive them, and the witness of all that."""

    at: FloatArray = field(default_factory=lambda: np.array([0.3, 0.2], np.float32))
    broken: str = ""
    harmless: Sequence[str] = ("noise",)
    fatal: Sequence[str] = ("unplug",)
    told: list[Sight] = field(default_factory=list)
    seen: list[Sight] = field(default_factory=list)
    on: list[tuple[float, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.forget()

    def go(self, goal_rad: FloatArray, share: float = 1.0) -> None:
        """A goal arrives; the motors are there at once."""
        if self.broken == "unplug":
            return
        now_s = time.monotonic()
        self.told.append(Sight(now_s, goal_rad.copy()))
        self.at = (self.at + share * (goal_rad - self.at)).astype(np.float32)
        self.seen.append(Sight(now_s, self.at.copy()))

    def switch_on(self) -> None:
        self.on += [(time.monotonic(), joint) for joint in range(len(self.at))]

    def forget(self) -> None:
        self.told, self.on = [], []
        self.seen = [Sight(time.monotonic(), self.at.copy())]

    def goals(self) -> Sequence[Sight]:
        return self.told

    def places(self) -> Sequence[Sight]:
        return [*self.seen, Sight(time.monotonic(), self.at.copy())]

    def switched_on(self) -> Sequence[tuple[float, int]]:
        return self.on

    def fault(self, name: str) -> None:
        self.broken = name

    def mend(self) -> None:
        self.broken = ""


class WatchedArm(FakeArm):
    """A real arm in a workshop, its limits kept by itself as well."""

    def __init__(self, shop: Workshop) -> None:
        self.shop = shop
        self.held = False
        self.lost = False
        super().__init__(simulated=False, step_rad=0.02, horizon=10_000)
        self.spec = dataclasses.replace(self.spec, period_s=0.01, seedable=False)

    def reset(self, seed: int | None = None) -> Observation:
        self.held = False
        self.shop.go(self.shop.at)
        self.shop.switch_on()
        super().reset(seed)
        self.joint_rad = self.shop.at.copy()
        return self.observe()

    def observe(self) -> Observation:
        self.joint_rad = self.shop.at.copy()
        seen = super().observe()
        self.lost = self.lost or self.shop.broken == "unplug"
        return seen._replace(ended=Ended.FAULT, reason="the port was lost") if self.lost else seen

    def send(self, target: Target) -> None:
        if not self.held and not self.lost:
            self.shop.go(target.joint_rad)
        self._steps += 1

    def stop(self) -> None:
        super().stop()
        self.held = True


class MovesWhenOpened(WatchedArm):
    def open(self) -> None:
        super().open()
        self.shop.go(self.shop.at + np.float32(0.1))


class SwitchesOnWhenOpened(WatchedArm):
    def open(self) -> None:
        super().open()
        self.shop.switch_on()


class SwitchesOnBeforeItsGoal(WatchedArm):
    def reset(self, seed: int | None = None) -> Observation:
        self.shop.switch_on()
        return super().reset(seed)


class JumpsToYesterdaysGoal(WatchedArm):
    def reset(self, seed: int | None = None) -> Observation:
        self.shop.go(self.shop.at + np.float32(0.5), share=0.0)
        self.shop.switch_on()
        return super().reset(seed)


class RunsAway(WatchedArm):
    """Twice as fast as it may, once it is under way, and by little enough to stay in its range."""

    away = False

    def send(self, target: Target) -> None:
        self.away = self.away or bool((np.abs(target.joint_rad - self.shop.at) > 0.01).any())
        step = np.float32(0.08 if self.away and self.shop.at.max() < 2.0 else 0.0)
        super().send(target._replace(joint_rad=self.shop.at + step))


class IgnoresItsRange(WatchedArm):
    def send(self, target: Target) -> None:
        drift = target.joint_rad + np.float32(3.2) * (target.joint_rad != self.shop.at)
        self.shop.at = drift.astype(np.float32)
        super().send(target._replace(joint_rad=self.shop.at))


class DoesNotMove(WatchedArm):
    def send(self, target: Target) -> None:
        self._steps += 1


class CoastsAfterAStop(WatchedArm):
    def observe(self) -> Observation:
        if self.held:
            self.shop.go(self.shop.at + np.float32(0.02))
        return super().observe()


class GivesUpOnNoise(WatchedArm):
    def observe(self) -> Observation:
        self.lost = self.lost or self.shop.broken == "noise"
        return super().observe()


class TellsOldReadings(WatchedArm):
    """One late reply, and it is a reading behind from then on."""

    behind = False

    def observe(self) -> Observation:
        before = self.joint_rad
        seen = super().observe()
        self.behind = self.behind or self.shop.broken == "noise"
        if self.behind:
            self.joint_rad = before + np.float32(0.05)
        return seen


class HidesThatItIsLost(WatchedArm):
    def observe(self) -> Observation:
        seen = super().observe()
        self.lost = False
        return seen._replace(ended=Ended.RUNNING, reason="")


class LostWithoutAReason(WatchedArm):
    def observe(self) -> Observation:
        return super().observe()._replace(reason="")


class ResumesByItself(WatchedArm):
    """It hears nothing while the cable is out, and obeys again as soon as it is back."""

    def send(self, target: Target) -> None:
        if self.lost:
            self.shop.go(target.joint_rad + np.float32(0.4))
        super().send(target)


class CannotBeOpenedAnew(WatchedArm):
    def open(self) -> None:
        super().open()
        if any(each == "lost once" for each in self.shop.harmless):
            self.lost = True

    def observe(self) -> Observation:
        seen = super().observe()
        if self.lost:
            self.shop.harmless = ("lost once",)
        return seen


def test_an_arm_that_keeps_its_promises_passes() -> None:
    shop = Workshop()
    report = check_twin(lambda: WatchedArm(shop), still_rad=0.02, witness=shop)

    assert report.passed, report.text()
    assert not any("witness" in why for why in report.not_checked.values())


def test_a_witness_that_sees_nothing_proves_nothing() -> None:
    class Asleep(Workshop):
        def places(self) -> Sequence[Sight]:
            return [Sight(0.0, np.array([0.3, 0.2], np.float32))]

    shop = Asleep()
    trial = Trial(lambda: WatchedArm(shop), still_rad=0.02, witness=shop)
    with pytest.raises(AssertionError, match="saw no motion"):
        checks.a_stop_is_quick(trial)


@pytest.mark.parametrize(
    ("kind", "check", "complaint"),
    [
        (MovesWhenOpened, checks.opening_moves_nothing, "1 goals were sent"),
        (SwitchesOnWhenOpened, checks.opening_moves_nothing, "torque went on"),
        (
            SwitchesOnBeforeItsGoal,
            checks.it_starts_where_it_is,
            "of joint 0 goes on before it has a goal",
        ),
        (
            JumpsToYesterdaysGoal,
            checks.it_starts_where_it_is,
            "of joint 0 is 0.500 rad from it",
        ),
        (RunsAway, checks.motion_keeps_to_limits, "times its speed limit"),
        (IgnoresItsRange, checks.motion_keeps_to_limits, "outside its range"),
        (DoesNotMove, checks.motion_keeps_to_limits, "no joint moved"),
        (CoastsAfterAStop, checks.a_stop_is_quick, "s after the stop"),
        (GivesUpOnNoise, checks.harmless_faults_are_borne, "noise: the port was lost"),
        (TellsOldReadings, checks.harmless_faults_are_borne, "beside the arm"),
        (HidesThatItIsLost, checks.fatal_faults_are_told, "unplug: not noticed"),
        (LostWithoutAReason, checks.fatal_faults_are_told, "without a reason"),
        (ResumesByItself, checks.fatal_faults_are_told, "it went on by itself"),
        (CannotBeOpenedAnew, checks.fatal_faults_are_told, "opened anew"),
    ],
)
def test_a_broken_promise_is_seen(
    kind: type[WatchedArm], check: Callable[[Trial], None], complaint: str
) -> None:
    shop = Workshop()
    with pytest.raises(AssertionError, match=complaint):
        check(Trial(lambda: kind(shop), still_rad=0.02, witness=shop))


@pytest.mark.parametrize("check", checks.CHECKS)
def test_without_a_witness_nothing_is_claimed(check: Callable[[Trial], None]) -> None:
    with pytest.raises(NotChecked, match="give a witness"):
        check(Trial(lambda: WatchedArm(Workshop())))
