"""Forward and inverse kinematics of a serial arm, on plain floats.

An arm has few joints: for matrices of 3 x 3, plain floats are several times faster than numpy.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from robofeed_pybullet.urdf import Matrix, UrdfJoint

Floats = Sequence[float]

DAMPING = 1e-4
"""lambda^2 in m^2: at a singular pose a step of 20 mm then moves no joint by more than 1 rad"""
POSTURE_GAIN = 0.08
"""share of the way to the home posture taken a step, as far as the tool is not moved by it"""
ITERATIONS = 4
TOLERANCE_M = 2e-4


class Pose(NamedTuple):
    """The tool's position, and for each joint its origin and axis, in the base frame."""

    tool_m: tuple[float, float, float]
    joints: list[tuple[float, float, float, float, float, float]]


class Chain:
    """A serial chain of revolute joints from base to tool."""

    def __init__(self, joints: Sequence[UrdfJoint], home_rad: Floats) -> None:
        self.low = [joint.low for joint in joints if joint.axis]
        self.high = [joint.high for joint in joints if joint.axis]
        self.home = list(home_rad)
        self._links, self._tool = _aligned(joints)

    def pose(self, joint_rad: Floats) -> Pose:
        """Forward kinematics with the joints' origins and axes."""
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
        return Pose(tool, joints)

    def tool(self, joint_rad: Floats) -> tuple[float, float, float]:
        """The tool's position in m."""
        return self.pose(joint_rad).tool_m

    def solve(
        self, start_rad: Floats, goal_m: Floats, pose: Pose | None = None
    ) -> tuple[list[float], Floats, float]:
        """Joints within their limits that bring the tool to `goal_m`, near `start_rad`.

        Damped least squares (Wampler 1986); what the task leaves free moves towards the home
        posture. `pose` is that of `start_rad` where it is known. A joint that meets its limit stays there and the others go on.

        Returns:
            The joints in rad, where the tool then is (forward kinematics), and the distance left.
        """
        joints = list(start_rad)
        pose = pose or self.pose(joints)
        gain = POSTURE_GAIN
        frozen: set[int] = set()
        for _ in range(ITERATIONS):
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
            if left_m < TOLERANCE_M:
                break
        return joints, pose.tool_m, left_m

    def _step(
        self, joints: list[float], pose: Pose, goal_m: Floats, gain: float, frozen: set[int]
    ) -> list[float]:
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
            pull = gain * (self.home[index] - joints[index])
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
        scale = 1.0 / (xx * m0 + xy * m1 + xz * m2)
        wx = (m0 * ex + m1 * ey + m2 * ez) * scale
        wy = (m1 * ex + (xx * zz - xz * xz) * ey + (xy * xz - xx * yz) * ez) * scale
        wz = (m2 * ex + (xy * xz - xx * yz) * ey + (xx * yy - xy * xy) * ez) * scale
        return [
            pull + jx * wx + jy * wy + jz * wz
            for (jx, jy, jz), pull in zip(columns, pulls, strict=True)
        ]


def _aligned(
    joints: Sequence[UrdfJoint],
) -> tuple[list[tuple[float, ...]], tuple[float, float, float]]:
    """Each joint's fixed transform (position, then rotation by rows) with the joint's axis along z.

    Fixed joints are merged into the next; what follows the last moving joint is the tool's offset.
    """
    links = []
    pending: Matrix = np.eye(4)
    for joint in joints:
        pending = pending @ joint.parent_from_joint
        if joint.axis is None:
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
