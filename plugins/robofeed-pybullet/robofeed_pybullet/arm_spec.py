"""The `BackendSpec` of a simulated arm with a task."""

from __future__ import annotations

from robofeed.data.spec import BackendSpec, FrameSpec
from robofeed.data.tasks import ArmFigures, Task, horizon_of
from robofeed.kinematics.arm_spec import action_spec, own_limits
from robofeed_pybullet.config import PybulletConfig
from robofeed_pybullet.scene import scene_size

CAMERA = "front"


def backend_spec(config: PybulletConfig, arm: ArmFigures, task: Task) -> BackendSpec:
    """Observation, action, limits and the rest, all finite."""
    frames = {}
    if config.camera_height and config.camera_width:
        frames[CAMERA] = FrameSpec(config.camera_height, config.camera_width)
    return BackendSpec(
        observation=task.observation,
        action=action_spec(arm, config.action, config.period_s, gripper=task.uses_gripper),
        period_s=config.period_s,
        limits=own_limits(arm, config.action, config.period_s),
        frames=frames,
        simulated=True,
        seedable=True,
        horizon=horizon_of(task, config.period_s, config.horizon),
        scene_size=scene_size(len(arm.joint_names), task.max_bodies),
    )
