"""Kinematics of an arm that pans about a vertical axis and folds in a plane: the so101's kind.

Pan, three parallel pitch joints, and a roll along the last part: the pan angle has a closed form,
and what is left is a problem of three joints in a plane, some five times cheaper than the general
one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from math import cos, sin
from typing import NamedTuple

import numpy as np

from robofeed.kinematics.chain import (
    DAMPING,
    ITERATIONS,
    POSTURE_GAIN,
    TOLERANCE_M,
    TRAVEL_SHARE,
    Floats,
    Place,
    Solution,
    within_travel,
)
from robofeed.kinematics.model import Joint

PITCH_STEP_RAD = 0.15
"""largest change of the tool's pitch a step while it is brought down"""
_ALIGNED = 1e-9


class PlanarPose(NamedTuple):
    """The tool's position, and in the arm's plane: tool, the three pitch joints, the pitch."""

    tool_m: Place
    across_m: float
    up_m: float
    aside_m: float
    """the tool's distance from the plane"""
    joints: tuple[float, float, float, float, float, float]
    """across and up of each pitch joint"""
    pitch_rad: float


def is_planar(joints: Sequence[Joint]) -> bool:
    """Whether these joints, base to tool, are of the kind `PlanarArm` solves."""
    moving = [joint for joint in joints if joint.kind != "fixed"]
    offsets = [joint.parent_from_joint for joint in joints]
    return (
        len(moving) == 5
        and all(np.abs(matrix[:3, :3] - np.eye(3)).max() < _ALIGNED for matrix in offsets)
        and all(abs(matrix[1, 3]) < _ALIGNED for matrix in offsets)
        and abs(offsets[joints.index(moving[0])][0, 3]) < _ALIGNED
        and abs(moving[0].axis[2]) == 1.0
        and all(joint.axis == (0.0, 1.0, 0.0) for joint in moving[1:4])
        and abs(moving[4].axis[0]) == 1.0
    )


