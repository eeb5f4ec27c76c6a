"""What an arm with a task accepts, and its joints' own limits: one place for simulated and real.

Together with the task's observation these decide `BackendSpec.hash()`, so a policy trained on one
fits the other.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from robofeed.data.spec import ArraySpec, Limits
from robofeed.data.tasks import ArmFigures
from robofeed.kinematics.chain import TRAVEL_SHARE

ActionKind = Literal["end_effector", "joint"]
JOINT_STEP_RAD = 0.1
"""largest joint displacement in one step of a joint action, below what the arms can do"""
TOOL_SPEED_SHARE = 2.0
"""the tool's speed limit over that of the largest action on one axis; a diagonal has sqrt(3)"""


def action_spec(arm: ArmFigures, kind: ActionKind, period_s: float, *, gripper: bool) -> ArraySpec:
    """Displacements of joints or tool in one step, then the gripper's opening where it is used."""
    if kind == "joint":
        names, unit = list(arm.joint_names), "rad"
        high = _joint_steps(arm, period_s)
    else:
        names, unit = ["x", "y", "z"], "m"
        high = [arm.tool_step_m] * 3
    low, units = [-value for value in high], [unit] * len(names)
    if gripper:
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


def own_limits(arm: ArmFigures, kind: ActionKind, period_s: float) -> Limits:
    """The joints' own limits, and a tool speed that no action inside its bounds comes near."""
    speed = np.array(arm.joint_speed_rad_s, np.float32)
    step_m = TOOL_SPEED_SHARE * arm.tool_step_m
    if kind == "joint":
        step_m = sum(_joint_steps(arm, period_s)) * arm.workspace_high_m[0]
    return Limits(
        joint_low_rad=np.array(arm.joint_low_rad, np.float32),
        joint_high_rad=np.array(arm.joint_high_rad, np.float32),
        joint_speed_rad_s=speed,
        # A servo may reverse at full speed from one step to the next: the speed limit alone counts.
        joint_acceleration_rad_s2=2.0 * speed / np.float32(period_s),
        workspace_low_m=np.array(arm.workspace_low_m, np.float32),
        workspace_high_m=np.array(arm.workspace_high_m, np.float32),
        tool_speed_m_s=step_m / period_s,
    )


def _joint_steps(arm: ArmFigures, period_s: float) -> list[float]:
    reachable = (TRAVEL_SHARE * speed * period_s for speed in arm.joint_speed_rad_s)
    return [min(step, JOINT_STEP_RAD) for step in reachable]
