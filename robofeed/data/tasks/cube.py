"""The cube that is pushed or carried, and where it starts and should go."""

from __future__ import annotations

import math

import numpy as np

from robofeed.data.tasks import sector
from robofeed.data.tasks.task import ArmFigures, Body, Point

EDGE_M = 0.025
DENSITY_KG_M3 = 700.0
"""beech wood"""
FRICTION = 0.8
YAW_RAD = 0.2
"""how far a cube may start turned from the base's axes"""


def cube_edge_m(arm: ArmFigures) -> float:
    """25 mm scaled with the arm, as far as its gripper can take it."""
    return min(EDGE_M * arm.scale, 0.7 * arm.gripper_width_m)


def cube_body(rng: np.random.Generator, edge_m: float, x_m: float, y_m: float) -> Body:
    """A wooden cube on the table, a little turned."""
    yaw_rad = float(rng.uniform(-YAW_RAD, YAW_RAD))
    return Body(
        name="cube",
        shape="box",
        size_m=(edge_m, edge_m, edge_m),
        position_m=(x_m, y_m, 0.5 * edge_m),
        quaternion=(0.0, 0.0, math.sin(0.5 * yaw_rad), math.cos(0.5 * yaw_rad)),
        mass_kg=DENSITY_KG_M3 * edge_m**3,
        friction=FRICTION,
    )


def table_pair(
    rng: np.random.Generator, distance_m: tuple[float, float], height_m: float
) -> tuple[Point, Point]:
    """Two points at one height, so far apart, the way between them in reach; so101 lengths."""
    while True:
        start, goal = sector.draw(rng, height_m, height_m), sector.draw(rng, height_m, height_m)
        middle = [0.5 * (s + g) for s, g in zip(start, goal, strict=True)]
        if distance_m[0] <= math.dist(start, goal) <= distance_m[1] and sector.within(*middle):
            return start, goal