class PlanarArm:
    """Pan, three pitches and a roll. See `Kinematics`.

    With `hold_posture` the tool's pitch goes to that of the home posture as far as reachable, and
    the roll follows the pan so that the fingers keep their direction in the room. Otherwise the
    pitch drifts towards home and the roll stays as it is.
    """

    def __init__(
        self,
        joints: Sequence[Joint],
        home_rad: Floats,
        period_s: float,
        *,
        hold_posture: bool = False,
    ) -> None:
        moving = [joint for joint in joints if joint.kind != "fixed"]
        self.low = [joint.low for joint in moving]
        self.high = [joint.high for joint in moving]
        self.travel = [joint.speed * period_s * TRAVEL_SHARE for joint in moving]
        starts = [joints.index(joint) for joint in moving]
        sections = [
            [joint.parent_from_joint[:3, 3] for joint in joints[start + 1 : stop + 1]]
            for start, stop in zip(starts, [*starts[1:], len(joints) - 1], strict=True)
        ]
        base, upper, lower, wrist, tool = (
            np.sum([np.zeros(3), *section], axis=0).tolist() for section in sections
        )
        height = sum(joint.parent_from_joint[2, 3] for joint in joints[: starts[0] + 1])
        self._tool_up = tool[2]
        self._pan_sign = moving[0].axis[2]
        self._roll_sign = moving[4].axis[0]
        self._figures = (
            base[0],
            base[2] + float(height),
            *(upper[0], upper[2]),
            *(lower[0], lower[2]),
            *(wrist[0] + tool[0], wrist[2]),
            self._tool_up,
            self._pan_sign,
            self._roll_sign,
        )
        # Lengths and directions of the two links that carry the wrist.
        self._links = (
            math.hypot(upper[0], upper[2]),
            math.atan2(upper[2], upper[0]),
            math.hypot(lower[0], lower[2]),
            math.atan2(upper[2], upper[0]) - math.atan2(lower[2], lower[0]),
        )
        self._hold = hold_posture
        self._home_pitch = sum(home_rad[1:4])
        # Pointing down, a turn of the room about z by psi is undone by a roll about x by psi.
        self._home_roll = home_rad[4]
        self._home_yaw = self._pan_sign * home_rad[0]

    def pose(self, joint_rad: Floats) -> PlanarPose:
        """Forward kinematics."""
        pan, lift, elbow, flex, roll = joint_rad
        across1, up1, ux, uz, lx, lz, wx, wz, tool_up, pan_sign, roll_sign = self._figures
        c, s = cos(lift), sin(lift)
        across2, up2 = across1 + c * ux + s * uz, up1 + c * uz - s * ux
        pitch = lift + elbow
        c, s = cos(pitch), sin(pitch)
        across3, up3 = across2 + c * lx + s * lz, up2 + c * lz - s * lx
        pitch += flex
        c, s = cos(pitch), sin(pitch)
        turn = roll_sign * roll
        wz += cos(turn) * tool_up
        aside = -sin(turn) * tool_up
        across, up = across3 + c * wx + s * wz, up3 + c * wz - s * wx
        yaw = pan_sign * pan
        c, s = cos(yaw), sin(yaw)
        return PlanarPose(
            (c * across - s * aside, s * across + c * aside, up),
            across,
            up,
            aside,
            (across1, up1, across2, up2, across3, up3),
            pitch,
        )

    def solve(self, start_rad: Floats, pose: PlanarPose, goal_m: Floats) -> Solution:
        """The pan in closed form, the pitch by one damped step, the other two joints to fit.

        Where that leaves reach or limits, damped least squares in the plane come as near as they
        can: a joint that meets its limit stays there and the others go on.
        """
        x, y, up = goal_m
        pan, lift, elbow, flex, roll = start_rad
        aside = pose.aside_m
        pan = self._pan(pan, x, y, aside)
        if self._hold:
            yaw = self._pan_sign * pan - self._home_yaw
            roll = self._home_roll + self._roll_sign * yaw
            roll = min(max(roll, self.low[4]), self.high[4])
            aside = -sin(self._roll_sign * roll) * self._tool_up
            pan = self._pan(pan, x, y, aside)
        yaw = self._pan_sign * pan
        # What the pan reaches, which at its limit or behind the base is not the goal's bearing.
        across = cos(yaw) * x + sin(yaw) * y
        step = self._step(pose, across, up, (1.0, 1.0, 1.0))
        d1, d2, d3 = self._turned(pose, *step)
        joints = [pan, lift + d1, elbow + d2, flex + d3, roll]
        if not self._fit(joints, elbow, across, up):
            self._descend(joints, across, up)
        share = within_travel(start_rad, joints, self.travel)
        if share < 1.0:
            joints = [
                start + share * (goal - start)
                for start, goal in zip(start_rad, joints, strict=True)
            ]
        tool = self.pose(joints).tool_m
        return Solution(joints, tool, math.dist(tool, goal_m))

    def _pan(self, now: float, x: float, y: float, aside: float) -> float:
        """The pan, nearest to `now`, that brings (x, y) into the plane's parallel at `aside`.

        An arm may lean over the pan's axis: then (x, y) is behind it, and the pan is not to turn
        round to face it.
        """
        across = math.sqrt(max(x * x + y * y - aside * aside, 0.0))
        pan = self._facing(now, x, y, aside, across)
        if abs(pan - now) > math.pi / 2:
            other = self._facing(now, x, y, aside, -across)
            low, high = self.low[0], self.high[0]
            if low <= other <= high and (
                abs(other - now) < abs(pan - now) or not low <= pan <= high
            ):
                pan = other
        return min(max(pan, self.low[0]), self.high[0])

    def _facing(self, now: float, x: float, y: float, aside: float, across: float) -> float:
        """The pan nearest to `now`, in range or not, with (x, y) at `across` and `aside`."""
        yaw = math.atan2(y, x) - math.atan2(aside, across)
        return math.remainder(self._pan_sign * yaw - now, math.tau) + now

    def _step(
        self, pose: PlanarPose, across: float, up: float, free: tuple[float, float, float]
    ) -> tuple[float, float, float]:
        """One damped step of the pitch joints towards a point of the plane; `free` is 0 or 1."""
        r, z = pose.across_m, pose.up_m
        r1, z1, r2, z2, r3, z3 = pose.joints
        f1, f2, f3 = free
        # A pitch about y moves a point at (r, z) from its joint by (z, -r).
        a1, a2, a3 = (z - z1) * f1, (z - z2) * f2, (z - z3) * f3
        b1, b2, b3 = (r1 - r) * f1, (r2 - r) * f2, (r3 - r) * f3
        er, ez = across - r, up - z
        aa = a1 * a1 + a2 * a2 + a3 * a3 + DAMPING
        bb = b1 * b1 + b2 * b2 + b3 * b3 + DAMPING
        ab = a1 * b1 + a2 * b2 + a3 * b3
        scale = 1.0 / (aa * bb - ab * ab)
        wr, wz = (bb * er - ab * ez) * scale, (aa * ez - ab * er) * scale
        return a1 * wr + b1 * wz, a2 * wr + b2 * wz, a3 * wr + b3 * wz

    def _turned(
        self, pose: PlanarPose, d1: float, d2: float, d3: float
    ) -> tuple[float, float, float]:
        """A step, and a turn towards the home pitch that leaves the tool in place."""
        r, z = pose.across_m, pose.up_m
        r1, z1, r2, z2, r3, z3 = pose.joints
        # The only motion of three joints that keeps a point of the plane: across both gradients.
        n1 = (z - z2) * (r3 - r) - (z - z3) * (r2 - r)
        n2 = (z - z3) * (r1 - r) - (z - z1) * (r3 - r)
        n3 = (z - z1) * (r2 - r) - (z - z2) * (r1 - r)
        wish = self._home_pitch - pose.pitch_rad
        if self._hold:
            wish = min(max(wish - d1 - d2 - d3, -PITCH_STEP_RAD), PITCH_STEP_RAD)
        else:
            wish *= POSTURE_GAIN
        length = math.sqrt(n1 * n1 + n2 * n2 + n3 * n3) + 1e-12
        turned = (n1 + n2 + n3) / length
        # Damped: where the joints can hardly turn the tool in place they are not asked to.
        share = wish * turned / (turned * turned + 0.01) / length
        return d1 + share * n1, d2 + share * n2, d3 + share * n3

    def _fit(self, joints: list[float], elbow: float, across: float, up: float) -> bool:
        """Bring the tool onto a point exactly, keeping its pitch; whether that is possible.

        The elbow stays on the side of the arm on which it is at `elbow`.
        """
        across1, up1, _, _, _, _, wx, wz, tool_up, _, roll_sign = self._figures
        upper, upper_rad, lower, bend_rad = self._links
        pitch = joints[1] + joints[2] + joints[3]
        c, s = cos(pitch), sin(pitch)
        wz += cos(roll_sign * joints[4]) * tool_up
        x, z = across - across1 - c * wx - s * wz, up - up1 - c * wz + s * wx
        c = (x * x + z * z - upper * upper - lower * lower) / (2.0 * upper * lower)
        if not -1.0 < c < 1.0:
            return False
        s = math.copysign(math.sqrt(1.0 - c * c), sin(elbow + bend_rad))
        flexed = math.atan2(s, c) - bend_rad
        raised = upper_rad - math.atan2(z, x) - math.atan2(lower * s, upper + lower * c)
        raised = math.remainder(raised, math.tau)
        low, high = self.low, self.high
        wrist = pitch - raised - flexed
        if not (
            low[1] <= raised <= high[1]
            and low[2] <= flexed <= high[2]
            and low[3] <= wrist <= high[3]
        ):
            return False
        joints[1], joints[2], joints[3] = raised, flexed, wrist
        return True

    def _descend(self, joints: list[float], across: float, up: float) -> None:
        """Bring the tool as near to a point of the plane as limits and reach allow, in place."""
        low, high = self.low, self.high
        free = [1.0, 1.0, 1.0]
        step = (0.0, 0.0, 0.0)
        for _ in range(ITERATIONS):
            for index, change in enumerate(step, 1):
                wanted = joints[index] + change
                joints[index] = min(max(wanted, low[index]), high[index])
                if joints[index] != wanted:
                    free[index - 1] = 0.0
            pose = self.pose(joints)
            if abs(across - pose.across_m) + abs(up - pose.up_m) < TOLERANCE_M:
                break
            step = self._step(pose, across, up, (free[0], free[1], free[2]))
