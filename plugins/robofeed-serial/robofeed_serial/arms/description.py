"""What arm files of all kinds have in common. Data, no code; an operator may write one."""

from __future__ import annotations

import importlib.resources
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PrivateAttr, model_validator

from robofeed import ConfigError
from robofeed.data.errors import did_you_mean
from robofeed.kinematics.arm import ArmGeometry, model_path
from robofeed_serial.arms.toml_file import own_path

AnyProtocol = Literal["feetech", "dynamixel", "rfp", "gcode"]
OWN_PACKAGE = "robofeed_hardware"


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError("must be a finite number")
    return value


Finite = Annotated[float, AfterValidator(_finite)]
Positive = Annotated[float, AfterValidator(_finite), Field(gt=0)]
Range = tuple[Finite, Finite]
Vector = tuple[Finite, Finite, Finite]


class Table(BaseModel):
    """Part of a file: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Joint(Table):
    """A joint of the kinematic chain."""

    name: str = Field(min_length=1)
    positive: str = ""
    """which way is a larger angle, in words"""
    range_rad: Range | None = None
    """where the model file does not give the real arm's"""
    speed_rad_s: Positive | None = None
    """how fast it may go here; None = as fast as the model file says it can"""
    acceleration_rad_s2: Positive = 40.0


class ModelTable(Table):
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
    fold_rad: Range | None = None
    """of an arm whose parallelograms hold its hand level: bounds of the angle between its links"""


class LimitsTable(Table):
    """What no run of this arm goes beyond unless its operator says so in the run file."""

    tool_speed_m_s: Positive = 0.25
    workspace_low_m: Vector | None = None
    workspace_high_m: Vector | None = None


class BodyTable(Table):
    """What the links could run into."""

    on_table: bool = False
    """the base's z = 0 is a table, which no link may be sent into"""
    radius_m: dict[str, Positive] = {}
    """how thick links are round the line to their next joint, where the model has no shapes"""


class ArmDescription(Table):
    """An arm: its joints in the order of the chain, base first."""

    format: Literal[1]
    name: str = Field(min_length=1)
    summary: str
    protocol: AnyProtocol
    baud: int = Field(gt=0)
    model: ModelTable
    limits: LimitsTable
    body: BodyTable = BodyTable()
    joints: tuple[Joint, ...] = Field(min_length=1)
    things: ClassVar[str] = "joints"
    """what it is made of, for messages"""
    _path: Path = PrivateAttr(default=Path())
    _geometry: ArmGeometry | None = PrivateAttr(default=None)

    @model_validator(mode="after")
    def _joints_fit(self) -> ArmDescription:
        one_each(self.things, "name", self.actuators)
        for label in ("home_rad", "rest_rad"):
            count = len(getattr(self.model, label))
            if count != len(self.joints):
                raise ValueError(f"model.{label} has {count} values for {len(self.joints)} joints")
        for joint in self.joints:
            if joint.range_rad is not None and joint.range_rad[0] >= joint.range_rad[1]:
                raise ValueError(f"joint {joint.name}: range_rad is empty")
        return self

    @property
    def actuators(self) -> tuple[str, ...]:
        """Names of what has a goal of its own: the joints, and the gripper where there is one."""
        return tuple(joint.name for joint in self.joints)

    @property
    def actuator_speeds_rad_s(self) -> tuple[float, ...]:
        """How fast each may go, by this file and the model's."""
        figures = self.geometry().figures()
        return tuple(
            own if joint.speed_rad_s is None else min(own, joint.speed_rad_s)
            for joint, own in zip(self.joints, figures.joint_speed_rad_s, strict=True)
        )

    @property
    def least_cycle_s(self) -> float:
        """How often its supervisor can look at it and order it, at the most."""
        return 0.0

    @property
    def path(self) -> Path:
        """Where it was read from."""
        return self._path

    def geometry(self) -> ArmGeometry:
        """The arm in kinematics' terms.

        Raises:
            ConfigError: the model file is missing, cannot be read or lacks a joint, or its joints
                are others than the arm file's, or in another order.
        """
        if self._geometry is None:
            self._geometry = self._read_geometry()
        return self._geometry

    def _hand(self) -> tuple[float, float, Range]:
        """The gripper's width in m, its opening on the tasks' cube, half the hand's width."""
        return 0.05, 0.3, (0.02, 0.025)

    def _read_geometry(self) -> ArmGeometry:
        model = self.model
        path = self._path.parent / model.file
        if not path.is_file():
            path = model_path(self.name, model.package, model.file)
        ranges = {
            joint.name: joint.range_rad for joint in self.joints if joint.range_rad is not None
        }
        width_m, cube_opening, hand_half_m = self._hand()
        geometry = ArmGeometry(
            name=self.name,
            path=path,
            joints=tuple(joint.name for joint in self.joints),
            tool=(model.tool_link, model.tool_m),
            home_rad=model.home_rad,
            scale=model.scale,
            tool_step_m=model.tool_step_m,
            gripper_width_m=width_m,
            cube_opening=cube_opening,
            hand_half_m=hand_half_m,
            fold_rad=model.fold_rad,
        )
        given = geometry.figures()
        by_file = zip(given.joint_low_rad, given.joint_high_rad, strict=True)
        full = tuple(
            ranges.get(joint.name, own) for joint, own in zip(self.joints, by_file, strict=True)
        )
        geometry = replace(geometry, joint_range_rad=full)
        self._check_chain(geometry)
        self._check_box(geometry)
        return geometry

    def _check_box(self, geometry: ArmGeometry) -> None:
        """Raises ConfigError where the workspace has no room: the arm would never move, nor say."""
        figures, limits = geometry.figures(), self.limits
        low_m = limits.workspace_low_m or figures.workspace_low_m
        high_m = limits.workspace_high_m or figures.workspace_high_m
        for axis, low, high in zip("xyz", low_m, high_m, strict=True):
            if low >= high:
                raise ConfigError(
                    f"{self._path}: limits: the workspace has no room along {axis}: it goes from "
                    f"{low:g} to {high:g} m"
                )

    def _check_chain(self, geometry: ArmGeometry) -> None:
        """Raises ConfigError unless the model's chain is what the arm file says it is."""
        chain = [joint for joint in geometry.chain() if joint.kind != "fixed" and not joint.follows]
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


def one_each(things: str, what: str, values: Sequence[object]) -> None:
    """Raises ValueError where a value is there twice."""
    twice = sorted({str(each) for each in values if values.count(each) > 1})
    if twice:
        raise ValueError(f"two {things} have the same {what}: {', '.join(twice)}")


def arm_names() -> list[str]:
    """The arms that ship with robofeed."""
    folder = importlib.resources.files(OWN_PACKAGE) / "arms"
    files = (each.name for each in folder.iterdir())
    return sorted(name.removesuffix(".toml") for name in files if name.endswith(".toml"))


def arm_path(name: str) -> Path:
    """The file of the arm called `name`; a path that ends in .toml is itself.

    Raises:
        ConfigError: no such arm.
    """
    if name.endswith(".toml"):
        return own_path(name)
    known = arm_names()
    if name not in known:
        raise ConfigError(
            f"no arm {name!r}{did_you_mean(name, known)}; for an arm of your own give the "
            "path of its file, which ends in .toml"
        )
    return Path(str(importlib.resources.files(OWN_PACKAGE) / "arms" / f"{name}.toml"))
