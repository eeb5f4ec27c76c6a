"""Forward and inverse kinematics of a serial arm, on plain floats.

An arm has few joints: for matrices of 3 x 3, plain floats are several times faster than numpy.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from math import cos, sin
from typing import Any, NamedTuple, Protocol

import numpy as np

from robofeed.kinematics.denavit_hartenberg import geometry
from robofeed.kinematics.model import Joint

Floats = Sequence[float]
Place = tuple[float, float, float]

DAMPING = 1e-4
"""lambda^2 in m^2: at a singular pose a step of 20 mm then moves no joint by more than 1 rad"""
POSTURE_GAIN = 0.08
"""share of the way to the home posture taken a step, as far as the tool is not moved by it"""
TURN_WEIGHT_M = 0.2
"""an error of 1 rad in the tool's direction weighs as much as one of 0.2 m in its position"""
TURN_PASSES = 2
TRAVEL_SHARE = 0.8
"""Share of a joint's speed that a plan uses. The rest is for what the servo lags behind: a plan
starts where the joint is, the speed limit counts from where it was sent."""
ITERATIONS = 4
TOLERANCE_M = 5e-4


class Solution(NamedTuple):
    """Joints in rad, where they put the tool (forward kinematics), and how far that is off."""

    joint_rad: list[float]
    tool_m: Place
    left_m: float


class Kinematics(Protocol):
    """What the simulator asks of an arm's geometry. A pose is worked out once and handed back."""

    def pose(self, joint_rad: Floats) -> Any:
        """Where everything is; has `tool_m`."""

    def solve(self, start_rad: Floats, pose: Any, goal_m: Floats) -> Solution:
        """Joints near `start_rad`, whose pose is `pose`, that bring the tool to `goal_m`.

        The joints stay within their limits and within one period's travel at full speed.
        """


class Pose(NamedTuple):
    """The tool's position and rotation (by rows), and each joint's origin and axis."""

    tool_m: Place
    tool_rotation: tuple[float, ...]
    joints: list[tuple[float, float, float, float, float, float]]


