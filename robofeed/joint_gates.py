"""The gates on joints and tool: position, speed, acceleration, tool speed, workspace box."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from robofeed.data.observation import Gate, Target
from robofeed.data.spec import FloatArray, Limits

if TYPE_CHECKING:
    from robofeed.interfaces import Backend

CLEAR = Gate.NONE
"""Compared by identity: an enumeration's truth value and its `|` cost a call into Python each."""

_BISECTIONS = 6
"""Halvings when a step is shortened to stay inside the workspace: 1/64 of a step is under 1 mm."""

_SLOWINGS = 8
"""Tries at slowing the tool down; two nearly always do."""
_JUST_BELOW = 0.9999
"""Aimed at, of the tool's speed limit, so that the tries come to an end."""


class JointGates:
    """All of them in one pass; plain floats, since an arm has few joints."""

    def __init__(self, limits: Limits, period_s: float) -> None:
        self.max_age_ns = int(limits.max_observation_age_s * 1e9)
        self._limits = limits
        self._joints = len(limits.joint_low_rad)
        self._low = limits.joint_low_rad.tolist()
        self._high = limits.joint_high_rad.tolist()
        self._step = (limits.joint_speed_rad_s * period_s).tolist()
        self._step_change = (limits.joint_acceleration_rad_s2 * period_s * period_s).tolist()
        self._tool_step_m = limits.tool_speed_m_s * period_s
        self._box = list(
            zip(limits.workspace_low_m.tolist(), limits.workspace_high_m.tolist(), strict=True)
        )
        self._last_step = [0.0] * len(self._low)

    def at_rest(self) -> None:
        """Forget the last step: the arm stands still."""
        self._last_step = [0.0] * len(self._low)

    def pass_through(
        self, backend: Backend, previous: Target, target: Target
    ) -> tuple[Target, Gate]:
        """Limit `target` as seen from `previous`. Returns it unchanged where nothing touched it.

        A gate that refuses is returned where the target, or where the arm is, cannot be right.
        """
        start = previous.joint_rad.tolist()
        goal = target.joint_rad.tolist()
        gripper = target.gripper
        grips = gripper != gripper or 0.0 <= gripper <= 1.0
        if grips and self._free(start, goal, previous.tool_m.tolist(), target.tool_m.tolist()):
            return target, CLEAR
        if not len(start) == len(goal) == self._joints:
            return target, Gate.BAD_SHAPE
        if not (is_finite(previous) and is_finite(target)):
            return target, Gate.NON_FINITE
        goal, gates = self._limit_joints(start, goal)
        if not grips:
            gates |= Gate.JOINT_LIMIT
            gripper = min(max(gripper, 0.0), 1.0)
        joints = target.joint_rad if not gates else np.array(goal, np.float32)
        tool = target.tool_m if not gates else backend.tool_at(joints)
        if math.dist(previous.tool_m.tolist(), tool.tolist()) > self._tool_step_m:
            gates |= Gate.TOOL_SPEED
            joints, tool = self._slow_down(backend, previous, joints, tool)
        if self._leaves_box(previous.tool_m, tool):
            gates |= Gate.WORKSPACE
            joints, tool = self._shorten(backend, previous, joints)
        if not gates:
            self._last_step = [g - s for s, g in zip(start, goal, strict=True)]
            return target, gates
        self._last_step = [g - s for s, g in zip(start, joints.tolist(), strict=True)]
        return target._replace(joint_rad=joints, tool_m=tool, gripper=gripper), gates

    def _free(
        self, start: list[float], goal: list[float], here_m: list[float], there_m: list[float]
    ) -> bool:
        """Whether nothing touches this step, as nearly always; it then counts as taken.

        One pass without calls: this is on the path of every step.
        """
        if not len(start) == len(goal) == self._joints:
            return False
        steps = []
        limits = self._low, self._high, self._step, self._step_change
        for here, there, last, low, high, most, most_change in zip(
            start, goal, self._last_step, *limits, strict=True
        ):
            step = there - here
            if not (
                low <= there <= high
                and -most <= step <= most
                and -most_change <= step - last <= most_change
            ):
                return False
            steps.append(step)
        x, y, z = there_m
        (x_low, x_high), (y_low, y_high), (z_low, z_high) = self._box
        if (
            not (x_low <= x <= x_high and y_low <= y <= y_high and z_low <= z <= z_high)
            or not math.dist(here_m, there_m) <= self._tool_step_m
        ):
            return False
        self._last_step = steps
        return True

    def _limit_joints(self, start: list[float], goal: list[float]) -> tuple[list[float], Gate]:
        gates = Gate.NONE
        limited = []
        for index, (here, there) in enumerate(zip(start, goal, strict=True)):
            low, high = self._low[index], self._high[index]
            if not low <= there <= high:
                gates |= Gate.JOINT_LIMIT
                # A joint found outside its range may come back, never go further out.
                there = min(max(there, min(low, here)), max(high, here))
            step = there - here
            if abs(step) > self._step[index]:
                gates |= Gate.JOINT_SPEED
                step = math.copysign(self._step[index], step)
            change = step - self._last_step[index]
            if abs(change) > self._step_change[index]:
                gates |= Gate.JOINT_ACCELERATION
                step = self._last_step[index] + math.copysign(self._step_change[index], change)
                step = min(max(step, min(low - here, 0.0)), max(high - here, 0.0))
            limited.append(here + step)
        return (limited, gates) if gates else (goal, gates)

    def _leaves_box(self, here_m: FloatArray, there_m: FloatArray) -> bool:
        """Whether the tool is outside on some axis, and further than it was."""
        return any(
            not min(low, here) <= there <= max(high, here)
            for here, there, (low, high) in zip(
                here_m.tolist(), there_m.tolist(), self._box, strict=True
            )
        )

    def _slow_down(
        self, backend: Backend, previous: Target, goal_rad: FloatArray, tool_m: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """The part of the step in which the tool keeps to its speed.

        Tried more than once, because the tool does not move in proportion to the joints.
        """
        here = previous.tool_m.tolist()
        share, joints = 1.0, goal_rad
        for _ in range(_SLOWINGS):
            distance_m = math.dist(here, tool_m.tolist())
            if distance_m <= self._tool_step_m:
                return joints, tool_m
            share *= _JUST_BELOW * self._tool_step_m / distance_m
            joints = _part(previous.joint_rad, goal_rad, share)
            tool_m = backend.tool_at(joints)
        return previous.joint_rad, previous.tool_m

    def _shorten(
        self, backend: Backend, previous: Target, goal_rad: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """The longest part of the step, to 1/64, that leaves the box no further than before."""
        here = previous.tool_m.tolist()
        kept, kept_tool = previous.joint_rad, previous.tool_m
        inside, outside = 0.0, 1.0
        for _ in range(_BISECTIONS):
            share = (inside + outside) / 2
            joints = _part(previous.joint_rad, goal_rad, share)
            tool = backend.tool_at(joints)
            slow = math.dist(here, tool.tolist()) <= self._tool_step_m
            if slow and not self._leaves_box(previous.tool_m, tool):
                inside, kept, kept_tool = share, joints, tool
            else:
                outside = share
        return kept, kept_tool


def _part(start_rad: FloatArray, goal_rad: FloatArray, share: float) -> FloatArray:
    part: FloatArray = start_rad + np.float32(share) * (goal_rad - start_rad)
    return part


def is_finite(target: Target) -> bool:
    """Whether `target` can be sent at all."""
    values = (*target.joint_rad.tolist(), *target.tool_m.tolist())
    # No gripper is NaN; an infinite one is none.
    return all(map(math.isfinite, values)) and not math.isinf(target.gripper)
