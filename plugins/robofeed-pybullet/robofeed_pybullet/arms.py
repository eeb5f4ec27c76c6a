"""The simulated arms: where each model is, its joints, its home and how far it reaches."""

from __future__ import annotations

import difflib
import importlib.util
from dataclasses import dataclass
from pathlib import Path

from robofeed.data.errors import ConfigError
from robofeed.data.tasks import ArmFigures
from robofeed_pybullet.kinematics import Chain
from robofeed_pybullet.urdf import UrdfJoint, chain_to, read_joints


@dataclass(frozen=True, slots=True)
class Gripper:
    """The joints that open and close: positions in their own unit when shut and when open."""

    joints: tuple[str, ...]
    shut: float
    open: float
    width_m: float


@dataclass(frozen=True, slots=True)
class Arm:
    """An arm's model file and the figures that the file does not hold."""

    name: str
    package: str
    file: str
    joints: tuple[str, ...]
    tool_link: str
    home_rad: tuple[float, ...]
    gripper: Gripper
    scale: float
    """reach over that of the so101; the tasks' lengths are multiplied by it"""
    tool_step_m: float
    """largest tool displacement along an axis in one step of an end-effector action"""

    @property
    def path(self) -> Path:
        """The model file.

        Raises:
            ConfigError: the package that holds it is missing.
        """
        found = importlib.util.find_spec(self.package)
        if found is None or found.origin is None:
            raise ConfigError(
                f"the model of arm {self.name!r} is in the package {self.package}, which is not "
                f"installed: pip install {self.package.replace('_', '-')}"
            )
        return Path(found.origin).parent / self.file

    def chain(self) -> list[UrdfJoint]:
        """The joints, fixed ones too, from base to tool."""
        return chain_to(read_joints(self.path), self.tool_link)

    def figures(self) -> ArmFigures:
        """What a task must know of this arm."""
        chain = self.chain()
        moving = [joint for joint in chain if joint.axis is not None]
        reach_m = 0.45 * self.scale
        return ArmFigures(
            name=self.name,
            joint_names=self.joints,
            joint_low_rad=tuple(joint.low for joint in moving),
            joint_high_rad=tuple(joint.high for joint in moving),
            joint_speed_rad_s=tuple(joint.speed for joint in moving),
            home_rad=self.home_rad,
            scale=self.scale,
            tool_step_m=self.tool_step_m,
            workspace_low_m=(-0.1 * self.scale, -reach_m, 0.005),
            workspace_high_m=(reach_m, reach_m, reach_m),
            home_tool_m=Chain(chain, self.home_rad).tool(self.home_rad),
            gripper_width_m=self.gripper.width_m,
        )


ARMS = {
    arm.name: arm
    for arm in (
        Arm(
            name="so101",
            package="robofeed_sim_assets",
            file="so101/so101.urdf",
            joints=("shoulder_pan", "shoulder_lift", "elbow_flex", "wrist_flex", "wrist_roll"),
            tool_link="tool",
            home_rad=(0.0, -0.6, 0.6, 0.8, 0.0),
            gripper=Gripper(("gripper",), shut=-0.1745, open=1.7453, width_m=0.09),
            scale=1.0,
            tool_step_m=0.02,
        ),
    )
}


def find_arm(name: str) -> Arm:
    """The arm called `name`.

    Raises:
        ConfigError: no such arm.
    """
    if name not in ARMS:
        near = difflib.get_close_matches(name, ARMS, 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ConfigError(f"no arm {name!r}{hint} (there are {', '.join(ARMS)})")
    return ARMS[name]
