"""Driving an arm to a pose by itself: slowly, stoppable, and on a way known before it sets out."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

from robofeed import HardwareError, SafetyStop
from robofeed_serial.body.free_way import FreeWay
from robofeed_serial.supervision.client import SupervisorClient
from robofeed_serial.supervision.messages import Report

PERIOD_S = 0.02
ARRIVED_RAD = 0.08
"""Near enough: what a hobby servo's play and a load leave."""
AHEAD_RAD = 0.03
"""No joint is ordered further ahead on the straight way than this, which the supervisor allows each
of them in one of its cycles: else they would come to go each its own way."""
PATIENCE_S = 3.0
"""More than the way should take; then something is in the way."""

BLOCKED_S = 0.7
"""So long may the arm not come on because of what its supervisor keeps it from."""


def go_to(
    client: SupervisorClient,
    goal_rad: Sequence[float],
    speed_rad_s: Sequence[float],
    names: Sequence[str],
    free: FreeWay,
    pose: str = "home",
) -> list[float]:
    """Drive the joints to `goal_rad` and return that. The gripper, last of all, stays as it is.

    Args:
        client: Of an arm whose torque is on.
        goal_rad: One element a joint.
        speed_rad_s: No joint faster than this.
        names: Of the joints, for messages.
        free: Finds a way on which the arm does not come too near itself, nor out of its workspace.
        pose: What `goal_rad` is called, for messages.

    Raises:
        SafetyStop: it was stopped, or held by itself.
        HardwareError: there is no such way, or it did not arrive.
    """
    report = _checked(client)
    here = list(report.commanded_rad or report.rad)[: len(goal_rad)]
    way = free.between(here, goal_rad)
    if way is None:
        raise HardwareError(
            f"no way to the {pose} pose was found on which the arm would not come too near itself "
            "or the table, and its tool not leave the workspace: it holds where it is. Bring it "
            "elsewhere first, by hand with the torque off or with robofeed arm teleop"
        )
    for pose_rad in way:
        _straight_to(client, pose_rad, speed_rad_s, names, pose)
    return list(goal_rad)


def _straight_to(
    client: SupervisorClient,
    goal_rad: Sequence[float],
    speed_rad_s: Sequence[float],
    names: Sequence[str],
    pose: str,
) -> None:
    report = _checked(client)
    padding = [math.nan] * (len(report.rad) - len(goal_rad))
    start = list(report.commanded_rad or report.rad)[: len(goal_rad)]
    way_s = max(
        abs(goal - here) / speed
        for here, goal, speed in zip(start, goal_rad, speed_rad_s, strict=False)
    )
    began_s = free_s = time.monotonic()
    left_rad, in_the_way = math.inf, ""
    while True:
        passed_s = time.monotonic() - began_s
        here = report.commanded_rad or report.rad
        share = min(1.0, _gone(start, goal_rad, here), passed_s / way_s) if way_s else 1.0
        step = [here + share * (goal - here) for here, goal in zip(start, goal_rad, strict=True)]
        client.order([*step, *padding])
        time.sleep(PERIOD_S)
        report = _checked(client)
        off = [abs(goal - here) for here, goal in zip(report.rad, goal_rad, strict=False)]
        if share == 1.0 and max(off) <= ARRIVED_RAD:
            client.rest()
            return
        in_the_way = report.in_the_way or in_the_way
        if sum(off) < left_rad - ARRIVED_RAD:
            left_rad, free_s, in_the_way = sum(off), time.monotonic(), ""
        elif in_the_way and time.monotonic() > free_s + BLOCKED_S:
            client.rest()
            raise HardwareError(
                f"on the way to the {pose} pose {in_the_way}: the arm holds where it is. Bring it "
                "elsewhere first, by hand with the torque off or with robofeed arm teleop"
            )
        # The supervisor's own limits, on the tool above all, may make the way longer.
        if passed_s > 4.0 * way_s + PATIENCE_S:
            client.rest()
            worst = off.index(max(off))
            raise HardwareError(
                f"joint {names[worst]} stays {off[worst]:.2f} rad from its {pose} pose: is "
                "something in its way, is its load too heavy? The arm holds where it is"
            )


def _gone(start: Sequence[float], goal: Sequence[float], here: Sequence[float]) -> float:
    """The share of the way from `start` to `goal` at which `here` is, and a little ahead."""
    ways = [last - first for first, last in zip(start, goal, strict=True)]
    square = sum(way * way for way in ways)
    along = sum((q - first) * way for q, first, way in zip(here, start, ways, strict=False))
    return along / square + AHEAD_RAD / max(abs(way) for way in ways)


def _checked(client: SupervisorClient) -> Report:
    report = client.report()
    if report.latched or client.stopped:
        raise SafetyStop(f"the arm holds: {report.reason or 'stopped by hand'}")
    return report
