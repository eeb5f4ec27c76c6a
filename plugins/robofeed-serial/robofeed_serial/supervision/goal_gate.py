"""What the port's owner lets through of a goal: ranges, speed, short horizon, box, links apart.

The short horizon: no goal is further from where the arm is measured than it may travel while the
watchdog waits, for each joint and for the tool. Whatever dies, the arm stops within that.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

Point = tuple[float, float, float]
_TRIES = 6
_SHARES = (0.75, 0.5, 0.25, 0.1)
"""of a way that ends too near another link"""


@dataclass(frozen=True, slots=True)
class Bounds:
    """One element a servo, the gripper after the joints."""

    low_rad: tuple[float, ...]
    high_rad: tuple[float, ...]
    speed_rad_s: tuple[float, ...]
    tool_speed_m_s: float
    box_low_m: Point
    box_high_m: Point
    watchdog_s: float


class KeepsApart(Protocol):
    """What is asked of an arm's body."""

    def first_free(
        self, poses_rad: Sequence[Sequence[float]]
    ) -> tuple[int, tuple[str, str] | None]:
        """The first of these poses that may be gone to from the last, and what forbids pose 0."""


class GoalGate:
    """Stateless: what may be sent follows from where the arm is and what was sent last.

    Args:
        bounds: What it keeps to.
        tool: Forward kinematics.
        body: Of the arm; None = its links are not looked at.
    """

    def __init__(
        self,
        bounds: Bounds,
        tool: Callable[[Sequence[float]], Point],
        body: KeepsApart | None = None,
    ) -> None:
        self._bounds, self._tool, self._body = bounds, tool, body
        self.too_near: tuple[str, str] | None = None
        """of the newest goal: two links that would have come too near, which it was kept from"""
        self.in_the_way = ""
        """what that goal was kept from, in words: that, or leaving the workspace"""
        self._reach_rad = [speed * bounds.watchdog_s for speed in bounds.speed_rad_s]
        self._reach_m = bounds.tool_speed_m_s * bounds.watchdog_s

    def pass_through(
        self,
        wanted: Sequence[float],
        commanded: Sequence[float],
        measured: Sequence[float],
        dt_s: float,
    ) -> list[float]:
        """The goal to send: `wanted` as far as allowed, `commanded` where it is NaN.

        Args:
            wanted: What the client asks for, rad.
            commanded: What was sent last.
            measured: Where the arm is.
            dt_s: Since then.
        """
        bounds = self._bounds
        start, goals = [], []
        for want, last, here, low, high, speed, reach in zip(
            wanted,
            commanded,
            measured,
            bounds.low_rad,
            bounds.high_rad,
            bounds.speed_rad_s,
            self._reach_rad,
            strict=True,
        ):
            # A joint found outside its range may come back, never go further out.
            least = max(here - reach, min(low, here))
            most = min(here + reach, max(high, here))
            last = min(max(last, least), most)
            goal = want if math.isfinite(want) else last
            goal = min(max(goal, last - speed * dt_s), last + speed * dt_s)
            start.append(last)
            goals.append(min(max(goal, least), most))
        # From here on only parts of ways between poses within all that, and so within all that.
        most_m = bounds.tool_speed_m_s * dt_s
        goals = self._slowed(goals, start, most_m)
        goals = self._slowed(goals, measured, self._reach_m)
        stay = self._slowed(start, measured, self._reach_m)
        return self._past_obstacles(goals, start, stay, measured, most_m)

    def _past_obstacles(
        self,
        goals: list[float],
        start: Sequence[float],
        stay: list[float],
        measured: Sequence[float],
        most_m: float,
    ) -> list[float]:
        """The part of the way from `stay` to `goals` within the box, with no link near another.

        A share of it; else without one joint, else that one alone, so that what is in the way of
        one joint does not hold the others.
        """
        self.too_near, self.in_the_way = None, ""
        if goals == stay:
            return goals
        if self._body is not None:
            _, self.too_near = self._body.first_free([goals, stay])
        if self.too_near is not None:
            self.in_the_way = f"{' and '.join(self.too_near)} would come too near each other"
        elif self._leaves_box(start, self._tool(goals)):
            self.in_the_way = "the tool would leave its workspace"
        else:
            return goals
        here_m, there_m = self._tool(start), self._tool(measured)
        ways = [
            [q + share * (goal - q) for q, goal in zip(stay, goals, strict=True)]
            for share in _SHARES
        ]
        joints = range(len(stay))
        ways += [[*goals[:one], stay[one], *goals[one + 1 :]] for one in joints]
        ways += [[*stay[:one], goals[one], *stay[one + 1 :]] for one in joints]
        # The tool's way is bent: what holds at both ends is looked at again in between.
        ways = [
            way
            for way in ways
            if math.dist(tool_m := self._tool(way), here_m) <= most_m
            and math.dist(tool_m, there_m) <= self._reach_m
            and not self._leaves_box(start, tool_m)
        ]
        ways.append(stay)
        free, _ = self._body.first_free(ways) if self._body is not None else (0, None)
        return ways[free]

    def _slowed(self, goals: list[float], start: Sequence[float], most_m: float) -> list[float]:
        """The part of the way from `start` to `goals` on which the tool goes no further."""
        here_m = self._tool(start)
        for _ in range(_TRIES):
            away_m = math.dist(here_m, self._tool(goals))
            if away_m <= most_m:
                return goals
            # Tried more than once: the tool does not move in proportion to the joints.
            share = 0.98 * most_m / away_m
            goals = [q + share * (goal - q) for q, goal in zip(start, goals, strict=True)]
        return list(start)

    def _leaves_box(self, start: Sequence[float], tool_m: Point) -> bool:
        """Whether the tool would be outside, and further than it was sent last or on a new side."""
        now_m = self._outside(tool_m)
        if not any(now_m):
            return False
        was_m = self._outside(self._tool(start))
        new_side = any(now > 0.0 and was == 0.0 for now, was in zip(now_m, was_m, strict=True))
        return new_side or math.hypot(*now_m) > math.hypot(*was_m)

    def _outside(self, tool_m: Point) -> list[float]:
        """By how much on each axis."""
        box = zip(tool_m, self._bounds.box_low_m, self._bounds.box_high_m, strict=True)
        return [max(low - there, there - high, 0.0) for there, low, high in box]
