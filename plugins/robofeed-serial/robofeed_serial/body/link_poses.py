"""Where all links of an arm are, for several poses at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from robofeed.kinematics.model import Joint, Matrix, Model

Array = NDArray[np.float64]


class LinkPoses:
    """Forward kinematics of a whole tree of links.

    Args:
        model: Links and joints.
        servos: The joint that each element of a pose turns; one that the model lacks turns nothing,
            and a joint that is not among them stays at 0.
    """

    def __init__(self, model: Model, servos: Sequence[str]) -> None:
        below = {joint.child for joint in model.joints.values()}
        base = next(name for name in model.links if name not in below)
        joints = _from_base(model, base)
        self.index = {base: 0} | {joint.child: n + 1 for n, joint in enumerate(joints)}
        """of each link in `at`, base first"""
        self._parents = [self.index[joint.parent] for joint in joints]
        turned = [
            (n, servos.index(name), share)
            for n, joint in enumerate(joints)
            for name, share in [joint.follows or (joint.name, 1.0)]
            if joint.kind == "revolute" and name in servos
        ]
        self._turned = [n for n, _, _ in turned]
        self._servo = [servo for _, servo, _ in turned]
        self._share = np.array([share for _, _, share in turned])
        self._fixed = np.array([joint.parent_from_joint for joint in joints]).reshape(-1, 4, 4)
        # Rodrigues: the rotation by q is still + sin q * swing + (1 - cos q) * bend.
        frames = [(joints[n].parent_from_joint, _crossed(joints[n])) for n in self._turned]
        self._swing = np.array([frame @ cross for frame, cross in frames])
        self._bend = np.array([frame @ cross @ cross for frame, cross in frames])

    def at(self, poses_rad: Array) -> Array:
        """The transforms from the base to each link, [poses, links, 4, 4].

        Args:
            poses_rad: [poses, servos].
        """
        angles = (self._share * poses_rad[:, self._servo])[:, :, None, None]
        steps = np.empty((len(poses_rad), *self._fixed.shape))
        steps[:] = self._fixed
        steps[:, self._turned] += np.sin(angles) * self._swing + (1.0 - np.cos(angles)) * self._bend
        links = np.empty((len(poses_rad), 1 + len(self._parents), 4, 4))
        links[:, 0] = np.eye(4)
        for number, parent in enumerate(self._parents):
            np.matmul(links[:, parent], steps[:, number], out=links[:, number + 1])
        return links


def _from_base(model: Model, base: str) -> list[Joint]:
    """All joints, each after the one that carries it."""
    found: list[Joint] = []
    waiting = [base]
    while waiting:
        link = waiting.pop(0)
        below = [joint for joint in model.joints.values() if joint.parent == link]
        found += below
        waiting += [joint.child for joint in below]
    return found


def _crossed(joint: Joint) -> Matrix:
    """The cross product with the joint's axis, as a 4 x 4 matrix."""
    x, y, z = np.asarray(joint.axis, float) / np.linalg.norm(joint.axis)
    cross = np.zeros((4, 4))
    cross[:3, :3] = [[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]]
    return cross
