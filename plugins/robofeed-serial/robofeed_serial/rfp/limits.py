"""The limits that a servo board is set up with, from the arm file and its calibration."""

from __future__ import annotations

import math

from robofeed import ConfigError
from robofeed_serial.arms.arm_file import ArmFile, ArmGripper, ArmJoint, Servo
from robofeed_serial.arms.calibration import Calibration
from robofeed_serial.rfp.config import BoardConfig, JointConfig
from robofeed_serial.rfp.messages import HIGHEST_TICK, JOINTS, LOWEST_TICK

HEARTBEAT_MS = 200
"""Twice the supervisor's own watchdog: it should be the first to hold the arm, for it says why."""
SPEED_SHARE = 1.25
"""of the arm file's speed. The host keeps to that one; the board's is for a host that does not."""
STEP_S = 0.25
"""A goal may be as far ahead as the servo goes in this time."""
POTENTIOMETER = (100, 900)
"""Readings at 1000 and 5000 ticks, of a potentiometer between 0.5 and 4.4 V."""


def board_config(
    arm: ArmFile,
    calibration: Calibration,
    *,
    potentiometers: dict[int, tuple[int, int]] | None = None,
    heartbeat_ms: int = HEARTBEAT_MS,
) -> BoardConfig:
    """What the board keeps to, whoever talks to it.

    Args:
        arm: Its servos' ids are the board's outputs, 1 to 6.
        calibration: Where each servo's range lies in ticks.
        potentiometers: By servo id, the readings at 1000 and at 5000 ticks; None = POTENTIOMETER
            for all, {} = there are none.
        heartbeat_ms: The board holds the arm after so long without a goal.

    Raises:
        ConfigError: an id or a range that the board does not have.
    """
    joints = [JointConfig()] * JOINTS
    for servo, scale, range_rad in zip(
        arm.servos, calibration.scales(arm), calibration.ranges_rad(arm), strict=True
    ):
        if not 1 <= servo.id <= JOINTS:
            raise ConfigError(f"{servo.name} of {arm.name} has id {servo.id}: outputs are 1 to 6")
        low, high = sorted(scale.to_ticks(angle) for angle in range_rad)
        if not LOWEST_TICK <= low < high <= HIGHEST_TICK:
            raise ConfigError(
                f"the range of {servo.name} of {arm.name} is {low} to {high} ticks, but pulses are "
                f"{LOWEST_TICK} to {HIGHEST_TICK}"
            )
        speed = SPEED_SHARE * _speed_rad_s(arm, servo) * abs(scale.ticks_per_rad)
        counts = (0, 0)
        if potentiometers is None or servo.id in potentiometers:
            counts = (potentiometers or {}).get(servo.id, POTENTIOMETER)
        joints[servo.id - 1] = JointConfig(
            low,
            high,
            min(65535, math.ceil(speed)),
            min(HIGHEST_TICK - LOWEST_TICK, math.ceil(speed * STEP_S)),
            *counts,
        )
    return BoardConfig(tuple(joints), heartbeat_ms, arm.limits.voltage_v[0])


def _speed_rad_s(arm: ArmFile, servo: Servo) -> float:
    if isinstance(servo, ArmJoint) and servo.speed_rad_s is not None:
        return servo.speed_rad_s
    if isinstance(servo, ArmGripper):
        return servo.speed_rad_s
    return arm.geometry().model.joints[servo.name].speed
