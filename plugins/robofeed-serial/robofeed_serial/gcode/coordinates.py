"""Joints in rad and back into what an arm that takes G-code calls its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from robofeed import ConfigError, HardwareError
from robofeed.kinematics.level import LevelArm
from robofeed_serial.arms.machine_file import GcodeArmFile

MM = 1000.0
TOOL_AXES = "XYZ"


class Coordinates(Protocol):
    """Both ways between joints and axes."""

    def place(self, joint_rad: Sequence[float]) -> dict[str, float]:
        """By axis: mm, or degrees where the axis is a joint."""

    def joint_rad(self, place: Mapping[str, float]) -> list[float]:
        """The inverse. Raises HardwareError where no joints fit, KeyError for an axis too few."""


class JointAxes:
    """Each joint is an axis of its own."""

    def __init__(self, arm: GcodeArmFile) -> None:
        self._arm = arm

    def place(self, joint_rad: Sequence[float]) -> dict[str, float]:
        arm = self._arm
        return {
            joint.axis: arm.degrees(joint, angle)
            for joint, angle in zip(arm.joints, joint_rad, strict=True)
        }

    def joint_rad(self, place: Mapping[str, float]) -> list[float]:
        return [self._arm.angle_rad(joint, place[joint.axis]) for joint in self._arm.joints]


class ToolAxes:
    """The axes are the tool's place: the arm does its kinematics itself, and so do we."""

    def __init__(self, name: str, kinematics: LevelArm) -> None:
        self._name, self._kinematics = name, kinematics

    def place(self, joint_rad: Sequence[float]) -> dict[str, float]:
        tool_m = self._kinematics.pose(joint_rad).tool_m
        return {axis: MM * value for axis, value in zip(TOOL_AXES, tool_m, strict=True)}

    def joint_rad(self, place: Mapping[str, float]) -> list[float]:
        joints = self._kinematics.joints_at([place[axis] / MM for axis in TOOL_AXES])
        if joints is None:
            where = " ".join(f"{axis}{place[axis]:.1f}" for axis in TOOL_AXES)
            raise HardwareError(
                f"arm {self._name} says that it is at {where} mm, where its links cannot bring it: "
                "is it in its normal mode (a suction cup, no other tool), is it this arm?"
            )
        return joints


def coordinates_of(arm: GcodeArmFile) -> Coordinates:
    """Those of the arm.

    Raises:
        ConfigError: its axes are the tool's place, but its geometry has no inverse in closed form.
    """
    if arm.gcode.axes == "joints":
        return JointAxes(arm)
    kinematics = arm.geometry().kinematics(1.0, hold_posture=False)
    if not isinstance(kinematics, LevelArm):
        raise ConfigError(
            f'{arm.path}: gcode.axes = "tool" needs an arm whose hand is held level by '
            'parallelograms (joints with <mimic> in its model); others have axes = "joints"'
        )
    return ToolAxes(arm.name, kinematics)
