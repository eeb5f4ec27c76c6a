"""Obstacles: bring the tool to a point past boxes and posts without touching any."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np

from robofeed.data.observation import Truth
from robofeed.data.tasks import sector
from robofeed.data.tasks.roadmap import Block, Roadmap, crosses
from robofeed.data.tasks.task import (
    REWARD_UNIT_M,
    ArmFigures,
    Body,
    Layout,
    World,
    array_spec,
    held_at_end,
    offset,
    place,
    proprioception,
    straight,
)

SLOTS = 4
HEIGHT_M = (0.03, 0.10)
DISTANCE_M = 0.12
"""least distance of a target from where the tool starts, so101"""
BOX_HALF_M = (0.015, 0.030)
POST_HALF_M = (0.008, 0.012)
BOX_TOP_M = (0.04, 0.09)
POST_TOP_M = (0.07, 0.11)
"""no higher: what follows the hand must clear them too"""
DETOUR_M = 0.10
"""how much longer than the straight line the free way is at the most, so101"""
CROSSING_M = 0.015
"""how far above the straight line the block in the way reaches, at the least"""
FREE_M = 0.020
"""room for the hand on every side at the start and the target, so101"""
GAP_M = 0.01
TOLERANCE_M = 0.03
CLEARANCE_M = (-0.02, 0.06)
"""clearance is observed between these bounds, so101; what is farther off is as good as absent"""
BELOW_M = 0.010
"""how far the fingers reach below the tool point, so101"""
FAR_M = 0.8
"""taken for the length of a way where there is none, so101"""
TOUCH_COST = 3.0
"""of one step in contact, in reward units: as if the tool were 0.3 m farther away (so101)"""


class Obstacles:
    """Targets with 2-4 blocks around, one at least across the straight line from tool to target.

    Blocks are observed nearest first. `clearance` is how far the hand, taken as a box round the
    tool, is from a block along the axis where they are farthest apart; below 0 they overlap. In
    random motion of the so101 it is below 0 in 99 of 100 steps in contact and above 5 mm in 1 of
    1,000.
    """

    name = "obstacles"
    episode_s = 2.0
    max_bodies = SLOTS
    uses_gripper = False
    posture: Literal["free", "down"] = "down"

    def __init__(self, arm: ArmFigures) -> None:
        self._arm = arm
        self._tolerance_m = TOLERANCE_M * arm.scale
        self._unit_m = REWARD_UNIT_M * arm.scale
        rows = (
            proprioception(arm, gripper=False)
            + place(arm, "target")
            + offset(arm, "target_from_tool")
        )
        near_m, far_m = (bound * arm.scale for bound in CLEARANCE_M)
        for slot in range(SLOTS):
            rows.append((f"block{slot}.clearance", "m", near_m, far_m))
            rows += offset(arm, f"block{slot}_from_tool")
            rows += [(f"block{slot}.half.{axis}", "m", 0.0, 0.1 * arm.scale) for axis in "xyz"]
        self.observation = array_spec(rows)
        box_m = zip(arm.workspace_low_m, arm.workspace_high_m, strict=True)
        self._near_m, self._far_m = near_m, far_m
        self._below_m = BELOW_M * arm.scale
        self._absent = [far_m, *(low - high for low, high in box_m), 0.0, 0.0, 0.0]
        self._known: tuple[Layout, Roadmap] | None = None

    def layout(self, rng: np.random.Generator) -> Layout:
        """A target, a block across the straight line to it, and 1 to 3 more where there is room."""
        scale = self._arm.scale
        start = tuple(value / scale for value in self._arm.home_tool_m)
        while True:
            target = sector.draw(rng, *HEIGHT_M)
            if math.dist(target, start) < DISTANCE_M:
                continue
            blocks = [_across(rng, start, target)]
            if not self._stands_clear(blocks[0], (start, target), ()):
                continue
            wanted = int(rng.integers(2, SLOTS + 1))
            for _ in range(50):
                if len(blocks) == wanted:
                    break
                block = _anywhere(rng)
                if self._stands_clear(block, (start, target), blocks):
                    blocks.append(block)
            if len(blocks) < 2 or not crosses(blocks[0], start, target):
                continue
            x, y, z = target
            layout = Layout(
                goal_m=(x * scale, y * scale, z * scale),
                bodies=tuple(_body(block, scale) for block in blocks),
            )
            way_m, _ = self._roadmap(layout).way(self._arm.home_tool_m)
            if way_m < (math.dist(start, target) + DETOUR_M) * scale:
                return layout

    def observe(self, world: World, layout: Layout) -> list[float]:
        goal, tool = layout.goal_m, world.tool_m
        x, y, z = tool
        values = [*world.joint_rad, *world.joint_rad_s, *tool, *goal, goal[0] - x, goal[1] - y]
        values.append(goal[2] - z)
        hand_x, hand_y = self._arm.hand_half_m
        blocks = []
        for body in layout.bodies:
            (px, py, pz), (sx, sy, sz) = body.position_m, body.size_m
            dx, dy, dz = px - x, py - y, pz - z
            hx, hy, hz = 0.5 * sx, 0.5 * sy, 0.5 * sz
            room_m = max(abs(dx) - hx - hand_x, abs(dy) - hy - hand_y, -dz - hz - self._below_m)
            blocks.append((room_m, dx, dy, dz, hx, hy, hz))
        for room_m, *block in sorted(blocks):
            values += (min(max(room_m, self._near_m), self._far_m), *block)
        for _ in range(SLOTS - len(blocks)):
            values += self._absent
        return values

    def truth(self, world: World, layout: Layout) -> Truth:
        """Minus the length of the free way to the target, and a cost of every step in contact.

        In units of 0.1 m (so101). The way leads over or round the blocks on the straight line, so
        that going round is progress from the first step on.
        """
        distance_m = math.dist(world.tool_m, layout.goal_m)
        free_m, _ = self._roadmap(layout).way(world.tool_m)
        cost = min(free_m, FAR_M * self._arm.scale) / self._unit_m + (
            TOUCH_COST if world.touching else 0.0
        )
        return Truth(-cost, distance_m <= self._tolerance_m and not world.touching, world.touching)

    def episode_success(self, met: Sequence[bool], collided: bool) -> bool:
        """On target on each of the last 5 steps, no block touched in the whole episode."""
        return held_at_end(met) and not collided

    def expert(self, world: World, layout: Layout) -> list[float]:
        """Along the shortest free way."""
        _, corner = self._roadmap(layout).way(world.tool_m)
        return straight(world.tool_m, corner.tolist(), self._arm.tool_step_m)

    def _stands_clear(
        self, block: Block, places: Sequence[Sequence[float]], others: Sequence[Block]
    ) -> bool:
        """Whether the hand has room at these places and the blocks stand apart; so101 lengths."""
        half_x, half_y = (half / self._arm.scale + FREE_M for half in self._arm.hand_half_m)
        return all(
            abs(x - block.x) >= block.half_x + half_x or abs(y - block.y) >= block.half_y + half_y
            for x, y, _ in places
        ) and all(
            abs(block.x - other.x) >= block.half_x + other.half_x + GAP_M
            or abs(block.y - other.y) >= block.half_y + other.half_y + GAP_M
            for other in others
        )

    def _roadmap(self, layout: Layout) -> Roadmap:
        """The ways to the goal of `layout`, kept while the layout is the same object."""
        if self._known is None or self._known[0] is not layout:
            arm, goal_m = self._arm, layout.goal_m
            levels_m = (goal_m[2], arm.home_tool_m[2])
            roadmap = Roadmap(_blocks(layout), goal_m, arm.hand_half_m, arm.scale, levels_m)
            self._known = (layout, roadmap)
        return self._known[1]


def _blocks(layout: Layout) -> list[Block]:
    return [
        Block(
            body.position_m[0],
            body.position_m[1],
            0.5 * body.size_m[0],
            0.5 * body.size_m[1],
            body.size_m[2],
        )
        for body in layout.bodies
    ]


def _across(rng: np.random.Generator, start: Sequence[float], target: Sequence[float]) -> Block:
    """A block on the straight line, as high as it must be to be in the way; so101 lengths."""
    share = rng.uniform(0.35, 0.65)
    x, y, line_m = (s + share * (t - s) for s, t in zip(start, target, strict=True))
    block = _shape(rng, x, y)
    return block._replace(top=max(block.top, line_m + CROSSING_M))


def _anywhere(rng: np.random.Generator) -> Block:
    x, y, _ = sector.draw(rng, 0.0, 0.0)
    return _shape(rng, x, y)


def _shape(rng: np.random.Generator, x: float, y: float) -> Block:
    """A box or, every other time, a post."""
    if rng.random() < 0.5:
        half_m = float(rng.uniform(*POST_HALF_M))
        return Block(x, y, half_m, half_m, float(rng.uniform(*POST_TOP_M)))
    half_x_m, half_y_m = rng.uniform(*BOX_HALF_M, 2).tolist()
    return Block(x, y, half_x_m, half_y_m, float(rng.uniform(*BOX_TOP_M)))


def _body(block: Block, scale: float) -> Body:
    return Body(
        name="block",
        shape="box",
        size_m=(2 * block.half_x * scale, 2 * block.half_y * scale, block.top * scale),
        position_m=(block.x * scale, block.y * scale, 0.5 * block.top * scale),
        colour=(0.45, 0.50, 0.58, 1.0),
        obstacle=True,
    )
