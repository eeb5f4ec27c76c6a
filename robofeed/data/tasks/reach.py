"""Reach: bring the tool to a point and hold it there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np

from robofeed.data.observation import Truth
from robofeed.data.tasks.task import (
    REWARD_UNIT_M,
    ArmFigures,
    Layout,
    World,
    array_spec,
    held_at_end,
    offset,
    place,
    proprioception,
    straight,
)

RADIUS_M = (0.12, 0.32)
"""distance of a target from the base's origin, so101"""
HEIGHT_M = (0.03, 0.25)
AZIMUTH_RAD = math.radians(75.0)
COLUMN_M = 0.10
"""nearer than this to the first joint's axis the arm itself is in the way"""
START_M = 0.06
"""no target is nearer than this to where the tool starts: waiting solves nothing"""
TOLERANCE_M = 0.03


class Reach:
    """Targets in a shell in front of the arm; success = tool within 30 mm (so101)."""

    name = "reach"
    episode_s = 2.0
    max_bodies = 0
    uses_gripper = False
    posture: Literal["free", "down"] = "free"

    def __init__(self, arm: ArmFigures) -> None:
        self._arm = arm
        self._tolerance_m = TOLERANCE_M * arm.scale
        self._reward_unit_m = REWARD_UNIT_M * arm.scale
        self.observation = array_spec(
            proprioception(arm, gripper=False)
            + place(arm, "target")
            + offset(arm, "target_from_tool")
        )

    def layout(self, rng: np.random.Generator) -> Layout:
        """A target uniform in the volume of the shell, as far as the arm reaches it."""
        near, far = RADIUS_M
        scale, reaches = self._arm.scale, self._arm.reaches
        while True:
            x, y, z = rng.uniform((0.0, -far, HEIGHT_M[0]), (far, far, HEIGHT_M[1])).tolist()
            across = math.hypot(x, y)
            goal_m = (x * scale, y * scale, z * scale)
            if (
                near <= math.hypot(across, z) <= far
                and across >= COLUMN_M
                and abs(math.atan2(y, x)) <= AZIMUTH_RAD
                and math.dist(goal_m, self._arm.home_tool_m) >= START_M * scale
                and (reaches is None or reaches(goal_m))
            ):
                return Layout(goal_m=goal_m)

    def observe(self, world: World, layout: Layout) -> list[float]:
        goal, tool = layout.goal_m, world.tool_m
        return [
            *world.joint_rad,
            *world.joint_rad_s,
            *tool,
            *goal,
            goal[0] - tool[0],
            goal[1] - tool[1],
            goal[2] - tool[2],
        ]

    def truth(self, world: World, layout: Layout) -> Truth:
        """Minus the distance to the target in units of 0.1 m (so101)."""
        distance_m = math.dist(world.tool_m, layout.goal_m)
        return Truth(-distance_m / self._reward_unit_m, distance_m <= self._tolerance_m)

    def episode_success(self, met: Sequence[bool], collided: bool) -> bool:
        """On target on each of the last 5 steps."""
        return held_at_end(met)

    def expert(self, world: World, layout: Layout) -> list[float]:
        """Straight to the target."""
        return straight(world.tool_m, layout.goal_m, self._arm.tool_step_m)