class Chain:
    """A serial chain of revolute joints from base to tool; inverse by damped least squares.

    With `hold_posture` the tool keeps the direction it has at home (as far as reachable); otherwise
    only its position counts, and what that leaves free drifts towards the home posture.
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
        self._geometry = geometry(joints)
        self._home = list(home_rad)
        self._home_rotation = self.pose(home_rad).tool_rotation if hold_posture else None

    def pose(self, joint_rad: Floats) -> Pose:
        """Forward kinematics."""
        (a, b, c, d, e, f, g, h, i), (x, y, z), links, tool_m = self._geometry
        joints = []
        for q, (turn, along_z, along_x, cos_twist, sin_twist) in zip(
            joint_rad, links, strict=False
        ):
            joints.append((x, y, z, c, f, i))
            q += turn
            co, si = cos(q), sin(q)
            u, v, w = co * b - si * a, co * e - si * d, co * h - si * g
            a, d, g = co * a + si * b, co * d + si * e, co * g + si * h
            if along_z:
                x, y, z = x + along_z * c, y + along_z * f, z + along_z * i
            if along_x:
                x, y, z = x + along_x * a, y + along_x * d, z + along_x * g
            if cos_twist:
                b, e, h, c, f, i = (
                    cos_twist * u + sin_twist * c,
                    cos_twist * v + sin_twist * f,
                    cos_twist * w + sin_twist * i,
                    cos_twist * c - sin_twist * u,
                    cos_twist * f - sin_twist * v,
                    cos_twist * i - sin_twist * w,
                )
            elif sin_twist > 0.0:
                b, e, h, c, f, i = c, f, i, -u, -v, -w
            else:
                b, e, h, c, f, i = -c, -f, -i, u, v, w
        joints.append((x, y, z, c, f, i))
        co, si = cos(joint_rad[-1]), sin(joint_rad[-1])
        a, b, d, e, g, h = (
            co * a + si * b,
            co * b - si * a,
            co * d + si * e,
            co * e - si * d,
            co * g + si * h,
            co * h - si * g,
        )
        px, py, pz = tool_m
        tool = (
            x + a * px + b * py + c * pz,
            y + d * px + e * py + f * pz,
            z + g * px + h * py + i * pz,
        )
        return Pose(tool, (a, b, c, d, e, f, g, h, i), joints)

    def tool(self, joint_rad: Floats) -> Place:
        """The tool's position in m."""
        return self.pose(joint_rad).tool_m

    def solve(self, start_rad: Floats, pose: Pose, goal_m: Floats) -> Solution:
        """Damped least squares (Wampler 1986), from `start_rad`.

        A joint that meets its limit stays there and the others go on. With `hold_posture` the
        first passes turn the tool as well; the later ones put its position right.
        """
        joints = list(start_rad)
        low, high, home = self.low, self.high, self._home_rotation
        turns = TURN_PASSES if home is not None else 0
        frozen: set[int] = set()
        gain = POSTURE_GAIN
        left_m, share = math.inf, 1.0
        for number in range(1, ITERATIONS + turns + 1):
            if home is not None and number <= turns:
                step = self._turning_step(joints, pose, goal_m, home)
            else:
                step = self._step(joints, pose, goal_m, gain, frozen)
                gain = 0.0
            for index, change in enumerate(step):
                wanted = joints[index] + change
                if not low[index] <= wanted <= high[index]:
                    wanted = min(max(wanted, low[index]), high[index])
                    frozen.add(index)
                joints[index] = wanted
            if number >= turns:
                share = within_travel(start_rad, joints, self.travel)
                if share < 1.0 and not frozen:
                    break  # no use in going on: the next period starts from where this one ends
            pose = self.pose(joints)
            left_m = math.dist(pose.tool_m, goal_m)
            if left_m < TOLERANCE_M and number >= turns:
                break
        if share < 1.0:
            joints = [q + share * (goal - q) for q, goal in zip(start_rad, joints, strict=True)]
            pose = self.pose(joints)
            left_m = math.dist(pose.tool_m, goal_m)
        return Solution(joints, pose.tool_m, left_m)

    def _step(
        self, joints: list[float], pose: Pose, goal_m: Floats, gain: float, frozen: set[int]
    ) -> list[float]:
        """One step for the position alone; `gain` pulls towards home in the null space."""
        tx, ty, tz = pose.tool_m
        ex, ey, ez = goal_m[0] - tx, goal_m[1] - ty, goal_m[2] - tz
        xx = yy = zz = DAMPING
        xy = xz = yz = 0.0
        columns: list[Place] = []
        for x, y, z, ax, ay, az in pose.joints:
            x, y, z = tx - x, ty - y, tz - z
            x, y, z = ay * z - az * y, az * x - ax * z, ax * y - ay * x
            if frozen and len(columns) in frozen:
                x = y = z = 0.0
            columns.append((x, y, z))
            xx += x * x
            yy += y * y
            zz += z * z
            xy += x * y
            xz += x * z
            yz += y * z
        pulls = [0.0] * len(columns)
        if gain:
            pulls = [gain * (home - q) for home, q in zip(self._home, joints, strict=True)]
            for (x, y, z), pull in zip(columns, pulls, strict=True):
                ex -= x * pull
                ey -= y * pull
                ez -= z * pull
        # Cramer's rule on the symmetric 3 x 3 system (J J^T + lambda^2 I) w = e.
        m0, m1, m2 = yy * zz - yz * yz, xz * yz - xy * zz, xy * yz - xz * yy
        m4, m5, m8 = xx * zz - xz * xz, xy * xz - xx * yz, xx * yy - xy * xy
        scale = 1.0 / (xx * m0 + xy * m1 + xz * m2)
        wx = (m0 * ex + m1 * ey + m2 * ez) * scale
        wy = (m1 * ex + m4 * ey + m5 * ez) * scale
        wz = (m2 * ex + m5 * ey + m8 * ez) * scale
        return [
            pull + x * wx + y * wy + z * wz for (x, y, z), pull in zip(columns, pulls, strict=True)
        ]

    def _turning_step(
        self, joints: list[float], pose: Pose, goal_m: Floats, wanted: tuple[float, ...]
    ) -> list[float]:
        """One step for position and direction together, weighted."""
        tx, ty, tz = pose.tool_m
        now = pose.tool_rotation
        # Half the sum of cross products of the present and the wanted axes: the sine of the error.
        turn = np.cross(np.array(now).reshape(3, 3), np.array(wanted).reshape(3, 3), axis=0).sum(
            axis=1
        ) * (0.5 * TURN_WEIGHT_M)
        error = np.array([goal_m[0] - tx, goal_m[1] - ty, goal_m[2] - tz, *turn])
        places = np.array(pose.joints)
        arms, axes = pose.tool_m - places[:, :3], places[:, 3:]
        jacobian = np.concatenate([np.cross(axes, arms), TURN_WEIGHT_M * axes], axis=1)
        pull = POSTURE_GAIN * (np.array(self._home) - joints)
        system = jacobian.T @ jacobian + DAMPING * np.eye(6)
        weights = np.linalg.solve(system, error - pull @ jacobian)
        step: list[float] = (pull + jacobian @ weights).tolist()
        return step


def within_travel(start_rad: Floats, goal_rad: Floats, travel_rad: Floats) -> float:
    """The share of the way to the goal that no joint's travel forbids."""
    share = 1.0
    for start, goal, travel in zip(start_rad, goal_rad, travel_rad, strict=True):
        away = abs(goal - start)
        if away * share > travel:
            share = travel / away
    return share
