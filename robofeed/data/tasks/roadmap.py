"""The shortest ways to a goal past blocks that stand on the table, for a tool that points down.

The tool is taken as a point and the blocks as larger by what hangs round the tool. Ways lead over
the corners of these larger blocks, so the shortest is found on a visibility graph (Lozano-Perez and
Wesley, 1979), built once a goal and asked every step.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from robofeed.data.tasks import sector

Rows = NDArray[np.float64]

SPARE_M = 0.010
"""between the hand and a block, so101"""
ABOVE_M = 0.030
"""from the tool to the finger tips and a little more, so101"""
ARRIVED_M = 0.002
"""this near to a corner the next one is gone to, so101"""
OUTSIDE = 1.02
"""corners are this much farther out than the larger blocks, which they must not touch"""
_CORNERS = np.array([(x, y) for x in (-1, 1) for y in (-1, 1)], np.float64)
_RIM = np.array([(x, y) for x in (-1, 0, 1) for y in (-1, 0, 1) if x or y], np.float64)


class Block(NamedTuple):
    """A box on the table: its centre, half lengths and height in m."""

    x: float
    y: float
    half_x: float
    half_y: float
    top: float


class Roadmap:
    """Every shortest way to `goal_m`, for a hand of half widths `hand_half_m` (x, y).

    `scale` is the arm's; `levels_m` are the heights at which ways round may run.
    """

    def __init__(
        self,
        blocks: Sequence[Block],
        goal_m: Sequence[float],
        hand_half_m: Sequence[float],
        scale: float,
        levels_m: Sequence[float],
    ) -> None:
        self._goal_m = tuple(goal_m)
        self._centre = np.array([(block.x, block.y) for block in blocks]).reshape(-1, 2)
        self._half = np.array([(block.half_x, block.half_y) for block in blocks]).reshape(-1, 2)
        self._top = np.array([block.top for block in blocks])
        self._aside: Rows = np.array(hand_half_m) + SPARE_M * scale
        self._above = ABOVE_M * scale
        self._arrived_m = ARRIVED_M * scale
        aside_x, aside_y = self._aside.tolist()
        self._larger = [
            Block(
                block.x,
                block.y,
                block.half_x + aside_x,
                block.half_y + aside_y,
                block.top + self._above,
            )
            for block in blocks
        ]
        nodes = [np.array(goal_m, np.float64)[None]]
        for centre, half, top in zip(self._centre, self._half, self._top, strict=True):
            reach = (half + self._aside) * OUTSIDE
            over = np.full((len(_RIM), 1), top + self._above * OUTSIDE)
            nodes.append(np.hstack([centre + _RIM * reach, over]))
            for level in levels_m:
                height = np.full((len(_CORNERS), 1), level)
                nodes.append(np.hstack([centre + _CORNERS * reach, height]))
        everywhere = np.concatenate(nodes)
        self._nodes: Rows = everywhere[
            [
                index == 0 or (_reached(node, scale) and float(self._room(node).min()) > 1.0)
                for index, node in enumerate(everywhere)
            ]
        ]
        self._left_m, self._next = self._search()

    def way(self, start_m: Sequence[float]) -> tuple[float, Rows]:
        """The shortest way from `start_m`: its length in m, and the point to go straight to on it.

        Where there is none, the length is infinite.
        """
        if not any(crosses(block, start_m, self._goal_m) for block in self._larger):
            return math.dist(start_m, self._goal_m), self._nodes[0]
        start = np.array(start_m, np.float64)
        whole_m = self._left_m + np.linalg.norm(self._nodes - start, axis=1)
        whole_m[~self._free(start, self._nodes)] = np.inf
        best = int(whole_m.argmin())
        if math.dist(start_m, self._nodes[best]) < self._arrived_m:
            best = self._next[best]
        return float(whole_m.min()), self._nodes[best]

    def _room(self, point: Rows) -> Rows:
        """How far `point` is from each block, as a share of what a block is made larger by."""
        aside = (np.abs(point[:2] - self._centre) - self._half) / self._aside
        above = (point[2] - self._top) / self._above
        room: Rows = np.maximum(aside.max(axis=1), above)
        return room

    def _search(self) -> tuple[Rows, list[int]]:
        """From each node the way left to the goal in m, and the node after it (Dijkstra)."""
        count = len(self._nodes)
        left_m = np.full(count, np.inf)
        left_m[0] = 0.0
        after = [0] * count
        waiting = set(range(count))
        while waiting:
            here = min(waiting, key=left_m.__getitem__)
            if not np.isfinite(left_m[here]):
                break
            waiting.remove(here)
            through_m = left_m[here] + np.linalg.norm(self._nodes - self._nodes[here], axis=1)
            shorter = (through_m < left_m) & self._free(self._nodes[here], self._nodes)
            left_m[shorter] = through_m[shorter]
            for index in np.flatnonzero(shorter):
                after[index] = here
        return left_m, after

    def _free(self, start: Rows, ends: Rows) -> NDArray[np.bool_]:
        """Which of the straight lines from `start` to `ends` [N, 3] run through no larger block.

        A block that `start` is too near to is made only as large as leaves `start` outside.
        """
        share = self._room(start)
        share = np.where(share < -0.5, -np.inf, np.minimum(share - 1e-6, 1.0))[:, None]
        half = np.maximum(self._half + self._aside * share, 0.0)
        low = np.concatenate([self._centre - half, np.full_like(share, -1.0)], axis=1)
        high = np.concatenate(
            [self._centre + half, self._top[:, None] + self._above * share], axis=1
        )
        way = (ends - start)[:, None]
        way = np.where(np.abs(way) < 1e-12, 1e-12, way)
        first, second = (low - start) / way, (high - start) / way
        enter = np.minimum(first, second).max(axis=2)
        leave = np.maximum(first, second).min(axis=2)
        through = np.maximum(enter, 0.0) < np.minimum(leave, 1.0)
        clear: NDArray[np.bool_] = ~through.any(axis=1)
        return clear


def crosses(block: Block, start: Sequence[float], goal: Sequence[float]) -> bool:
    """Whether the straight line from `start` to `goal` runs through the block itself."""
    enter, leave = 0.0, 1.0
    bounds = (
        (block.x - block.half_x, block.x + block.half_x),
        (block.y - block.half_y, block.y + block.half_y),
        (0.0, block.top),
    )
    for (low, high), begin, end in zip(bounds, start, goal, strict=True):
        step = end - begin or 1e-12
        first, second = sorted(((low - begin) / step, (high - begin) / step))
        enter, leave = max(enter, first), min(leave, second)
    return enter < leave


def _reached(point: Any, scale: float) -> bool:
    x, y, z = (float(value) / scale for value in point)
    return z <= sector.TOP_M and sector.NEAR_M <= math.hypot(x, y) <= sector.FAR_M
