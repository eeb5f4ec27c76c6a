"""What the supervisor process is started with, and what follows from it for one arm."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from robofeed_serial.arm_file import ArmFile
from robofeed_serial.calibration import Calibration, load_calibration, nominal
from robofeed_serial.goal_gate import Bounds

NOMINAL = "nominal"
"""In the place of a calibration's name: as the arm file says. For twins."""
Parting = Literal["hold", "park", "relax"]
PARK_S = 20.0
"""so long may it take to park"""


class SupervisorSettings(BaseModel):
    """Plain values only: they cross to another process.

    `speed_share` scales the arm's speed limits, tool and joints alike. `after` is what becomes of
    the arm when its client is gone or closes it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    arm: str
    port: str
    baud: int = Field(default=0, ge=0)
    """0 = the arm file's"""
    calibration: str = ""
    """a name or a path; "" = named as the arm; "nominal" = as the arm file says"""
    period_s: float = Field(default=0.01, gt=0, le=0.05)
    watchdog_s: float = Field(default=0.1, ge=0.03, le=1.0)
    tool_speed_m_s: float = Field(default=0.0, ge=0)
    """0 = the arm file's"""
    speed_share: float = Field(default=1.0, gt=0, le=1)
    after: Parting = "hold"
    trace: str = ""
    """a file for every byte on the wire; "" = none"""
    client_pid: int = 0


def find_calibration(arm: ArmFile, name: str) -> Calibration:
    """The calibration that `SupervisorSettings.calibration` names. Raises ConfigError."""
    return nominal(arm) if name == NOMINAL else load_calibration(arm, name)


def bounds_of(arm: ArmFile, calibration: Calibration, settings: SupervisorSettings) -> Bounds:
    """What the port's owner keeps to, whoever asks."""
    figures = arm.geometry().figures()
    ranges = calibration.ranges_rad(arm)
    speeds = [
        own if joint.speed_rad_s is None else min(own, joint.speed_rad_s)
        for joint, own in zip(arm.joints, figures.joint_speed_rad_s, strict=True)
    ]
    if arm.gripper is not None:
        speeds.append(arm.gripper.speed_rad_s)
    share = settings.speed_share
    return Bounds(
        low_rad=tuple(low for low, _ in ranges),
        high_rad=tuple(high for _, high in ranges),
        speed_rad_s=tuple(share * speed for speed in speeds),
        tool_speed_m_s=share * (settings.tool_speed_m_s or arm.limits.tool_speed_m_s),
        box_low_m=arm.limits.workspace_low_m or figures.workspace_low_m,
        box_high_m=arm.limits.workspace_high_m or figures.workspace_high_m,
        watchdog_s=settings.watchdog_s,
    )


def rest_of(arm: ArmFile) -> list[float]:
    """Where PARK goes, one element a servo; the gripper stays as it is."""
    return [*arm.model.rest_rad, *([math.nan] if arm.gripper is not None else [])]
