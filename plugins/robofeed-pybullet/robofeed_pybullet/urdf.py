"""Reading the kinematic chain out of a URDF file."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from robofeed.data.errors import ConfigError

Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class UrdfJoint:
    """One joint: where it sits in its parent link, and what it may do. Fixed joints have no axis."""

    name: str
    parent: str
    child: str
    parent_from_joint: Matrix
    axis: tuple[float, float, float] | None
    low: float = 0.0
    high: float = 0.0
    speed: float = 0.0
    effort: float = 0.0


def read_joints(path: Path) -> dict[str, UrdfJoint]:
    """The joints of a URDF file by name.

    Raises:
        ConfigError: not a URDF file.
    """
    try:
        root = ElementTree.parse(path).getroot()
    except (OSError, ElementTree.ParseError) as error:
        raise ConfigError(f"cannot read the arm model {path}: {error}") from error
    joints = {}
    for element in root.findall("joint"):
        joint = _joint(element)
        joints[joint.name] = joint
    return joints


def chain_to(joints: dict[str, UrdfJoint], tool_link: str) -> list[UrdfJoint]:
    """The joints from the base to `tool_link`, base first.

    Raises:
        ConfigError: no such link.
    """
    by_child = {joint.child: joint for joint in joints.values()}
    if tool_link not in by_child:
        raise ConfigError(f"the arm model has no link {tool_link!r} to use as the tool")
    chain: list[UrdfJoint] = []
    link = tool_link
    while link in by_child:
        chain.append(by_child[link])
        link = by_child[link].parent
    return chain[::-1]


def transform(position_m: list[float], rpy_rad: list[float]) -> Matrix:
    """A 4 x 4 transform from a position and URDF's roll, pitch, yaw (about fixed x, y, z)."""
    (cr, sr), (cp, sp), (cy, sy) = ((math.cos(angle), math.sin(angle)) for angle in rpy_rad)
    return np.array(
        [
            [cy * cp, cy * sp * sr - sy * cr, cy * sp * cr + sy * sr, position_m[0]],
            [sy * cp, sy * sp * sr + cy * cr, sy * sp * cr - cy * sr, position_m[1]],
            [-sp, cp * sr, cp * cr, position_m[2]],
            [0.0, 0.0, 0.0, 1.0],
        ]
    )


def _joint(element: ElementTree.Element) -> UrdfJoint:
    origin, axis, limit = (element.find(tag) for tag in ("origin", "axis", "limit"))
    limits = {} if limit is None else limit.attrib
    moves = element.get("type") != "fixed"
    x, y, z = _numbers(axis, "xyz", [1.0, 0.0, 0.0])
    return UrdfJoint(
        name=element.attrib["name"],
        parent=_link(element, "parent"),
        child=_link(element, "child"),
        parent_from_joint=transform(
            _numbers(origin, "xyz", [0.0] * 3), _numbers(origin, "rpy", [0.0] * 3)
        ),
        axis=(x, y, z) if moves else None,
        low=float(limits.get("lower", 0.0)),
        high=float(limits.get("upper", 0.0)),
        speed=float(limits.get("velocity", 0.0)),
        effort=float(limits.get("effort", 0.0)),
    )


def _link(element: ElementTree.Element, role: str) -> str:
    found = element.find(role)
    return "" if found is None else found.attrib["link"]


def _numbers(element: ElementTree.Element | None, key: str, default: list[float]) -> list[float]:
    text = None if element is None else element.get(key)
    return default if text is None else [float(part) for part in text.split()]
