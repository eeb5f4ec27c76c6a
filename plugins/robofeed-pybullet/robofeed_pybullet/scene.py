"""A scene as numbers: all that a picture of it needs, to be drawn later in another process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from robofeed.data.errors import DataError
from robofeed.data.spec import FloatArray
from robofeed.data.tasks import Body, Layout, World
from robofeed.data.tasks.task import Point

GOAL_COLOUR = (0.10, 0.72, 0.38, 0.75)
GOAL_RADIUS_M = 0.015
"""so101"""
_KINDS = ("none", "box", "cylinder", "sphere")
_BODY_SIZE = 1 + 3 + 3 + 4 + 3


@dataclass(frozen=True, slots=True)
class Scene:
    """What is in a picture."""

    joint_rad: tuple[float, ...]
    opening: float
    goal_m: Point
    bodies: tuple[Body, ...]


def scene_size(joints: int, bodies: int) -> int:
    """Numbers in a scene of an arm with `joints` joints beside at most `bodies` bodies."""
    return joints + 1 + 3 + bodies * _BODY_SIZE


def encode(world: World, layout: Layout, size: int) -> FloatArray:
    """The present scene as float32 [size]."""
    opening = world.gripper if world.gripper == world.gripper else 0.0
    values = [*world.joint_rad, opening, *layout.goal_m]
    moved = iter(world.bodies)
    for body in layout.bodies:
        position: Sequence[float] = body.position_m
        quaternion: Sequence[float] = body.quaternion
        if body.mass_kg > 0:
            state = next(moved)
            position, quaternion = state.position_m, state.quaternion
        values.append(_KINDS.index(body.shape))
        values += body.size_m
        values += position
        values += quaternion
        values += body.colour[:3]
    scene = np.zeros(size, np.float32)
    scene[: len(values)] = values
    return scene


def decode(scene: FloatArray, joints: int) -> Scene:
    """What `encode` wrote.

    Raises:
        DataError: not a scene of an arm with this many joints.
    """
    values = scene.tolist()
    rest = values[joints + 4 :]
    if scene.ndim != 1 or len(values) < joints + 4 or len(rest) % _BODY_SIZE:
        raise DataError(f"a scene of shape {scene.shape} does not fit an arm of {joints} joints")
    bodies = []
    for start in range(0, len(rest), _BODY_SIZE):
        kind, sx, sy, sz, x, y, z, qx, qy, qz, qw, red, green, blue = rest[
            start : start + _BODY_SIZE
        ]
        if round(kind) == 0:
            continue
        bodies.append(
            Body(
                name="",
                shape=_KINDS[round(kind)],  # type: ignore[arg-type]
                size_m=(sx, sy, sz),
                position_m=(x, y, z),
                quaternion=(qx, qy, qz, qw),
                colour=(red, green, blue, 1.0),
            )
        )
    x, y, z = values[joints + 1 : joints + 4]
    return Scene(tuple(values[:joints]), values[joints], (x, y, z), tuple(bodies))
