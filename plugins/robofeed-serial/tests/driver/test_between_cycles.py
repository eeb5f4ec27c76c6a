"""An order between two cycles of the port's owner: obeyed at once, where nothing is to weigh."""

from __future__ import annotations

import math
from typing import Any

from robofeed_serial.supervision.messages import Mode, Order

from .conftest import moving


def between_cycles(bench: Any, goal: list[float], *, late_ns: int = 4_000_000, **given: Any) -> int:
    """Hand over a new order between two cycles; returns how many goals were written for it."""
    order = Order(bench.bus.now_ns + late_ns, True, goal, request_id=bench.order.request_id)
    before = len(bench.bus.log)
    alive, stopped = given.get("alive", True), given.get("stopped", False)
    asleep_ns = given.get("asleep_ns", 0)
    bench.supervisor.follow(bench.bus.now_ns + late_ns, order, alive, lambda: stopped, asleep_ns)
    return len(bench.bus.log) - before


def test_an_order_that_comes_between_two_cycles_is_obeyed_at_once_and_no_faster(
    bench: Any,
) -> None:
    goal = moving(bench)
    before = bench.bus.servos[1].goal
    assert between_cycles(bench, [3.0, *goal[1:]]) == 6
    turned_rad = abs(bench.bus.servos[1].goal - before) * math.tau / 4096
    assert 0 < turned_rad <= bench.bounds.speed_rad_s[0] * 0.004 + math.tau / 4096

    at_once = bench.bus.servos[1].goal
    bench.go([3.0, *goal[1:]])
    # All in all as far as the arm may go in the cycle's 10 ms, of which the order had 4.
    whole_rad = abs(bench.bus.servos[1].goal - before) * math.tau / 4096
    assert abs(bench.bus.servos[1].goal - at_once) > 0
    assert whole_rad <= bench.bounds.speed_rad_s[0] * 0.01 + math.tau / 4096


def test_between_two_cycles_nothing_is_written_where_there_is_anything_to_weigh(
    bench: Any,
) -> None:
    goal = moving(bench)
    assert between_cycles(bench, goal, alive=False) == 0
    assert between_cycles(bench, goal, late_ns=500_000) == 0
    assert between_cycles(bench, goal, late_ns=40_000_000) == 0  # by then a reading was due
    assert between_cycles(bench, goal, asleep_ns=30_000_000_000) == 0  # the lid was shut

    bench.stopped = True
    bench.cycle()
    assert between_cycles(bench, goal) == 0


def test_a_stop_between_two_cycles_holds_the_arm(bench: Any) -> None:
    goal = moving(bench)
    between_cycles(bench, goal, stopped=True)
    report = bench.go(goal)
    assert (report.mode, report.latched, report.reason) == (Mode.HOLDING, True, "stopped by hand")


def test_a_port_that_is_lost_between_two_cycles_is_told(bench: Any) -> None:
    goal = moving(bench)
    bench.bus.gone = True
    between_cycles(bench, goal)
    assert bench.supervisor.mode is Mode.LOST
