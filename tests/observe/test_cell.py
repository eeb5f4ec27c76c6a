"""One guarded arm in a table: simulators as fast as they can, real arms by the clock."""

from __future__ import annotations

import numpy as np
import pytest

from robofeed.data.fleet import Table
from robofeed.data.observation import Ended, Observation, Target
from robofeed.observe import cell as cell_module
from robofeed.observe.cell import Cell
from robofeed.testing.fake_arm import PERIOD_S, FakeArm


def what_happens(simulated: bool, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What an arm and its clock are asked to do in an episode of two steps, in order."""
    happened: list[str] = []

    class Clock:
        overruns, late_s = 3, 0.25

        def __init__(self, period_s: float) -> None:
            happened.append(f"a clock of {period_s} s")

        def start(self) -> None:
            happened.append("start")

        def wait(self) -> None:
            happened.append("wait")

    class Told(FakeArm):
        def send(self, target: Target) -> None:
            happened.append("send")
            super().send(target)

        def observe(self) -> Observation:
            happened.append("observe")
            return super().observe()

    monkeypatch.setattr(cell_module, "FixedRate", Clock)
    arm = Told(simulated=simulated)
    table = Table.over(arm.spec, 1)
    table.proposed[:] = np.zeros_like(table.proposed)
    cell = Cell(arm, table, 0)
    cell.open()
    cell.reset(1)
    cell.step()
    cell.step()
    cell.close()
    assert (int(table.overruns[0]), float(table.late_s[0])) == ((-1, 0) if simulated else (3, 0.25))
    return happened


def test_a_real_arm_is_looked_at_a_period_after_it_was_told_to_move(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    step = ["send", "wait", "observe"]

    assert what_happens(False, monkeypatch) == [
        f"a clock of {PERIOD_S} s",
        "observe",
        "start",
        *step,
        *step,
    ]


def test_simulated_time_does_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    assert what_happens(True, monkeypatch) == ["observe", "send", "observe", "send", "observe"]


def test_an_arm_s_own_trouble_is_told_before_the_refusal_that_came_of_it() -> None:
    class Unplugged(FakeArm):
        reason = ""

        def observe(self) -> Observation:
            seen = super().observe()
            return seen._replace(ended=Ended.FAULT, reason=self.reason) if self.reason else seen

    arm = Unplugged()
    table = Table.over(arm.spec, 1)
    table.proposed[:] = np.nan
    cell = Cell(arm, table, 0)
    cell.open()
    cell.reset(1)

    assert cell.step() == "the action was refused (NON_FINITE); the arm holds"
    arm.reason = "the port was lost"
    assert cell.step() == "the port was lost"
    assert table.ended[0] == Ended.FAULT


def test_a_real_arm_is_asked_for_the_cause_of_a_refusal_for_a_moment() -> None:
    class Falling(FakeArm):
        looks = 0

        def observe(self) -> Observation:
            self.looks += 1
            seen = super().observe()
            if self.looks < 4:  # its watch notices later than whoever steps it
                return seen
            return seen._replace(ended=Ended.FAULT, reason="the whole arm is silent")

    arm = Falling(simulated=False)
    table = Table.over(arm.spec, 1)
    table.proposed[:] = np.nan
    cell = Cell(arm, table, 0)
    cell.open()
    cell.reset(1)

    assert cell.step() == "the whole arm is silent"
    assert table.ended[0] == Ended.FAULT
