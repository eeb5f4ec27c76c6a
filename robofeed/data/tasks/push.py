"""Push: move a cube across the table to a place, with the closed gripper."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np

from robofeed.data.observation import Truth
from robofeed.data.tasks import sector
from robofeed.data.tasks.cube import cube_body, cube_edge_m, table_pair
from robofeed.data.tasks.task import (
    REWARD_UNIT_M,
    ArmFigures,
    Layout,
    Point,
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
TOLERANCE_M = 0.03
APPROACH_WEIGHT = 0.4
STANDOFF_M = 0.012
"""between the cube's face and the tool point that pushes it, so101"""
STEER = 1.5
"""of how far the tool is beside the line through cube and goal, what it goes back in a step"""
CLEAR_M = 0.024
"""the same when the gripper comes down beside the cube"""


class Push:
    """A cube on the table, a goal on the table; success = cube's centre within 30 mm (so101).

    100 steps: the expert is done by step 45 in 99 of 100 episodes on the so101, but in only 78 on
    the panda and 67 on the KUKA, whose slower joints make it need up to 90.
    """

    name = "push"
    episode_s = 4.0
    max_bodies = 1
    uses_gripper = False
    posture: Literal["free", "down"] = "down"

    def __init__(self, arm: ArmFigures) -> None:
        self._scale = arm.scale
        self._step_m = arm.tool_step_m
        self._tolerance_m = TOLERANCE_M * arm.scale
        self._edge_m = cube_edge_m(arm)
        self._tool_height_m = max(0.5 * self._edge_m, 0.015 * arm.scale)
        self._pushing_m = 0.5 * self._edge_m + STANDOFF_M * arm.scale
        self._beside_m = 0.5 * self._edge_m + CLEAR_M * arm.scale
        self.observation = array_spec(
            proprioception(arm, gripper=False)
            + place(arm, "cube")
            + offset(arm, "cube_from_tool")
            + offset(arm, "goal_from_cube")
        )

    def layout(self, rng: np.random.Generator) -> Layout:
        """Cube and goal on the table, 0.08-0.20 m apart, the place to push from within reach."""
        while True:
            start, goal = table_pair(rng, DISTANCE_M, 0.5 * self._edge_m / self._scale)
            back = (STANDOFF_M + 0.02) / math.dist(start, goal)
            behind = [s + (s - g) * back for s, g in zip(start, goal, strict=True)]
            if sector.within(*behind):
                break
        scale = self._scale
        return Layout(
            goal_m=(goal[0] * scale, goal[1] * scale, 0.5 * self._edge_m),
            bodies=(cube_body(rng, self._edge_m, start[0] * scale, start[1] * scale),),
        )

    def observe(self, world: World, layout: Layout) -> list[float]:
        goal, tool, cube = layout.goal_m, world.tool_m, world.bodies[0].position_m
        return [
            *world.joint_rad,
            *world.joint_rad_s,
            *tool,
            *cube,
            cube[0] - tool[0],
            cube[1] - tool[1],
            cube[2] - tool[2],
            goal[0] - cube[0],
            goal[1] - cube[1],
            goal[2] - cube[2],
        ]

    def truth(self, world: World, layout: Layout) -> Truth:
        """Minus the cube's distance to its goal, and a share of the tool's to the pushing place.

        In units of 0.1 m (so101). The second term is what makes the first one learnable: it is
        largest while nothing is done about the cube, and fades as the cube comes home, so that
        the better clip is always the one with the cube nearer to the goal.
        """
        cube = world.bodies[0].position_m
        distance_m = math.dist(cube, layout.goal_m)
        approach_m = math.dist(world.tool_m, self._behind(cube, layout.goal_m, self._pushing_m))
        fade = min(1.0, distance_m / self._tolerance_m)
        cost_m = distance_m + APPROACH_WEIGHT * fade * approach_m
        return Truth(-cost_m / (REWARD_UNIT_M * self._scale), distance_m <= self._tolerance_m)

    def episode_success(self, met: Sequence[bool], collided: bool) -> bool:
        """Cube on its goal on each of the last 5 steps."""
        return held_at_end(met)

    def expert(self, world: World, layout: Layout) -> list[float]:
        """Over the cube to its far side, down, and along the line to the goal."""
        scale = self._scale
        tool, cube, goal = world.tool_m, world.bodies[0].position_m, layout.goal_m
        left_m = math.dist(cube[:2], goal[:2])
        if left_m < 0.4 * self._tolerance_m:
            return [0.0, 0.0, 0.0]
        ahead = ((goal[0] - cube[0]) / left_m, (goal[1] - cube[1]) / left_m)
        from_cube = (tool[0] - cube[0], tool[1] - cube[1])
        along_m = from_cube[0] * ahead[0] + from_cube[1] * ahead[1]
        aside_m = from_cube[1] * ahead[0] - from_cube[0] * ahead[1]
        low = tool[2] < self._tool_height_m + 0.008 * scale
        if low and along_m < -0.3 * self._edge_m and abs(aside_m) < 0.4 * self._edge_m:
            # Pushing: forward by what is left, sideways back onto the line through the cube.
            forward_m = min(left_m, 0.6 * self._step_m)
            back_m = min(max(STEER * aside_m, -forward_m), forward_m)
            return [
                ahead[0] * forward_m + ahead[1] * back_m,
                ahead[1] * forward_m - ahead[0] * back_m,
                self._tool_height_m - tool[2],
            ]
        beside = self._behind(cube, goal, self._beside_m)
        hover_m = self._edge_m + 0.03 * scale
        if math.dist(tool[:2], beside[:2]) < 0.008 * scale:
            return straight(tool, beside, self._step_m)
        near_cube = math.hypot(*from_cube) < self._edge_m + 0.03 * scale
        if near_cube and tool[2] < hover_m - 0.01 * scale:
            return [0.0, 0.0, min(hover_m - tool[2], self._step_m)]
        return straight(tool, (beside[0], beside[1], hover_m), self._step_m)

    def _behind(self, cube: Sequence[float], goal: Sequence[float], away_m: float) -> Point:
        """The place at pushing height, `away_m` behind the cube as its goal sees it."""
        back = away_m / max(math.dist(cube[:2], goal[:2]), 1e-6)
        return (
            cube[0] - (goal[0] - cube[0]) * back,
            cube[1] - (goal[1] - cube[1]) * back,
            self._tool_height_m,
        )
