"""One guarded arm in a table: simulators as fast as they can, real arms by the clock."""

from __future__ import annotations

import time

import numpy as np
import pytest

from robofeed.data.fleet import Table
from robofeed.observe.cell import Cell
from robofeed.testing.fake_arm import PERIOD_S, FakeArm

STEPS = 8


def seconds_for_steps(simulated: bool) -> float:
    arm = FakeArm(simulated=simulated)
    table = Table.over(arm.spec, 1)
    table.proposed[:] = np.zeros_like(table.proposed)
    cell = Cell(arm, table, 0)
    cell.open()
    cell.reset(1)
    began_s = time.monotonic()
    for _ in range(STEPS):
        cell.step()
    cell.close()
    return time.monotonic() - began_s


def test_a_real_arm_steps_at_its_period() -> None:
    assert seconds_for_steps(simulated=False) == pytest.approx(STEPS * PERIOD_S, abs=0.2)
    assert seconds_for_steps(simulated=False) >= (STEPS - 0.1) * PERIOD_S


def test_simulated_time_does_not_wait() -> None:
    assert seconds_for_steps(simulated=True) < STEPS * PERIOD_S / 2
