"""Arm files: what an arm is made of, as TOML. Data, no code; an operator may write one."""

from __future__ import annotations

import hashlib
import importlib.resources
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PrivateAttr, model_validator

from robofeed import ConfigError
from robofeed.data.errors import did_you_mean
from robofeed.kinematics.arm import ArmGeometry, model_path
from robofeed_serial.toml_file import read_toml

Protocol = Literal["feetech", "dynamixel", "rfp"]
OWN_PACKAGE = "robofeed_hardware"


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError("must be a finite number")
    return value


Finite = Annotated[float, AfterValidator(_finite)]
Positive = Annotated[float, AfterValidator(_finite), Field(gt=0)]
Range = tuple[Finite, Finite]
Vector = tuple[Finite, Finite, Finite]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Servo(_Table):
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


class ArmJoint(Servo):
    """A joint of the kinematic chain."""

    range_rad: Range | None = None
    """where the model file does not give the real arm's"""
    speed_rad_s: Positive | None = None
    """how fast it may go here; None = as fast as the model file says it can"""
    acceleration_rad_s2: Positive = 40.0


class ArmGripper(Servo):
    """The servo that opens and closes."""

    shut_rad: Finite
    open_rad: Finite
    speed_rad_s: Positive = 2.0
    width_m: Positive
    """between the fingers when open"""
    cube_opening: Annotated[float, Field(ge=0, le=1)]
    hand_half_m: Range


class ModelTable(_Table):
    """Where the kinematics come from."""

    package: str = OWN_PACKAGE
    file: str
    tool_link: str
    tool_m: Vector
    home_rad: tuple[Finite, ...]
    """tool pointing straight down"""
    rest_rad: tuple[Finite, ...]
    """where it may lie with its torque off: PARK goes there"""
    scale: Positive
    tool_step_m: Positive


class LimitsTable(_Table):
    """What no run of this arm goes beyond unless its operator says so in the run file."""

    tool_speed_m_s: Positive = 0.25
    voltage_v: Range
    temperature_c: Positive = 65.0
    workspace_low_m: Vector | None = None
    workspace_high_m: Vector | None = None


