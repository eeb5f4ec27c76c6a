"""Pick and place: grasp a cube and hold it at a place on or above the table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np

from robofeed.data.observation import Truth
from robofeed.data.tasks import sector
from robofeed.data.tasks.cube import cube_body, cube_edge_m
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

DISTANCE_M = (0.08, 0.20)
"""from start to goal, so101"""
AIR_M = (0.05, 0.12)
"""height of the goals above the table, so101: half of all goals"""
TOLERANCE_M = 0.025
APPROACH_WEIGHT = 0.4
GRASP_WEIGHT_M = 0.02
CLEAR_M = 0.004
"""to the right of the cube's centre the expert comes down: the so101's right finger does not move
and has no room to spare"""
SHUT_WITHIN = 0.07
"""how near the gripper's opening must be to that on the cube to count as holding it"""


class PickPlace:
    """A cube on the table, a goal on or above it; success = cube's centre within 25 mm (so101).

    100 steps: the expert is done by step 45 in 99 of 100 episodes on the so101 and in 93 on the
    KUKA, but the second grasp that a missed first one needs takes it to 58.
    """

    name = "pick_place"
    episode_s = 4.0
    max_bodies = 1
    uses_gripper = True
    posture: Literal["free", "down"] = "down"

    def __init__(self, arm: ArmFigures) -> None:
        self._scale = arm.scale
        self._edge_m = cube_edge_m(arm)
        self._step_m = arm.tool_step_m
        self._shut = arm.cube_opening
        self._tolerance_m = TOLERANCE_M * arm.scale
        self.observation = array_spec(
            proprioception(arm, gripper=True)
            + place(arm, "cube")
            + offset(arm, "cube_from_tool")
            + offset(arm, "goal_from_cube")
        )

    def layout(self, rng: np.random.Generator) -> Layout:
        """Cube on the table, goal 0.08-0.20 m away, half of the goals 0.05-0.12 m up."""
        scale = self._scale
        half_m = 0.5 * self._edge_m / scale
        low_m, high_m = AIR_M if rng.random() < 0.5 else (half_m, half_m)
        while True:
            start = sector.draw(rng, half_m, half_m)
            goal = sector.draw(rng, low_m, high_m)
            if DISTANCE_M[0] <= math.dist(start, goal) <= DISTANCE_M[1]:
                break
        return Layout(
            goal_m=(goal[0] * scale, goal[1] * scale, goal[2] * scale),
            bodies=(cube_body(rng, self._edge_m, start[0] * scale, start[1] * scale),),
        )

    def observe(self, world: World, layout: Layout) -> list[float]:
        goal, tool, cube = layout.goal_m, world.tool_m, world.bodies[0].position_m
        return [
            *world.joint_rad,
            *world.joint_rad_s,
            *tool,
            world.gripper,
            *cube,
            cube[0] - tool[0],
            cube[1] - tool[1],
            cube[2] - tool[2],
            goal[0] - cube[0],
            goal[1] - cube[1],
            goal[2] - cube[2],
        ]

    def truth(self, world: World, layout: Layout) -> Truth:
        """Minus the cube's distance to its goal and a share of the tool's distance to the cube.

        In units of 0.1 m (so101). A gripper that closes on the cube is worth 20 mm of distance: a
        grasp is progress, and moves nothing by itself.
        """
        cube = world.bodies[0].position_m
        distance_m = math.dist(cube, layout.goal_m)
        tool_m = math.dist(world.tool_m, cube)
        around = max(0.0, 1.0 - tool_m / self._edge_m)
        cost_m = (
            distance_m
            + APPROACH_WEIGHT * tool_m
            + GRASP_WEIGHT_M * self._scale * (1.0 - around * (1.0 - world.gripper))
        )
        return Truth(-cost_m / (REWARD_UNIT_M * self._scale), distance_m <= self._tolerance_m)

    def episode_success(self, met: Sequence[bool], collided: bool) -> bool:
        """Cube at its goal on each of the last 5 steps."""
        return held_at_end(met)

    def expert(self, world: World, layout: Layout) -> list[float]:
        """Over the cube, down, close, up, across and onto the goal; hold it there."""
        scale = self._scale
        tool, cube, goal = world.tool_m, world.bodies[0].position_m, layout.goal_m
        near = math.dist(tool, cube) < 0.7 * self._edge_m
        loose = world.gripper - self._shut
        if near and -SHUT_WITHIN < loose < 2.0 * SHUT_WITHIN:
            if math.dist(cube, goal) < 0.3 * self._tolerance_m:
                return [0.0, 0.0, 0.0, 0.0]
            if loose < SHUT_WITHIN or cube[2] > 0.6 * self._edge_m:
                return [*self._step(cube, self._carry(cube, goal)), 0.0]
            # Perhaps held by its corners: it is if it comes along.
            return [0.0, 0.0, 0.004 * scale, 0.0]
        around = (cube[0], cube[1] - CLEAR_M * scale, cube[2])
        across_m = math.dist(tool[:2], around[:2])
        closing = math.dist(tool, around) < 0.014 * scale and 0.0 < loose and world.gripper < 0.9
        if closing or math.dist(tool, around) < 0.004 * scale:
            return [0.0, 0.0, 0.0, 0.0]
        hover_m = cube[2] + self._edge_m + 0.025 * scale
        if across_m < 0.005 * scale:
            return [*self._step(tool, around), 1.0]
        if across_m < self._edge_m + 0.02 * scale and tool[2] < hover_m - 0.015 * scale:
            return [*self._step(tool, (tool[0], tool[1], hover_m)), 1.0]
        return [*self._step(tool, (around[0], around[1], hover_m)), 1.0]

    def _carry(self, cube: Sequence[float], goal: Sequence[float]) -> Sequence[float]:
        """Where a held cube goes next: across at travelling height, then onto the goal."""
        if math.dist(cube[:2], goal[:2]) < 0.02 * self._scale:
            return goal
        return goal[0], goal[1], max(goal[2], self._edge_m + 0.01 * self._scale)

    def _step(self, start: Sequence[float], goal: Sequence[float]) -> list[float]:
        return straight(start, goal, self._step_m)
