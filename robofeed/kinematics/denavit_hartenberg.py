"""A chain's geometry in Denavit and Hartenberg's parameters (J. Applied Mechanics 22, 1955).

A joint is then a turn about z, a shift along z and x, and a twist about x, where the twist is a
right angle or none for most arms: half the arithmetic of general transforms.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from robofeed.kinematics.model import Joint, Matrix

_PARALLEL = 1e-9

Vector = NDArray[np.float64]


class Link(NamedTuple):
    """From one joint's axis to the next: turned by the joint plus `turn`, then shift and twist."""

    turn_rad: float
    along_z_m: float
    along_x_m: float
    cos_twist: float
    sin_twist: float


class Geometry(NamedTuple):
    """A chain of n joints: its first frame in the base, n - 1 links, and the tool in the last."""

    base_rotation: tuple[float, ...]
    """by rows"""
    base_m: tuple[float, float, float]
    links: list[Link]
    tool_m: tuple[float, float, float]


def geometry(joints: Sequence[Joint]) -> Geometry:
    """That of these joints, fixed ones among them, from base to tool."""
    points, axes, tool = _at_zero(joints)
    origin, x = points[0], _any_across(axes[0])
    first = _frame(x, axes[0])
    base_m = _floats(origin)
    links = []
    for index, (z, next_z) in enumerate(pairwise(axes)):
        foot, next_origin, next_x = _normal(origin, x, z, points[index + 1], next_z)
        turn = math.atan2(float(np.cross(x, next_x) @ z), float(x @ next_x))
        links.append(
            Link(
                turn_rad=turn,
                along_z_m=float((foot - origin) @ z),
                along_x_m=float((next_origin - foot) @ next_x),
                cos_twist=_clean(float(z @ next_z)),
                sin_twist=_clean(float(np.cross(z, next_z) @ next_x)),
            )
        )
        origin, x = next_origin, next_x
    last = _frame(x, axes[-1])
    return Geometry(tuple(first.ravel().tolist()), base_m, links, _floats(last.T @ (tool - origin)))


def _at_zero(joints: Sequence[Joint]) -> tuple[list[Vector], list[Vector], Vector]:
    """A point and the direction of each moving joint's axis, and the tool, with all joints at 0."""
    pose: Matrix = np.eye(4)
    points, axes = [], []
    for joint in joints:
        pose = pose @ joint.parent_from_joint
        if joint.kind != "fixed":
            axis = np.array(joint.axis)
            points.append(pose[:3, 3].copy())
            axes.append(pose[:3, :3] @ axis / np.linalg.norm(axis))
    return points, axes, pose[:3, 3]


def _normal(
    origin: Vector, x: Vector, z: Vector, next_point: Vector, next_z: Vector
) -> tuple[Vector, Vector, Vector]:
    """The common normal of two axes: its feet on either, and its direction."""
    across = np.cross(z, next_z)
    size = float(np.linalg.norm(across))
    apart = next_point - origin
    if size < _PARALLEL:
        sideways = apart - (apart @ z) * z
        length = float(np.linalg.norm(sideways))
        direction = sideways / length if length > _PARALLEL else x
        return origin, origin + sideways, direction
    # The feet are where the line between the axes is square to both.
    along = float(np.cross(apart, next_z) @ across) / size**2
    next_along = float(np.cross(apart, z) @ across) / size**2
    return origin + along * z, next_point + next_along * next_z, across / size


def _any_across(z: Vector) -> Vector:
    x = np.cross((0.0, 1.0, 0.0), z)
    if np.linalg.norm(x) < 1e-6:
        x = np.cross((1.0, 0.0, 0.0), z)
    unit: Vector = x / np.linalg.norm(x)
    return unit


def _frame(x: Vector, z: Vector) -> Matrix:
    return np.stack([x, np.cross(z, x), z], axis=1)


def _clean(value: float) -> float:
    """Right angles in a model file are rounded to five digits or so; here they are exact."""
    nearest = round(value)
    return float(nearest) if abs(value - nearest) < 1e-9 else value


def _floats(vector: Any) -> tuple[float, float, float]:
    x, y, z = (float(value) for value in vector)
    return x, y, z
