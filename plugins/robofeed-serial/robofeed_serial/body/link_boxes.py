"""What an arm's links are made of, as boxes: by its model's shapes, or a radius in its file."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from robofeed import ConfigError
from robofeed.data.errors import did_you_mean
from robofeed.kinematics.model import Matrix, Model
from robofeed_serial.arms.description import ArmDescription

FINGERTIP_M = 0.01
"""So far beyond the tool point do fingers reach, where only their thickness is known."""


class LinkBox(NamedTuple):
    """A box fixed to a link."""

    link: str
    half_m: tuple[float, float, float]
    link_from_box: Matrix


def link_boxes(arm: ArmDescription) -> list[LinkBox]:
    """Boxes round all of an arm's links, base first.

    A link with a radius in the arm file is that thick from its own joint to the next ones, or to
    the tool. Another's are round the shapes of the model; a mesh is no such shape, and a link that
    has nothing else has no body.

    Raises:
        ConfigError: a radius is given for a link that the model does not have.
    """
    model = arm.geometry().model
    for name in arm.body.radius_m:
        if name not in model.links:
            raise ConfigError(
                f"{arm.path}: [body] has a radius for link {name!r}, which its model does not "
                f"have{did_you_mean(name, list(model.links))}"
            )
    boxes: list[LinkBox] = []
    for name, link in model.links.items():
        radius_m = arm.body.radius_m.get(name)
        if radius_m is not None:
            boxes += _rods(model, name, radius_m)
            continue
        for shape in link.collision:
            if shape.kind != "mesh":
                x, y, z = (0.5 * edge for edge in shape.size_m)
                boxes.append(LinkBox(name, (x, y, z), shape.link_from_shape))
    return boxes


def rigid_parts(model: Model) -> dict[str, str]:
    """Of each link, the first of those that are fixed to each other."""
    part: dict[str, str] = {name: name for name in model.links}
    for joint in model.joints.values():
        if joint.kind == "fixed":
            old, new = part[joint.child], part[joint.parent]
            part = {name: new if first == old else first for name, first in part.items()}
    return part


def _rods(model: Model, link: str, radius_m: float) -> list[LinkBox]:
    """As thick as told, along the lines from the link's joint to what hangs on it."""
    below = [joint for joint in model.joints.values() if joint.parent == link]
    tools = [joint for joint in below if joint.child == "tool"]
    rods = []
    for joint in tools or below:
        way = joint.parent_from_joint[:3, 3]
        beyond_m = FINGERTIP_M if tools else radius_m
        length_m = float(np.linalg.norm(way))
        along = way / length_m if length_m > 1e-6 else np.array([1.0, 0.0, 0.0])
        placed = np.eye(4)
        placed[:3, :3] = _frame_along(along)
        placed[:3, 3] = 0.5 * (length_m + beyond_m - radius_m) * along
        half_m = (0.5 * (length_m + beyond_m + radius_m), radius_m, radius_m)
        rods.append(LinkBox(link, half_m, placed))
    return rods


def _frame_along(x: Matrix) -> Matrix:
    """A rotation whose x axis is `x`."""
    side = np.eye(3)[int(np.argmin(np.abs(x)))]
    y = np.cross(side, x)
    y /= np.linalg.norm(y)
    return np.stack([x, y, np.cross(x, y)], axis=1)
