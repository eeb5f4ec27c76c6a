"""Arm files of servos, as TOML, and how any arm file is read."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from robofeed import ConfigError
from robofeed_serial.arms.description import (
    ArmDescription,
    Finite,
    Joint,
    LimitsTable,
    Positive,
    Range,
    Table,
    arm_path,
    one_each,
)
from robofeed_serial.arms.machine_file import GcodeArmFile
from robofeed_serial.arms.toml_file import read_toml

Protocol = Literal["feetech", "dynamixel", "rfp"]


class Servo(Table):
    """One servo and what it turns."""

    name: str = Field(min_length=1)
    id: int = Field(ge=0, le=252)
    servo: str
    """its model's name, for people"""
    model_numbers: tuple[int, ...] = ()
    """what it may answer to a ping; empty = whatever"""
    ticks_per_turn: int = Field(gt=0)
    gear: Positive = 1.0
    sign: Literal[-1, 1] = 1
    """+1 = more ticks are a larger angle; a calibration that measured it overrides this"""
    middle_ticks: int = Field(ge=0)
    """where the servo stands in the middle of the joint's range, once calibrated"""
    positive: str = ""
    """which way is a larger angle, in words, for whoever calibrates by hand"""


class ArmJoint(Servo, Joint):
    """A joint of the kinematic chain, and the servo that turns it."""


class ArmGripper(Servo):
    """The servo that opens and closes."""

    shut_rad: Finite
    open_rad: Finite
    speed_rad_s: Positive = 2.0
    width_m: Positive
    """between the fingers when open"""
    cube_opening: Annotated[float, Field(ge=0, le=1)]
    hand_half_m: Range


class ServoLimits(LimitsTable):
    """What the servos may be at as well."""

    voltage_v: Range
    temperature_c: Positive = 65.0


class ArmFile(ArmDescription):
    """An arm of servos, which may have a gripper."""

    protocol: Protocol
    leader: str = ""
    """the arm that people move by hand to lead this one, where it has servos of its own"""
    limits: ServoLimits
    joints: tuple[ArmJoint, ...] = Field(min_length=1)
    gripper: ArmGripper | None = None
    things: ClassVar[str] = "servos"

    @model_validator(mode="after")
    def _servos_fit(self) -> ArmFile:
        one_each(self.things, "id", self.ids)
        if self.gripper is not None and self.gripper.shut_rad == self.gripper.open_rad:
            raise ValueError("gripper: shut_rad and open_rad are the same")
        return self

    @property
    def servos(self) -> tuple[Servo, ...]:
        """The joints' servos, then the gripper's."""
        return (*self.joints, self.gripper) if self.gripper is not None else self.joints

    @property
    def ids(self) -> tuple[int, ...]:
        """Of all servos, in the order of `servos`."""
        return tuple(servo.id for servo in self.servos)

    @property
    def actuators(self) -> tuple[str, ...]:
        return tuple(servo.name for servo in self.servos)

    @property
    def actuator_speeds_rad_s(self) -> tuple[float, ...]:
        own = super().actuator_speeds_rad_s
        return own if self.gripper is None else (*own, self.gripper.speed_rad_s)

    def range_rad(self, servo: Servo) -> Range:
        """The range of a joint or of the gripper."""
        if isinstance(servo, ArmGripper):
            return min(servo.shut_rad, servo.open_rad), max(servo.shut_rad, servo.open_rad)
        joint = self.geometry().model.joints[servo.name]
        return joint.low, joint.high

    def half_open(self, joint_rad: Sequence[float]) -> list[float]:
        """The joints at `joint_rad`, the gripper half open: one element a servo."""
        grip = self.gripper
        return [*joint_rad, *([] if grip is None else [0.5 * (grip.shut_rad + grip.open_rad)])]

    def hash(self) -> str:
        """Digest of what a calibration depends on: servos, gears, ranges. Signs it measures."""
        described = [
            (servo.name, servo.id, servo.ticks_per_turn, servo.gear, self.range_rad(servo))
            for servo in self.servos
        ]
        text = json.dumps([self.name, self.protocol, described])
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def _hand(self) -> tuple[float, float, Range]:
        grip = self.gripper
        return (
            super()._hand() if grip is None else (grip.width_m, grip.cube_opening, grip.hand_half_m)
        )


AnyArm = ArmFile | GcodeArmFile


def load_arm(name: str) -> ArmFile:
    """The arm of servos called `name`, or the one in the file of that name.

    Args:
        name: `so101`, or a path that ends in `.toml`.

    Raises:
        ConfigError: no such arm; one without servos; or its file cannot be used, with file, line
            and key.
    """
    arm = load_any_arm(name)
    if isinstance(arm, ArmFile):
        return arm
    raise ConfigError(
        f"arm {arm.name!r} takes G-code: it has no servos to set up, to calibrate or to lead with"
    )


def load_any_arm(name: str) -> AnyArm:
    """The same, whether it has servos or takes G-code."""
    path = arm_path(name)
    arm: AnyArm
    if _takes_gcode(path):
        arm = read_toml(path, GcodeArmFile, "arm file")
    else:
        arm = read_toml(path, ArmFile, "arm file")
    arm._path = path
    return arm


def _takes_gcode(path: Path) -> bool:
    """Looked at first: what a file may hold depends on it. What is no TOML is refused later."""
    try:
        return tomllib.loads(path.read_text("utf-8")).get("protocol") == "gcode"
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return False
