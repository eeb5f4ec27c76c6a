"""The `BackendSpec` of a simulated arm with a task."""

from __future__ import annotations

import numpy as np

from robofeed.data.spec import ArraySpec, BackendSpec, FrameSpec, Limits
from robofeed.data.tasks import ArmFigures, Task
from robofeed_pybullet.config import PybulletConfig
from robofeed_pybullet.kinematics import TRAVEL_SHARE
from robofeed_pybullet.scene import scene_size

JOINT_STEP_RAD = 0.1
"""largest joint displacement in one step of a joint action, below what the arms can do"""
TOOL_SPEED_SHARE = 2.0
"""the tool's speed limit over that of the largest action on one axis; a diagonal has sqrt(3)"""
CAMERA = "front"


def backend_spec(config: PybulletConfig, arm: ArmFigures, task: Task) -> BackendSpec:
    """Observation, action, limits and the rest, all finite."""
    frames = {}
    if config.camera_height and config.camera_width:
        frames[CAMERA] = FrameSpec(config.camera_height, config.camera_width)
    return BackendSpec(
        observation=task.observation,
        action=_action(config, arm, task),
        period_s=config.period_s,
        limits=_limits(config, arm),
        frames=frames,
        simulated=True,
        seedable=True,
        horizon=task.horizon,
        scene_size=scene_size(len(arm.joint_names), task.max_bodies),
    )


def _action(config: PybulletConfig, arm: ArmFigures, task: Task) -> ArraySpec:
    """Displacements of joints or tool in one step, then the gripper's opening where it is used."""
    if config.action == "joint":
        names, unit = list(arm.joint_names), "rad"
        high = _joint_steps(config, arm)
    else:
        names, unit = ["x", "y", "z"], "m"
        high = [arm.tool_step_m] * 3
    low, units = [-value for value in high], [unit] * len(names)
    if task.uses_gripper:
        names.append("gripper")
        units.append("1")
        low.append(0.0)
        high.append(1.0)
    return ArraySpec(
        (len(names),),
        np.array(low, np.float32),
        np.array(high, np.float32),
        names=tuple(names),
        units=tuple(units),
    )


def _joint_steps(config: PybulletConfig, arm: ArmFigures) -> list[float]:
    reachable = (TRAVEL_SHARE * speed * config.period_s for speed in arm.joint_speed_rad_s)
    return [min(step, JOINT_STEP_RAD) for step in reachable]


def _limits(config: PybulletConfig, arm: ArmFigures) -> Limits:
    """The real joints' limits, and a tool speed that no action inside its bounds comes near."""
    speed = np.array(arm.joint_speed_rad_s, np.float32)
    step_m = TOOL_SPEED_SHARE * arm.tool_step_m
    if config.action == "joint":
        step_m = sum(_joint_steps(config, arm)) * arm.workspace_high_m[0]
    return Limits(
        joint_low_rad=np.array(arm.joint_low_rad, np.float32),
        joint_high_rad=np.array(arm.joint_high_rad, np.float32),
        joint_speed_rad_s=speed,
        # A servo may reverse at full speed from one step to the next: the speed limit alone counts.
        joint_acceleration_rad_s2=2.0 * speed / np.float32(config.period_s),
        workspace_low_m=np.array(arm.workspace_low_m, np.float32),
        workspace_high_m=np.array(arm.workspace_high_m, np.float32),
        tool_speed_m_s=step_m / config.period_s,
    )
