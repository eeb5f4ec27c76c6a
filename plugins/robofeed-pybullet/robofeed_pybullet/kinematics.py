"""Forward and inverse kinematics of a serial arm, on plain floats.

An arm has few joints: for matrices of 3 x 3, plain floats are several times faster than numpy.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from robofeed_pybullet.model import Joint, Matrix

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
TOLERANCE_M = 2e-4


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
        self._links, self._tool = _aligned(joints)
        self._home = list(home_rad)
        self._home_rotation = self.pose(home_rad).tool_rotation if hold_posture else None

    def pose(self, joint_rad: Floats) -> Pose:
        """Forward kinematics."""
        a, b, c = 1.0, 0.0, 0.0
        d, e, f = 0.0, 1.0, 0.0
        g, h, i = 0.0, 0.0, 1.0
        x = y = z = 0.0
        joints = []
        for q, (px, py, pz, r0, r1, r2, r3, r4, r5, r6, r7, r8) in zip(
            joint_rad, self._links, strict=True
        ):
            x += a * px + b * py + c * pz
            y += d * px + e * py + f * pz
            z += g * px + h * py + i * pz
            ux = a * r0 + b * r3 + c * r6
            uy = d * r0 + e * r3 + f * r6
            uz = g * r0 + h * r3 + i * r6
            vx = a * r1 + b * r4 + c * r7
            vy = d * r1 + e * r4 + f * r7
            vz = g * r1 + h * r4 + i * r7
            c, f, i = (
                a * r2 + b * r5 + c * r8,
                d * r2 + e * r5 + f * r8,
                g * r2 + h * r5 + i * r8,
            )
            cos, sin = math.cos(q), math.sin(q)
            a, d, g = cos * ux + sin * vx, cos * uy + sin * vy, cos * uz + sin * vz
            b, e, h = cos * vx - sin * ux, cos * vy - sin * uy, cos * vz - sin * uz
            joints.append((x, y, z, c, f, i))
        px, py, pz = self._tool
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
        frozen: set[int] = set()
        gain = POSTURE_GAIN
        left_m = math.inf
        for number in range(ITERATIONS + (TURN_PASSES if self._home_rotation else 0)):
            if self._home_rotation is not None and number < TURN_PASSES:
                step = self._turning_step(joints, pose, goal_m, self._home_rotation)
            else:
                step = self._step(joints, pose, goal_m, gain, frozen)
                gain = 0.0
            for index, change in enumerate(step):
                wanted = joints[index] + change
                limited = min(max(wanted, self.low[index]), self.high[index])
                if limited != wanted:
                    frozen.add(index)
                joints[index] = limited
            pose = self.pose(joints)
            left_m = math.dist(pose.tool_m, goal_m)
            if left_m < TOLERANCE_M and number:
                break
        share = within_travel(start_rad, joints, self.travel)
        if share < 1.0:
            joints = [
                start + share * (goal - start)
                for start, goal in zip(start_rad, joints, strict=True)
            ]
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
        columns = []
        pulls = []
        for index, (x, y, z, ax, ay, az) in enumerate(pose.joints):
            if index in frozen:
                columns.append((0.0, 0.0, 0.0))
                pulls.append(0.0)
                continue
            x, y, z = tx - x, ty - y, tz - z
            jx, jy, jz = ay * z - az * y, az * x - ax * z, ax * y - ay * x
            columns.append((jx, jy, jz))
            pull = gain * (self._home[index] - joints[index])
            pulls.append(pull)
            ex -= jx * pull
            ey -= jy * pull
            ez -= jz * pull
            xx += jx * jx
            yy += jy * jy
            zz += jz * jz
            xy += jx * jy
            xz += jx * jz
            yz += jy * jz
        # Cramer's rule on the symmetric 3 x 3 system (J J^T + lambda^2 I) w = e.
        m0, m1, m2 = yy * zz - yz * yz, xz * yz - xy * zz, xy * yz - xz * yy
        m4, m5, m8 = xx * zz - xz * xz, xy * xz - xx * yz, xx * yy - xy * xy
        scale = 1.0 / (xx * m0 + xy * m1 + xz * m2)
        wx = (m0 * ex + m1 * ey + m2 * ez) * scale
        wy = (m1 * ex + m4 * ey + m5 * ez) * scale
        wz = (m2 * ex + m5 * ey + m8 * ez) * scale
        return [
            pull + jx * wx + jy * wy + jz * wz
            for (jx, jy, jz), pull in zip(columns, pulls, strict=True)
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


def _aligned(joints: Sequence[Joint]) -> tuple[list[tuple[float, ...]], Place]:
    """Each joint's fixed transform (position, then rotation by rows) with the joint's axis along z.

    Fixed joints are merged into the next; what follows the last moving joint is the tool's offset.
    """
    links = []
    pending: Matrix = np.eye(4)
    for joint in joints:
        pending = pending @ joint.parent_from_joint
        if joint.kind == "fixed":
            continue
        align = _z_onto(np.array(joint.axis))
        pending = pending @ align
        rotation, position = pending[:3, :3], pending[:3, 3]
        links.append((*position.tolist(), *rotation.ravel().tolist()))
        pending = align.T
    x, y, z = pending[:3, 3].tolist()
    return links, (x, y, z)


def _z_onto(axis: Matrix) -> Matrix:
    """A rotation (4 x 4) that turns the z axis onto `axis`."""
    z = axis / np.linalg.norm(axis)
    x = np.cross((0.0, 1.0, 0.0), z)
    if np.linalg.norm(x) < 1e-6:
        x = np.cross((1.0, 0.0, 0.0), z)
    x /= np.linalg.norm(x)
    rotation = np.eye(4)
    rotation[:3, :3] = np.stack([x, np.cross(z, x), z], axis=1)
    return rotation
