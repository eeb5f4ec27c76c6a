"""An arm in kinematics' terms, simulated or real: its model, its solver and its figures."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from robofeed.data.errors import ConfigError
from robofeed.data.tasks import ArmFigures
from robofeed.kinematics.chain import Chain, Kinematics
from robofeed.kinematics.level import LevelArm, is_level
from robofeed.kinematics.model import Joint, Model
from robofeed.kinematics.model_reader import read_model
from robofeed.kinematics.planar import PlanarArm, is_planar

REACH_M = 0.45
"""edge of the workspace box at `scale` 1"""
LOWEST_M = 0.005


@dataclass(frozen=True)
class ArmGeometry:
    """An arm's model file and the figures that the file does not hold (or holds wrongly)."""

    name: str
    path: Path
    joints: tuple[str, ...]
    tool: tuple[str, tuple[float, float, float]]
    """a link and a point in it: midway between the finger tips"""
    home_rad: tuple[float, ...]
    """tool pointing straight down, the fingers closing along y"""
    scale: float
    """reach over that of the so101; the tasks' lengths are multiplied by it"""
    tool_step_m: float
    """largest tool displacement along an axis in one step of an end-effector action"""
    gripper_width_m: float
    """between the fingers when open"""
    cube_opening: float
    """the opening in [0, 1] at which the gripper has shut on the tasks' cube"""
    hand_half_m: tuple[float, float]
    """half the width, along x and y, of the shut hand while the tool points down"""
    joint_speed_rad_s: tuple[float, ...] = ()
    """where the model file does not give the real arm's"""
    joint_range_rad: tuple[tuple[float, float], ...] = ()
    """where the model file does not give the real arm's"""
    file_inertia: bool = False
    fold_rad: tuple[float, float] | None = None
    """of an arm held level: bounds of the angle between its two links"""

    @cached_property
    def model(self) -> Model:
        """The arm with the real joints' ranges and speeds, and a link called `tool`.

        Raises:
            ConfigError: the file cannot be read, or lacks a joint or the tool's link.
        """
        model = read_model(self.path, file_inertia=self.file_inertia)
        joints = dict(model.joints)
        for name, speed in zip(self.joints, self.joint_speed_rad_s, strict=False):
            joints[name] = replace(self._joint(joints, name), speed=speed)
        for name, (low, high) in zip(self.joints, self.joint_range_rad, strict=False):
            joints[name] = replace(self._joint(joints, name), low=low, high=high)
        parent, position_m = self.tool
        return replace(model, joints=joints).with_tool(parent, position_m)

    def _joint(self, joints: dict[str, Joint], name: str) -> Joint:
        if name not in joints:
            raise ConfigError(
                f"arm {self.name!r}: its model {self.path} has no joint {name!r} "
                f"(there are {', '.join(joints)})"
            )
        return joints[name]

    def chain(self) -> list[Joint]:
        """The joints, fixed ones too, from base to tool."""
        return self.model.chain_to("tool")

    def kinematics(self, period_s: float, *, hold_posture: bool) -> Kinematics:
        """Forward and inverse kinematics, the fastest that fits the arm."""
        chain = self.chain()
        if is_level(chain):
            return LevelArm(chain, period_s, self.fold_rad)
        solver = PlanarArm if is_planar(chain) else Chain
        return solver(chain, self.home_rad, period_s, hold_posture=hold_posture)

    def figures(self) -> ArmFigures:
        """What a task must know of this arm."""
        moving = [self._joint(self.model.joints, name) for name in self.joints]
        reach_m = REACH_M * self.scale
        chain = self.chain()
        reaches = None
        if is_level(chain):
            level = LevelArm(chain, 1.0, self.fold_rad)
            home_tool_m, reaches = level.pose(self.home_rad).tool_m, level.reaches
        else:
            home_tool_m = Chain(chain, self.home_rad, 1.0).tool(self.home_rad)
        return ArmFigures(
            name=self.name,
            joint_names=self.joints,
            joint_low_rad=tuple(joint.low for joint in moving),
            joint_high_rad=tuple(joint.high for joint in moving),
            joint_speed_rad_s=tuple(joint.speed for joint in moving),
            home_rad=self.home_rad,
            scale=self.scale,
            tool_step_m=self.tool_step_m,
            workspace_low_m=(0.0, -reach_m, LOWEST_M),
            workspace_high_m=(reach_m, reach_m, reach_m),
            home_tool_m=home_tool_m,
            reaches=reaches,
            gripper_width_m=self.gripper_width_m,
            cube_opening=self.cube_opening,
            hand_half_m=self.hand_half_m,
        )


def model_path(arm: str, package: str, file: str) -> Path:
    """Where a model file is that ships inside a Python package.

    Raises:
        ConfigError: the package is not installed.
    """
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        raise ConfigError(
            f"the model of arm {arm!r} is in the package {package}, which is not "
            "installed: `make setup` in a checkout of robofeed installs it"
        )
    return Path(found.origin).parent / file
