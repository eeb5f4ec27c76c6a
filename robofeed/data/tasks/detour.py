"""Ways over and round blocks that stand on the table, for a tool that points down.

The tool is a point and the blocks are taken larger by what hangs round the tool. Only what lies on
the straight line is gone round, block by block: enough for a handful of blocks with gaps between.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from robofeed.data.tasks import sector

ASIDE_M = 0.034
"""from the tool to the outside of the gripper and a little more, so101"""
ABOVE_M = 0.030
"""from the tool to the finger tips and a little more, so101"""
NEAR_M = 0.10
"""the nearest to the first joint's axis that a way may lead, so101"""


class Block(NamedTuple):
    """A box on the table: its centre, half lengths and height in m."""

    x: float
    y: float
    half_x: float
    half_y: float
    top: float


def crosses(block: Block, start: Sequence[float], goal: Sequence[float]) -> bool:
    """Whether the straight line from `start` to `goal` runs through the block itself."""
    inside = _span(block, start, goal, 0.0)
    if inside is None:
        return False
    heights = [start[2] + share * (goal[2] - start[2]) for share in inside]
    return min(heights) < block.top


def detour(
    start: Sequence[float], goal: Sequence[float], blocks: Iterable[Block], scale: float
) -> float:
    """How much longer than the straight line the way to `goal` is, in m."""
    straight_m = math.dist(start, goal)
    return sum(
        _length(_way(block, start, goal, scale)) - straight_m
        for block in blocks
        if _in_the_way(block, start, goal, scale)
    )


def route(
    start: Sequence[float], goal: Sequence[float], blocks: Iterable[Block], scale: float
) -> Sequence[float]:
    """The next point to go straight to on the way from `start` to `goal`."""
    nearest: tuple[float, Block] | None = None
    for block in blocks:
        if _in_the_way(block, start, goal, scale):
            span = _span(block, start, goal, ASIDE_M * scale)
            if span is not None and (nearest is None or span[0] < nearest[0]):
                nearest = (span[0], block)
    if nearest is None:
        return goal
    way = _way(nearest[1], start, goal, scale)
    reached_m = 0.003 * scale
    return next((point for point in way[1:] if math.dist(start, point) > reached_m), goal)


def _span(
    block: Block, start: Sequence[float], goal: Sequence[float], margin_m: float
) -> tuple[float, float] | None:
    """The shares of the line between which it is over the block's footprint, seen from above."""
    enter, leave = 0.0, 1.0
    for axis, centre, half in ((0, block.x, block.half_x), (1, block.y, block.half_y)):
        step = goal[axis] - start[axis]
        low, high = centre - half - margin_m - start[axis], centre + half + margin_m - start[axis]
        if abs(step) < 1e-9:
            if not low < 0.0 < high:
                return None
            continue
        first, second = sorted((low / step, high / step))
        enter, leave = max(enter, first), min(leave, second)
    return (enter, leave) if enter < leave else None


def _in_the_way(block: Block, start: Sequence[float], goal: Sequence[float], scale: float) -> bool:
    span = _span(block, start, goal, ASIDE_M * scale)
    if span is None:
        return False
    lowest = min(start[2] + share * (goal[2] - start[2]) for share in span)
    return lowest < block.top + ABOVE_M * scale - 1e-6


def _way(
    block: Block, start: Sequence[float], goal: Sequence[float], scale: float
) -> list[Sequence[float]]:
    """The shortest of the ways over the block and round either side, as far as the arm reaches."""
    ways = [_over(block, start, goal, scale), *_round(block, start, goal, scale)]
    possible = [way for way in ways if all(_reached(point, scale) for point in way[1:-1])]
    return min(possible or ways[:1], key=_length)


def _over(
    block: Block, start: Sequence[float], goal: Sequence[float], scale: float
) -> list[Sequence[float]]:
    span = _span(block, start, goal, ASIDE_M * scale)
    if span is None:
        return [start, goal]
    height_m = block.top + ABOVE_M * scale
    corners: list[Sequence[float]] = []
    for share in span:
        x, y, z = (s + share * (g - s) for s, g in zip(start, goal, strict=True))
        corners.append((x, y, max(z, height_m)))
    return [start, *corners, goal]


def _round(
    block: Block, start: Sequence[float], goal: Sequence[float], scale: float
) -> list[list[Sequence[float]]]:
    """The ways round the left and right corners; none from or to a place over the block."""
    margin_m = ASIDE_M * scale
    wide, deep = block.half_x + margin_m, block.half_y + margin_m
    along = (goal[0] - start[0], goal[1] - start[1])
    length_m = math.hypot(*along)
    if length_m < 1e-9 or _over_it(block, start, margin_m) or _over_it(block, goal, margin_m):
        return []
    sides: dict[bool, list[tuple[float, Sequence[float]]]] = {True: [], False: []}
    for sign_x in (-1.0, 1.0):
        for sign_y in (-1.0, 1.0):
            corner = (block.x + sign_x * wide - start[0], block.y + sign_y * deep - start[1])
            share = (corner[0] * along[0] + corner[1] * along[1]) / length_m**2
            left = along[0] * corner[1] - along[1] * corner[0] > 0.0
            height = start[2] + min(max(share, 0.0), 1.0) * (goal[2] - start[2])
            point = (start[0] + corner[0], start[1] + corner[1], height)
            sides[left].append((share, point))
    return [[start, *(point for _, point in sorted(side)), goal] for side in sides.values()]


def _over_it(block: Block, point: Sequence[float], margin_m: float) -> bool:
    return (
        abs(point[0] - block.x) < block.half_x + margin_m - 1e-9
        and abs(point[1] - block.y) < block.half_y + margin_m - 1e-9
    )


def _reached(point: Sequence[float], scale: float) -> bool:
    x, y, z = (value / scale for value in point)
    return z <= sector.TOP_M + 1e-9 and NEAR_M <= math.hypot(x, y) <= sector.FAR_M


def _length(way: Sequence[Sequence[float]]) -> float:
    return sum(math.dist(a, b) for a, b in pairwise(way))
