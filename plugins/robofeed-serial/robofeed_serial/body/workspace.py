"""The box that a tool keeps to on its way: the rule of the port's owner, for many poses at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from robofeed_serial.arms.description import ArmDescription, Vector
from robofeed_serial.body.link_poses import LinkPoses

EDGE_M = 0.002
"""So far inside a way keeps where it can: an arm goes a little beside the line it is ordered on."""
_ROUNDING_M = 1e-9

Box = tuple[Vector, Vector]
"""lowest and highest corner, m in the base frame"""


class Workspace:
    """Where the tool may be.

    Args:
        poses: Where the links are, the tool among them.
        box_m: Its corners.
    """

    def __init__(self, poses: LinkPoses, box_m: Box) -> None:
        self._poses, self._tool = poses, poses.index["tool"]
        self._low, self._high = np.array(box_m, float)

    def inset(self, poses_rad: Sequence[Sequence[float]]) -> Workspace:
        """The same with its walls `EDGE_M` further in, but no nearer than the tool is to them here.

        Args:
            poses_rad: One element a servo in each.
        """
        tools = self._tools(np.array(poses_rad, float))
        low, high = self._low + EDGE_M, self._high - EDGE_M
        for tool in tools:
            low = np.where(tool >= self._low, np.minimum(low, tool), low)
            high = np.where(tool <= self._high, np.maximum(high, tool), high)
        return Workspace(self._poses, (tuple(low.tolist()), tuple(high.tolist())))

    def holds(self, pose_rad: Sequence[float]) -> bool:
        """Whether the tool is inside."""
        return not self._outside(np.array([pose_rad], float)).any()

    def kept_to(self, poses_rad: NDArray[np.float64]) -> bool:
        """Whether the tool goes out through no wall, and no further out where it is outside.

        Args:
            poses_rad: One after the other, [poses, servos].
        """
        outside = self._outside(poses_rad)
        if not outside.any():
            return True
        was, now = outside[:-1], outside[1:]
        if np.any((now > 0.0) & (was == 0.0)):
            return False
        away = np.linalg.norm(outside, axis=1)
        return bool(np.all(away[1:] <= away[:-1] + _ROUNDING_M))

    def _outside(self, poses_rad: NDArray[np.float64]) -> NDArray[np.float64]:
        """By how much on each axis."""
        tools = self._tools(poses_rad)
        beyond = np.maximum(self._low - tools, tools - self._high)
        outside: NDArray[np.float64] = np.where(beyond > _ROUNDING_M, beyond, 0.0)
        return outside

    def _tools(self, poses_rad: NDArray[np.float64]) -> NDArray[np.float64]:
        return self._poses.at(poses_rad)[:, self._tool, :3, 3]


def workspace_of(arm: ArmDescription, box_m: Box) -> Workspace:
    """Of the tool of an arm. Raises ConfigError where its file and its model do not fit."""
    return Workspace(LinkPoses(arm.geometry().model, arm.actuators), box_m)
