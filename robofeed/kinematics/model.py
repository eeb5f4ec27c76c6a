"""An arm's model: links of primitive shapes, and the joints between them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from robofeed.data.errors import ConfigError

Matrix = NDArray[np.float64]
"""4 x 4, a transform"""
ShapeKind = Literal["box", "cylinder", "sphere", "mesh"]


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """A primitive shape in its link.

    `size_m`: box, full edges; cylinder, diameter twice and height; sphere, diameter thrice. A mesh
    has a file instead, and is turned into the box round it before use.
    """

    kind: ShapeKind
    size_m: tuple[float, float, float]
    link_from_shape: Matrix
    colour: tuple[float, float, float, float] | None = None
    mesh: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Link:
    """A rigid part. `inertia` None = computed from its shapes; six figures xx xy xz yy yz zz."""

    name: str
    mass_kg: float
    link_from_inertia: Matrix
    inertia: tuple[float, ...] | None
    collision: tuple[Shape, ...]
    visual: tuple[Shape, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Joint:
    """A joint: where it sits in its parent link when at 0, and what it may do."""

    name: str
    kind: Literal["revolute", "prismatic", "fixed"]
    parent: str
    child: str
    parent_from_joint: Matrix
    axis: tuple[float, float, float] = (0.0, 0.0, 1.0)
    low: float = 0.0
    high: float = 0.0
    speed: float = 0.0
    effort: float = 0.0
    follows: tuple[str, float] | None = None
    """the joint that it moves with, and how far as a share of that: not driven by itself"""


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """Links and joints by name."""

    name: str
    links: dict[str, Link]
    joints: dict[str, Joint]

    def chain_to(self, link: str) -> list[Joint]:
        """The joints from the base to `link`, base first.

        Raises:
            ConfigError: no such link.
        """
        by_child = {joint.child: joint for joint in self.joints.values()}
        if link not in by_child:
            raise ConfigError(f"the model {self.name} has no link {link!r} to use as the tool")
        chain: list[Joint] = []
        while link in by_child:
            chain.append(by_child[link])
            link = by_child[link].parent
        return chain[::-1]

    def with_fixed(self, positions: dict[str, float]) -> Model:
        """The same arm with some joints fixed at these positions."""
        joints = {
            name: fixed_at(joint, positions[name]) if name in positions else joint
            for name, joint in self.joints.items()
        }
        return replace(self, joints=joints)

    def with_tool(self, parent: str, position_m: tuple[float, float, float]) -> Model:
        """The same arm with a link `tool` at a point of another link."""
        links, joints = dict(self.links), dict(self.joints)
        links["tool"] = Link("tool", 0.0, np.eye(4), None, (), ())
        joints["tool"] = Joint("tool", "fixed", parent, "tool", transform(position_m, (0, 0, 0)))
        return replace(self, links=links, joints=joints)


def fixed_at(joint: Joint, position: float) -> Joint:
    """`joint` held at `position` (rad or m) for good."""
    moved = np.eye(4)
    axis = np.array(joint.axis) / np.linalg.norm(joint.axis)
    if joint.kind == "prismatic":
        moved[:3, 3] = position * axis
    else:
        moved[:3, :3] = rotation(axis, position)
    return replace(joint, kind="fixed", parent_from_joint=joint.parent_from_joint @ moved)


def rotation(axis: NDArray[np.float64], angle_rad: float) -> NDArray[np.float64]:
    """The 3 x 3 rotation by an angle about a unit axis (Rodrigues)."""
    x, y, z = axis
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    turned: NDArray[np.float64] = (
        np.eye(3) + math.sin(angle_rad) * cross + (1.0 - math.cos(angle_rad)) * (cross @ cross)
    )
    return turned


def transform(position_m: Sequence[float], rpy_rad: Sequence[float]) -> Matrix:
    """A transform from a position and roll, pitch, yaw about the fixed axes x, y, z."""
    (cr, sr), (cp, sp), (cy, sy) = ((math.cos(angle), math.sin(angle)) for angle in rpy_rad)
    return np.array(
        [
            [cy * cp, cy * sp * sr - sy * cr, cy * sp * cr + sy * sr, position_m[0]],
            [sy * cp, sy * sp * sr + cy * cr, sy * sp * cr - cy * sr, position_m[1]],
            [-sp, cp * sr, cp * cr, position_m[2]],
            [0.0, 0.0, 0.0, 1.0],
        ]
    )


def roll_pitch_yaw(matrix: Matrix) -> tuple[float, float, float]:
    """The angles that `transform` turns into this rotation."""
    pitch = math.atan2(-matrix[2, 0], math.hypot(matrix[0, 0], matrix[1, 0]))
    if abs(matrix[2, 0]) > 1.0 - 1e-9:
        # Gimbal lock: roll and yaw turn about one axis, so all of it is called yaw.
        return 0.0, pitch, math.atan2(-matrix[0, 1], matrix[1, 1])
    return (
        math.atan2(matrix[2, 1], matrix[2, 2]),
        pitch,
        math.atan2(matrix[1, 0], matrix[0, 0]),
    )
