"""What the supervisor process is started with, and what follows from it for one arm."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from robofeed import ConfigError
from robofeed_serial.arms.arm_file import AnyArm, ArmFile
from robofeed_serial.arms.calibration import Calibration, load_calibration, nominal
from robofeed_serial.arms.description import Range
from robofeed_serial.supervision.goal_gate import Bounds

NOMINAL = "nominal"
"""In the place of a calibration's name: as the arm file says. For twins."""
Parting = Literal["hold", "park", "relax"]
PARK_S = 20.0
"""so long may it take to park"""
REST_S = 3.0
"""After a client is gone: so long may the arm take to come to rest."""


def own_watchdog_s(watchdog_s: float) -> float:
    """What servos that have one of their own are given: it is for when their port's owner fails."""
    return max(2 * watchdog_s, 0.1)


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
    tool_speed_m_s: float = Field(default=0.0, ge=0, le=1.0)
    """0 = the arm file's"""
    speed_share: float = Field(default=1.0, gt=0, le=1)
    after: Parting = "hold"
    trace: str = ""
    """a file for every byte on the wire; "" = none"""
    client_pid: int = 0


def find_calibration(arm: ArmFile, name: str) -> Calibration:
    """The calibration that `SupervisorSettings.calibration` names. Raises ConfigError."""
    return nominal(arm) if name == NOMINAL else load_calibration(arm, name)


def ranges_of(arm: AnyArm, calibration: str) -> list[Range]:
    """How far each actuator may turn: by its calibration, or by the file of a G-code arm.

    Raises:
        ConfigError: no calibration, another arm's, or one for an arm that needs none.
    """
    if isinstance(arm, ArmFile):
        return find_calibration(arm, calibration).ranges_rad(arm)
    if calibration not in ("", NOMINAL):
        raise ConfigError(
            f"calibration {calibration!r}: arm {arm.name} takes G-code and knows where its joints "
            "are by itself; leave the calibration out"
        )
    return arm.ranges_rad


def bounds_of(arm: AnyArm, ranges: Sequence[Range], settings: SupervisorSettings) -> Bounds:
    """What the port's owner keeps to, whoever asks."""
    figures = arm.geometry().figures()
    share = settings.speed_share
    return Bounds(
        low_rad=tuple(low for low, _ in ranges),
        high_rad=tuple(high for _, high in ranges),
        speed_rad_s=tuple(share * speed for speed in arm.actuator_speeds_rad_s),
        tool_speed_m_s=share * (settings.tool_speed_m_s or arm.limits.tool_speed_m_s),
        box_low_m=arm.limits.workspace_low_m or figures.workspace_low_m,
        box_high_m=arm.limits.workspace_high_m or figures.workspace_high_m,
        watchdog_s=settings.watchdog_s,
    )


def rest_of(arm: AnyArm) -> list[float]:
    """Where PARK goes, one element an actuator; the gripper stays as it is."""
    return [*arm.model.rest_rad, *[math.nan] * (len(arm.actuators) - len(arm.joints))]
