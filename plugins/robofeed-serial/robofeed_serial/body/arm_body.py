"""The bodies of an arm's links as boxes, and how far those are apart that might meet.

Plain numpy and without state, so that the port's owner can ask it every cycle.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from robofeed_serial.arms.arm_file import ArmFile
from robofeed_serial.arms.description import ArmDescription
from robofeed_serial.body.box_gaps import BoxPairs
from robofeed_serial.body.link_boxes import LinkBox, link_boxes, rigid_parts
from robofeed_serial.body.link_poses import LinkPoses

MARGIN_M = 0.01
"""no two links come nearer than this, unless they do at rest"""
RESTING_M = 0.007
"""So much nearer than at rest may an arm lie that has sagged or was laid down by hand."""
BELOW_TABLE_M = 0.01
"""So far may a link be sent below the table: the tips of fingers whose tool point is just above it,
and what a base that stands on feet is higher."""
UNTRUE_M = 0.02
"""So much nearer than it may be can no pair really be: bodies are hard. Where one is found so, the
model is wrong (the table's edge is nearer, say), and it holds nothing back until that is over."""
TABLE = "the table"
_ROUNDING_M = 1e-9

Pair = tuple[str, str]


class ArmBody:
    """Gaps between links, and above the table, at any pose.

    Args:
        poses: Where the links are.
        boxes: What they are made of.
        least_m: By pair, the gap it must keep. A pair is the names of two links, or of a link and
            TABLE; those come last.
    """

    def __init__(
        self, poses: LinkPoses, boxes: Sequence[LinkBox], least_m: Mapping[Pair, float]
    ) -> None:
        self.pairs = tuple(least_m)
        self.least_m = np.array(list(least_m.values()))
        self._poses = poses
        self._links = [poses.index[box.link] for box in boxes]
        self._offsets = np.array([box.link_from_box for box in boxes]).reshape(-1, 4, 4)
        halves = np.array([box.half_m for box in boxes]).reshape(-1, 3)
        of_link: dict[str, list[int]] = {}
        for number, box in enumerate(boxes):
            of_link.setdefault(box.link, []).append(number)
        self._first: list[int] = []
        self._second: list[int] = []
        self._above: list[int] = []
        self._starts: list[int] = []
        for one, other in self.pairs:
            self._starts.append(len(self._first) + len(self._above))
            if other == TABLE:
                self._above += of_link[one]
                continue
            for part in of_link[one]:
                self._first += [part] * len(of_link[other])
                self._second += of_link[other]
        self._sides = BoxPairs(halves[self._first], halves[self._second])
        self._heights = halves[self._above]

    def gaps_m(self, poses_rad: Sequence[Sequence[float]]) -> NDArray[np.float64]:
        """How far the links of each of `pairs` are apart at each pose, [poses, pairs].

        No more than their distance; below 0 they overlap. A link's gap to the table is how high
        above it is.

        Args:
            poses_rad: One element a servo in each, the gripper last.
        """
        if not self.pairs:
            return np.zeros((len(poses_rad), 0))
        boxes = self._poses.at(np.asarray(poses_rad, float))[:, self._links] @ self._offsets
        rows = [self._sides.gaps(boxes[:, self._first], boxes[:, self._second])]
        if self._above:
            up = boxes[:, self._above, 2]
            rows.append(up[..., 3] - np.sum(np.abs(up[..., :3]) * self._heights, axis=-1))
        gaps: NDArray[np.float64] = np.minimum.reduceat(
            np.concatenate(rows, axis=1), self._starts, axis=1
        )
        return gaps

    def floor_m(self, was_m: NDArray[np.float64]) -> NDArray[np.float64]:
        """The gap below which no pair may come from where their gaps are `was_m`, same shape.

        The least it must keep, or, where it was nearer before, that: links that were found too near
        may move apart. Nothing holds back those that were found nearer than can be.
        """
        nearer = np.minimum(self.least_m, was_m)
        floor: NDArray[np.float64] = np.where(was_m < self.least_m - UNTRUE_M, -np.inf, nearer)
        return floor

    def first_free(self, poses_rad: Sequence[Sequence[float]]) -> tuple[int, Pair | None]:
        """Which of several poses may be gone to from the last of them.

        One at which no pair is nearer than its `floor_m`.

        Returns:
            The number of the first such pose, and the pair that forbids pose 0, None if nothing
            does.
        """
        if not self.pairs:
            return 0, None
        gaps = self.gaps_m(poses_rad)
        room = gaps - self.floor_m(gaps[-1]) + _ROUNDING_M
        free = int(np.argmax((room >= 0.0).all(axis=1)))
        return free, self.pairs[int(np.argmin(room[0]))] if free else None


def body_of(arm: ArmDescription) -> ArmBody:
    """The body of an arm.

    Links that are neighbours touch. Others that are nearer than the margin even at home have so
    little between them that the model tells nothing of them. Neither are pairs. What is near at
    rest, where an arm may lie upon itself, may be as near, and a little more.

    Raises:
        ConfigError: its file and its model do not fit.
    """
    model = arm.geometry().model
    boxes = link_boxes(arm)
    poses = LinkPoses(model, arm.actuators)
    part = rigid_parts(model)
    links = list(dict.fromkeys(box.link for box in boxes))
    joined = {frozenset((part[joint.parent], part[joint.child])) for joint in model.joints.values()}
    wanted_m = {
        (one, other): MARGIN_M
        for number, one in enumerate(links)
        for other in links[number + 1 :]
        if part[one] != part[other] and frozenset((part[one], part[other])) not in joined
    }
    if arm.body.on_table:
        base = part[next(iter(poses.index))]
        wanted_m |= {(link, TABLE): -BELOW_TABLE_M for link in links if part[link] != base}
    every = ArmBody(poses, boxes, wanted_m)
    grip = arm.gripper if isinstance(arm, ArmFile) else None
    grips = [[]] if grip is None else [[grip.shut_rad], [grip.open_rad]]
    home_m, rest_m = (
        every.gaps_m([[*pose, *opening] for opening in grips]).min(axis=0).tolist()
        for pose in (arm.model.home_rad, arm.model.rest_rad)
    )
    rows = zip(wanted_m.items(), home_m, rest_m, strict=True)
    least_m = {
        pair: min(wanted, at_rest - RESTING_M)
        for (pair, wanted), at_home, at_rest in rows
        if at_home >= wanted
    }
    return ArmBody(poses, boxes, least_m)


def not_looked_at(arm: ArmDescription) -> str:
    """What nothing keeps the links of an arm from, in a sentence for whoever stands beside it.

    "" where they are kept from each other and from the table.

    Raises:
        ConfigError: its file and its model do not fit.
    """
    pairs = body_of(arm).pairs
    what = [
        name
        for name, known in (
            ("each other", any(other != TABLE for _, other in pairs)),
            ("the table", any(other == TABLE for _, other in pairs)),
        )
        if not known
    ]
    if not what:
        return ""
    return (
        f"nothing keeps the links of {arm.name} from {' or '.join(what)}: {arm.path.name} does not "
        "say what they are like ([body]). Only its tool keeps to the workspace: watch it"
    )