class ArmFile(_Table):
    """An arm: servos in the order of the chain, base first, and the gripper."""

    format: Literal[1]
    name: str = Field(min_length=1)
    summary: str
    protocol: Protocol
    baud: int = Field(gt=0)
    model: ModelTable
    limits: LimitsTable
    joints: tuple[ArmJoint, ...] = Field(min_length=1)
    gripper: ArmGripper | None = None
    _path: Path = PrivateAttr(default=Path())
    _geometry: ArmGeometry | None = PrivateAttr(default=None)

    @model_validator(mode="after")
    def _consistent(self) -> ArmFile:
        names = [servo.name for servo in self.servos]
        ids = [str(servo.id) for servo in self.servos]
        for what, values in (("name", names), ("id", ids)):
            twice = sorted({each for each in values if values.count(each) > 1})
            if twice:
                raise ValueError(f"two servos have the same {what}: {', '.join(twice)}")
        for label in ("home_rad", "rest_rad"):
            count = len(getattr(self.model, label))
            if count != len(self.joints):
                raise ValueError(f"model.{label} has {count} values for {len(self.joints)} joints")
        for joint in self.joints:
            if joint.range_rad is not None and joint.range_rad[0] >= joint.range_rad[1]:
                raise ValueError(f"joint {joint.name}: range_rad is empty")
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
    def path(self) -> Path:
        """Where it was read from."""
        return self._path

    def range_rad(self, servo: Servo) -> Range:
        """The range of a joint or of the gripper."""
        if isinstance(servo, ArmGripper):
            return min(servo.shut_rad, servo.open_rad), max(servo.shut_rad, servo.open_rad)
        joint = self.geometry().model.joints[servo.name]
        return joint.low, joint.high

    def hash(self) -> str:
        """Digest of what a calibration depends on: servos, gears, ranges. Signs it measures."""
        described = [
            (servo.name, servo.id, servo.ticks_per_turn, servo.gear, self.range_rad(servo))
            for servo in self.servos
        ]
        text = json.dumps([self.name, self.protocol, described])
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def geometry(self) -> ArmGeometry:
        """The arm in kinematics' terms.

        Raises:
            ConfigError: the model file is missing, cannot be read or lacks a joint, or its joints
                are others than the arm file's, or in another order.
        """
        if self._geometry is None:
            self._geometry = self._read_geometry()
        return self._geometry

    def _read_geometry(self) -> ArmGeometry:
        model, grip = self.model, self.gripper
        path = self._path.parent / model.file
        if not path.is_file():
            path = model_path(self.name, model.package, model.file)
        ranges = {
            joint.name: joint.range_rad for joint in self.joints if joint.range_rad is not None
        }
        geometry = ArmGeometry(
            name=self.name,
            path=path,
            joints=tuple(joint.name for joint in self.joints),
            tool=(model.tool_link, model.tool_m),
            home_rad=model.home_rad,
            scale=model.scale,
            tool_step_m=model.tool_step_m,
            gripper_width_m=grip.width_m if grip is not None else 0.05,
            cube_opening=grip.cube_opening if grip is not None else 0.3,
            hand_half_m=grip.hand_half_m if grip is not None else (0.02, 0.025),
        )
        given = geometry.figures()
        by_file = zip(given.joint_low_rad, given.joint_high_rad, strict=True)
        full = tuple(
            ranges.get(joint.name, own) for joint, own in zip(self.joints, by_file, strict=True)
        )
        geometry = replace(geometry, joint_range_rad=full)
        self._check_chain(geometry)
        return geometry

    def _check_chain(self, geometry: ArmGeometry) -> None:
        """Raises ConfigError unless the model's chain is what the arm file says it is."""
        chain = [joint for joint in geometry.chain() if joint.kind != "fixed"]
        names = [joint.name for joint in chain]
        if names != list(geometry.joints):
            raise ConfigError(
                f"{self._path}: its joints are {', '.join(geometry.joints)}, but from its base to "
                f"its tool {geometry.path} has {', '.join(names)}: the same joints, base first"
            )
        for joint in chain:
            if joint.kind != "revolute":
                raise ConfigError(f"{geometry.path}: joint {joint.name} slides: servos turn")
            if joint.low >= joint.high:
                raise ConfigError(
                    f"{self._path}: joint {joint.name} needs range_rad, for {geometry.path} gives "
                    "it none"
                )
        for label, pose_rad in (("home", self.model.home_rad), ("rest", self.model.rest_rad)):
            for joint, rad in zip(chain, pose_rad, strict=True):
                if not joint.low <= rad <= joint.high:
                    raise ConfigError(
                        f"{self._path}: model.{label}_rad has joint {joint.name} at {rad} rad, "
                        f"outside its range of {joint.low} to {joint.high}"
                    )


def arm_names() -> list[str]:
    """The arms that ship with robofeed."""
    folder = importlib.resources.files(OWN_PACKAGE) / "arms"
    files = (each.name for each in folder.iterdir())
    return sorted(name.removesuffix(".toml") for name in files if name.endswith(".toml"))


def load_arm(name: str) -> ArmFile:
    """The arm called `name`, or the one in the file of that name.

    Args:
        name: `so101`, or a path that ends in `.toml`.

    Raises:
        ConfigError: no such arm; or its file cannot be used, with file, line and key.
    """
    if name.endswith(".toml"):
        path = Path(name).expanduser()
    else:
        known = arm_names()
        if name not in known:
            raise ConfigError(
                f"no arm {name!r}{did_you_mean(name, known)}; for an arm of your own give the "
                "path of its file, which ends in .toml"
            )
        path = Path(str(importlib.resources.files(OWN_PACKAGE) / "arms" / f"{name}.toml"))
    arm = read_toml(path, ArmFile, "arm file")
    arm._path = path
    return arm
