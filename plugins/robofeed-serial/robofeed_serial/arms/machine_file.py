"""Arm files of arms that take G-code: a profile, and what the axes of its moves are."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import Field, model_validator

from robofeed_serial.arms.description import (
    ArmDescription,
    Finite,
    Joint,
    Positive,
    Range,
    Table,
    one_each,
)

CYCLE_BYTES = {"uarm": 90, "mirobot": 220, "grbl": 100}
"""a question, a move and their answers"""
AXES = {"uarm": "", "mirobot": "ABCXYZ", "grbl": "XYZ"}
"""the letters that may be joints, of those that its reports have"""
CALM_S = 0.005
"""of each cycle that the port is left in peace"""
Profile = Literal["uarm", "mirobot", "grbl"]


class GcodeJoint(Joint):
    """A joint, and the axis that turns it where the axes are joints."""

    axis: str = Field(default="", pattern="^[A-Z]?$")
    """its letter in moves and reports; "" where the axes are the tool's place"""
    sign: Literal[-1, 1] = 1
    """+1 = a larger number is a larger angle"""
    zero_degrees: Finite = 0.0
    """what the axis says at angle 0"""


class GcodeTable(Table):
    """How it is spoken to."""

    profile: Profile
    axes: Literal["tool", "joints"]
    """what a move names: the tool's place in mm, or the joints in degrees"""
    near: Positive
    """how near to its goal, mm or degrees, a move counts as done: what its reports scatter"""


class GcodeArmFile(ArmDescription):
    """An arm that takes G-code."""

    protocol: Literal["gcode"]
    gcode: GcodeTable
    joints: tuple[GcodeJoint, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _axes_fit(self) -> GcodeArmFile:
        named = [joint.axis for joint in self.joints if joint.axis]
        one_each(self.things, "axis", named)
        if self.gcode.axes == "joints" and len(named) != len(self.joints):
            raise ValueError('gcode.axes = "joints": every joint needs its axis')
        if self.gcode.axes == "tool" and named:
            raise ValueError('gcode.axes = "tool": no joint has an axis')
        profile = self.gcode.profile
        if named and not AXES[profile]:
            raise ValueError(
                f'gcode.profile = "{profile}" names the tool\'s place: set gcode.axes = "tool"'
            )
        for joint in self.joints:
            if joint.axis not in AXES[profile]:  # "" is in every string
                raise ValueError(
                    f"joint {joint.name}: its axis {joint.axis} is not in the reports of a "
                    f"{profile}, which have {', '.join(AXES[profile])}"
                )
        return self

    @property
    def least_cycle_s(self) -> float:
        return CYCLE_BYTES[self.gcode.profile] * 10 / self.baud + CALM_S

    @property
    def ranges_rad(self) -> list[Range]:
        """How far each joint may turn."""
        figures = self.geometry().figures()
        return list(zip(figures.joint_low_rad, figures.joint_high_rad, strict=True))

    def degrees(self, joint: GcodeJoint, angle_rad: float) -> float:
        """What the joint's axis is at an angle."""
        return joint.zero_degrees + joint.sign * math.degrees(angle_rad)

    def angle_rad(self, joint: GcodeJoint, degrees: float) -> float:
        """The inverse of `degrees`."""
        return joint.sign * math.radians(degrees - joint.zero_degrees)
