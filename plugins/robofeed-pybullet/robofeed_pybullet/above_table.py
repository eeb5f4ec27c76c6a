"""Which parts of an arm can never touch the table, whatever its joints do.

A pair of shapes that PyBullet need not look at is 3 us less a period for the so101.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from robofeed.kinematics.model import Matrix, Model, Shape

MARGIN_M = 0.01
_UPRIGHT = 1e-6


def joints_above_table(model: Model, joints: Sequence[str]) -> list[str]:
    """Those of `joints`, base first, whose links stay more than 10 mm above the height 0.

    The bound is a sphere round each part at the end of a straightened arm, so it holds for any
    joint angles. It needs a first joint that turns about the vertical: the second is then always at
    one height. Links with joints that do not turn, and what they carry, are left out.
    """
    first = model.joints[joints[0]]
    frame = first.parent_from_joint
    upright = abs((frame[:3, :3] @ first.axis)[2]) > 1.0 - _UPRIGHT
    if not upright or first.kind != "revolute":
        return []
    above = []
    if _lowest(model.links[first.child].collision, frame) > MARGIN_M:
        above.append(first.name)
    height_m, reach_m = 0.0, 0.0
    for number, name in enumerate(joints[1:]):
        joint = model.joints[name]
        if joint.kind != "revolute":
            break
        if number == 0:
            height_m = float((frame @ joint.parent_from_joint)[2, 3])
        else:
            reach_m += float(np.linalg.norm(joint.parent_from_joint[:3, 3]))
        shapes = model.links[joint.child].collision
        furthest_m = max((_distance(shape) + _radius(shape) for shape in shapes), default=0.0)
        if height_m - reach_m - furthest_m > MARGIN_M:
            above.append(name)
    return above


def _lowest(shapes: Sequence[Shape], frame: Matrix) -> float:
    heights = [(frame @ shape.link_from_shape)[2, 3] - _radius(shape) for shape in shapes]
    return float(min(heights, default=np.inf))


def _distance(shape: Shape) -> float:
    return float(np.linalg.norm(shape.link_from_shape[:3, 3]))


def _radius(shape: Shape) -> float:
    """Of a sphere round the shape about its own centre."""
    return float(np.linalg.norm(shape.size_m)) / 2.0
