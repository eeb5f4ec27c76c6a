"""A way from one pose to another: no two links come too near each other, the tool keeps to its box.

Found before anything moves: straight; else one joint after the other, in whichever order is free;
else by two trees of random poses that grow towards each other (RRT-Connect: Kuffner and LaValle,
ICRA 2000), cut short where that is free. The same start and goal give the same way.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from robofeed_serial.arms.description import ArmDescription, Range
from robofeed_serial.body.arm_body import ArmBody, body_of
from robofeed_serial.body.workspace import Box, Workspace, workspace_of

STEP_RAD = 0.02
"""between two poses that are looked at"""
REACH_RAD = 0.25
"""A tree grows by so much at a time, the largest of its joints' turns."""
MOST_POSES = 2000
"""of both trees; so many take a few seconds"""
_MOST_DRAWS = 4 * MOST_POSES
"""where next to nothing can be added to either of them"""
_SHORTCUTS = 60
_ROUNDING_M = 1e-6
_SAME_RAD = 1e-3

Pose = NDArray[np.float64]


class FreeWay:
    """Looks for ways of the joints of one arm; its gripper stays as it is.

    Args:
        body: Of the arm.
        workspace: Where its tool may be. From outside it comes in.
        ranges_rad: Of the joints, low and high.
        grip_rad: Where the gripper is; none for an arm without.
    """

    def __init__(
        self,
        body: ArmBody,
        workspace: Workspace,
        ranges_rad: Sequence[Range],
        grip_rad: Sequence[float] = (),
    ) -> None:
        self._body = body
        self._workspace = self._inset = workspace
        self._low, self._high = np.array(ranges_rad, float).reshape(-1, 2).T
        self._grip = np.array(grip_rad, float)

    def between(
        self, start_rad: Sequence[float], goal_rad: Sequence[float]
    ) -> list[list[float]] | None:
        """The poses to go to in straight lines, the goal last; None where no way was found.

        Args:
            start_rad: One element a joint. Links that are too near here may only move apart.
            goal_rad: The same.
        """
        start, goal = np.array(start_rad, float), np.array(goal_rad, float)
        ends = [[*pose.tolist(), *self._grip.tolist()] for pose in (start, goal)]
        self._inset = self._workspace.inset(ends)
        way = (
            self._straight(start, goal)
            or self._joint_by_joint(start, goal)
            or self._by_trees(start, goal)
        )
        return None if way is None else [pose.tolist() for pose in way]

    def _straight(self, start: Pose, goal: Pose) -> list[Pose] | None:
        return [goal] if self._free(start, goal) else None

    def _joint_by_joint(self, start: Pose, goal: Pose) -> list[Pose] | None:
        """Depth first; a set of joints that led nowhere once is not gone on from again."""
        nowhere: set[frozenset[int]] = set()

        def on(here: Pose, left: frozenset[int]) -> list[Pose] | None:
            if not left:
                return []
            if left in nowhere:
                return None
            for joint in sorted(left, key=lambda each: -abs(goal[each] - start[each])):
                there = here.copy()
                there[joint] = goal[joint]
                if self._free(here, there):
                    rest = on(there, left - {joint})
                    if rest is not None:
                        return [there, *rest]
            nowhere.add(left)
            return None

        moves = np.flatnonzero(np.abs(goal - start) > _SAME_RAD)
        way = on(start, frozenset(moves.tolist()))
        return None if way is None else [*way[:-1], goal]

    def _by_trees(self, start: Pose, goal: Pose) -> list[Pose] | None:
        if not self._is_free(goal):
            return None
        rng = np.random.default_rng(0)
        trees = [_Tree(start), _Tree(goal)]
        forward = True
        for _ in range(_MOST_DRAWS):
            if sum(len(tree.poses) for tree in trees) >= MOST_POSES:
                break
            one, other = trees if forward else trees[::-1]
            drawn = rng.uniform(self._low, self._high)
            new = self._grow(one, drawn, forward)
            if new is not None:
                pose = one.poses[new]
                while (met := self._grow(other, pose, not forward)) is not None:
                    if np.abs(other.poses[met] - pose).max() <= _SAME_RAD:
                        ways = (one.back_from(new), other.back_from(met))
                        there, back = ways if forward else ways[::-1]
                        return self._shorter([*reversed(there), *back[1:]])
            forward = not forward
        return None

    def _grow(self, tree: _Tree, towards: Pose, forward: bool) -> int | None:
        nearest = tree.nearest(towards)
        here = tree.poses[nearest]
        way = towards - here
        length = float(np.abs(way).max())
        if length <= _SAME_RAD:
            return nearest
        there = here + way * min(1.0, REACH_RAD / length)
        free = self._free(here, there) if forward else self._free(there, here)
        return tree.add(there, nearest) if free else None

    def _shorter(self, way: list[Pose]) -> list[Pose]:
        """Without what can be left out; `way` begins with the start, what is returned does not."""
        rng = np.random.default_rng(1)
        for _ in range(_SHORTCUTS):
            if len(way) <= 2:
                break
            first, last = sorted(rng.integers(0, len(way), 2).tolist())
            if last - first > 1 and self._free(way[first], way[last]):
                way = [*way[: first + 1], *way[last:]]
        return way[1:]

    def _is_free(self, pose: Pose) -> bool:
        """Whether it may be gone to from anywhere."""
        whole = [*pose.tolist(), *self._grip.tolist()]
        gaps = self._body.gaps_m([whole])
        return self._inset.holds(whole) and bool(np.all(gaps >= self._body.least_m - _ROUNDING_M))

    def _free(self, start: Pose, end: Pose) -> bool:
        """Whether the straight way is: what is too near, or outside, comes no nearer, or in."""
        count = max(1, math.ceil(float(np.abs(end - start).max()) / STEP_RAD))
        shares = np.linspace(0.0, 1.0, count + 1)[:, None]
        poses = start + shares * (end - start)
        whole = np.hstack([poses, np.tile(self._grip, (len(poses), 1))])
        if not self._inset.kept_to(whole):
            return False
        gaps = self._body.gaps_m(whole.tolist())
        return bool(np.all(gaps[1:] >= self._body.floor_m(gaps[:-1]) - _ROUNDING_M))


def free_way_of(
    arm: ArmDescription, box_m: Box, ranges_rad: Sequence[Range], grip_rad: Sequence[float] = ()
) -> FreeWay:
    """For the joints of an arm whose tool keeps to a box; `ranges_rad` are of all its actuators.

    Raises:
        ConfigError: its file and its model do not fit.
    """
    joints = ranges_rad[: len(arm.joints)]
    return FreeWay(body_of(arm), workspace_of(arm, box_m), joints, grip_rad)


class _Tree:
    def __init__(self, root: Pose) -> None:
        self.poses: list[Pose] = [root]
        self._parents = [-1]

    def nearest(self, pose: Pose) -> int:
        return int(np.abs(np.array(self.poses) - pose).max(axis=1).argmin())

    def add(self, pose: Pose, parent: int) -> int:
        self.poses.append(pose)
        self._parents.append(parent)
        return len(self.poses) - 1

    def back_from(self, number: int) -> list[Pose]:
        """From this pose to the root."""
        return [self.poses[each] for each in self._up(number)]

    def _up(self, number: int) -> Iterator[int]:
        while number >= 0:
            yield number
            number = self._parents[number]
