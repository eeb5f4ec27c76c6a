"""Kinematics of an arm that turns on its base and whose parallelograms hold its hand level.

The uArm's kind: a pan, then two links in a plane, either with an angle of its own to the level,
whatever the other does. Everything has a closed form.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from math import atan2, cos, sin
from typing import NamedTuple

import numpy as np

from robofeed.kinematics.chain import TOLERANCE_M, TRAVEL_SHARE, Floats, Place, Solution
from robofeed.kinematics.chain import within_travel as share_within
from robofeed.kinematics.model import Joint

_ALIGNED = 1e-9
_LEAST_M = 1e-6


class LevelPose(NamedTuple):
    """Where the tool is."""

    tool_m: Place


def is_level(joints: Sequence[Joint]) -> bool:
    """Whether these joints, base to tool, are of the kind `LevelArm` solves."""
    moving = [joint for joint in joints if joint.kind != "fixed"]
    if len(moving) != 5:
        return False
    pan, lift, lift_level, forearm, hand_level = moving
    offsets = [joint.parent_from_joint for joint in joints]
    return (
        pan.axis == (0.0, 0.0, 1.0)
        and all(joint.axis == (0.0, 1.0, 0.0) for joint in moving[1:])
        and [joint.follows for joint in moving]
        == [None, None, (lift.name, -1.0), None, (forearm.name, -1.0)]
        and lift_level.kind == hand_level.kind == "revolute"
        and all(np.abs(matrix[:3, :3] - np.eye(3)).max() < _ALIGNED for matrix in offsets)
        and all(abs(matrix[1, 3]) < _ALIGNED for matrix in offsets)
        and abs(offsets[joints.index(pan)][0, 3]) < _ALIGNED
    )


class LevelArm:
    """Pan, lift and forearm; lift and forearm are angles to where the model has them at 0.

    See `Kinematics`. `fold_rad` bounds the angle between the two links, which their own ranges do
    not.
    """

    def __init__(
        self, joints: Sequence[Joint], period_s: float, fold_rad: tuple[float, float] | None = None
    ) -> None:
        moving = [joint for joint in joints if joint.kind != "fixed"]
        own = [joint for joint in moving if joint.follows is None]
        self.low = [joint.low for joint in own]
        self.high = [joint.high for joint in own]
        self.travel = [joint.speed * period_s * TRAVEL_SHARE for joint in own]
        starts = [joints.index(joint) for joint in moving]
        sections = [
            np.sum(
                [np.zeros(3), *(joint.parent_from_joint[:3, 3] for joint in joints[a + 1 : b])], 0
            )
            for a, b in zip(
                starts, [start + 1 for start in [*starts[1:], len(joints) - 1]], strict=True
            )
        ]
        base, upper, between, lower, hand = (section.tolist() for section in sections)
        height = sum(float(joint.parent_from_joint[2, 3]) for joint in joints[: starts[0] + 1])
        # What neither link turns.
        self._across_m = base[0] + between[0] + hand[0]
        self._up_m = height + base[2] + between[2] + hand[2]
        self._upper, self._lower = (
            (math.hypot(link[0], link[2]), atan2(link[2], link[0])) for link in (upper, lower)
        )
        least, most = fold_rad if fold_rad is not None else (0.0, math.pi)
        self._near_m, self._far_m = self._apart_m(least), self._apart_m(most)
        self._bend_low, self._bend_high = math.pi - most, math.pi - least

    def pose(self, joint_rad: Floats) -> LevelPose:
        """Forward kinematics."""
        pan, lift, forearm = joint_rad
        (upper_m, upper_rad), (lower_m, lower_rad) = self._upper, self._lower
        raised, flat = upper_rad - lift, lower_rad - forearm
        across = self._across_m + upper_m * cos(raised) + lower_m * cos(flat)
        up = self._up_m + upper_m * sin(raised) + lower_m * sin(flat)
        return LevelPose((cos(pan) * across, sin(pan) * across, up))

    def joints_at(self, tool_m: Floats) -> list[float] | None:
        """The joints that bring the tool there, within their ranges or not; None = out of reach."""
        x, y, up = tool_m
        across, up = math.hypot(x, y) - self._across_m, up - self._up_m
        if not self._near_m <= math.hypot(across, up) <= self._far_m:
            return None
        return [atan2(y, x), *self._folded(across, up)]

    def reaches(self, tool_m: Floats) -> bool:
        """Whether the tool comes there with all joints within their ranges."""
        joints = self.joints_at(tool_m)
        return joints is not None and all(
            low <= q <= high for low, q, high in zip(self.low, joints, self.high, strict=True)
        )

    def solve(self, start_rad: Floats, pose: LevelPose, goal_m: Floats) -> Solution:
        """The joints in closed form; out of reach or range, as near as they come."""
        x, y, up = goal_m
        pan = math.remainder(atan2(y, x) - start_rad[0], math.tau) + start_rad[0]
        pan = self._within(0, pan)
        # What the pan reaches, which at its limit or behind the base is not the goal's bearing.
        across, up = cos(pan) * x + sin(pan) * y - self._across_m, up - self._up_m
        away_m = max(math.hypot(across, up), _LEAST_M)
        scale = min(max(away_m, self._near_m), self._far_m) / away_m
        lift, forearm = self._in_range(across * scale, up * scale)
        joints = [pan, lift, forearm]
        share = share_within(start_rad, joints, self.travel)
        if share < 1.0:
            joints = [q + share * (goal - q) for q, goal in zip(start_rad, joints, strict=True)]
        tool_m = self.pose(joints).tool_m
        left_m = math.dist(tool_m, goal_m)
        return Solution(joints, tool_m, left_m if left_m > TOLERANCE_M * 1e-6 else 0.0)

    def _apart_m(self, fold_rad: float) -> float:
        """How far the wrist is from the lift's axis with that angle between the links."""
        upper_m, lower_m = self._upper[0], self._lower[0]
        return math.sqrt(upper_m**2 + lower_m**2 - 2.0 * upper_m * lower_m * cos(fold_rad))

    def _folded(self, across: float, up: float) -> tuple[float, float]:
        """Lift and forearm for a wrist at a point of the plane that is in reach; elbow up."""
        (upper_m, upper_rad), (lower_m, lower_rad) = self._upper, self._lower
        away_m = max(math.hypot(across, up), _LEAST_M)
        inside = (upper_m**2 + away_m**2 - lower_m**2) / (2.0 * upper_m * away_m)
        raised = atan2(up, across) + math.acos(min(max(inside, -1.0), 1.0))
        flat = atan2(up - upper_m * sin(raised), across - upper_m * cos(raised))
        return (
            math.remainder(upper_rad - raised, math.tau),
            math.remainder(lower_rad - flat, math.tau),
        )

    def _in_range(self, across: float, up: float) -> tuple[float, float]:
        """The same, a link at its limit and the other one pointing at what is left."""
        (upper_m, upper_rad), (lower_m, lower_rad) = self._upper, self._lower
        lift, forearm = self._folded(across, up)
        if lift != (bound := self._within(1, lift)):
            raised = upper_rad - bound
            flat = atan2(up - upper_m * sin(raised), across - upper_m * cos(raised))
            flat = raised - self._bent(raised - flat)
            return bound, self._within(2, math.remainder(lower_rad - flat, math.tau))
        if forearm != (bound := self._within(2, forearm)):
            flat = lower_rad - bound
            raised = atan2(up - lower_m * sin(flat), across - lower_m * cos(flat))
            raised = flat + self._bent(raised - flat)
            return self._within(1, math.remainder(upper_rad - raised, math.tau)), bound
        return lift, forearm

    def _bent(self, bend_rad: float) -> float:
        """By how much the forearm's direction may differ from the upper arm's."""
        return min(max(math.remainder(bend_rad, math.tau), self._bend_low), self._bend_high)

    def _within(self, joint: int, angle_rad: float) -> float:
        return min(max(angle_rad, self.low[joint]), self.high[joint])
