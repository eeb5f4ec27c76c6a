"""A gripper's servo as an opening from 0 (shut) to 1, and how hard it may squeeze."""

from __future__ import annotations

from robofeed import ConfigError
from robofeed_serial.arms.arm_file import AnyArm, ArmFile, ArmGripper

SQUEEZE_RAD = 0.2
"""By so much may the goal lie beyond where the fingers are. They shut on a thing and stay there; a
goal far inside it would have the servo push with all it has, until it protects itself and lets go.
A guess that no gripper has been tried with yet."""


class Grip:
    """Openings and angles of one gripper."""

    def __init__(self, gripper: ArmGripper) -> None:
        self._shut, self._span = gripper.shut_rad, gripper.open_rad - gripper.shut_rad

    def opening(self, rad: float) -> float:
        """In 0..1, of a measured angle."""
        return min(max((rad - self._shut) / self._span, 0.0), 1.0)

    def goal_rad(self, opening: float, here_rad: float) -> float:
        """The servo's goal for `opening`, near to where it is measured."""
        goal = self._shut + opening * self._span
        return min(max(goal, here_rad - SQUEEZE_RAD), here_rad + SQUEEZE_RAD)


def grip_of(arm: AnyArm) -> Grip:
    """The arm's gripper. Raises ConfigError where it has none that can be asked to open."""
    if not isinstance(arm, ArmFile) or arm.gripper is None:
        raise ConfigError(f"{arm.name} has no gripper that can be driven: set gripper = false")
    return Grip(arm.gripper)
