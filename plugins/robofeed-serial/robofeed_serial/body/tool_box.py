"""The box a tool stays in while joints turn one after the other."""

from __future__ import annotations

from collections.abc import Sequence

from robofeed_serial.arms.description import ArmDescription

AROUND_M = 0.02
_PARTS = 5

Point = tuple[float, float, float]


def box_of_turns(
    arm: ArmDescription, rad: Sequence[float], ways: Sequence[float]
) -> tuple[Point, Point]:
    """Lowest and highest corner, in m in the base frame, with `AROUND_M` all around.

    Args:
        arm: The arm.
        rad: Where its servos are.
        ways: How far each goes, and back, before the next one does.
    """
    count = len(arm.joints)
    kinematics = arm.geometry().kinematics(0.01, hold_posture=False)
    places = []
    for number in range(count):
        for part in range(_PARTS + 1):
            joints = list(rad[:count])
            joints[number] += ways[number] * part / _PARTS
            places.append(kinematics.pose(joints).tool_m)
    xs, ys, zs = zip(*places, strict=True)
    return (
        (min(xs) - AROUND_M, min(ys) - AROUND_M, min(zs) - AROUND_M),
        (max(xs) + AROUND_M, max(ys) + AROUND_M, max(zs) + AROUND_M),
    )
