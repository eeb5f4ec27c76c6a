"""Calibrations that LeRobot has made of the same arm."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from robofeed import ConfigError
from robofeed_serial.arms.arm_file import ArmFile
from robofeed_serial.arms.calibration import Calibration, ServoCalibration
from robofeed_serial.arms.ticks import JointScale


def from_lerobot(arm: ArmFile, path: Path) -> Calibration:
    """What LeRobot measured of the same arm (`~/.cache/huggingface/lerobot/calibration/..json`).

    Its zero of a joint is the middle of the joint's measured range, as ours. The servos must still
    hold the homing offsets of that file; `open` checks them.

    Raises:
        ConfigError: the file cannot be read, makes no sense, or is of another arm.
    """
    try:
        found: dict[str, dict[str, Any]] = json.loads(path.read_text("utf-8"))
        rows = {
            servo.name: (
                int(found[servo.name]["id"]),
                int(found[servo.name]["range_min"]),
                int(found[servo.name]["range_max"]),
                int(found[servo.name]["homing_offset"]),
                bool(found[servo.name].get("drive_mode", 0)),
            )
            for servo in arm.servos
        }
    except KeyError as error:
        raise ConfigError(f"{path}: no {error} in this LeRobot calibration of {arm.name}") from None
    except (OSError, ValueError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise ConfigError(f"cannot read the LeRobot calibration {path}: {error}") from None
    servos = []
    for servo in arm.servos:
        servo_id, low, high, offset, reversed_ = rows[servo.name]
        if servo_id != servo.id:
            raise ConfigError(
                f"{path}: joint {servo.name} has servo {servo_id} there, {servo.id} in "
                f"{arm.path}: it is another arm's, or ids were changed since"
            )
        turn = servo.ticks_per_turn
        if not 0 <= low < high < turn:
            raise ConfigError(
                f"{path}: joint {servo.name} goes from {low} to {high} there, which is not within "
                f"a servo's {turn} ticks: calibrate it again, with LeRobot or with robofeed arm "
                f"calibrate {arm.name}"
            )
        sign: Literal[-1, 1] = -1 if (servo.sign < 0) != reversed_ else 1
        start_rad, end_rad = arm.range_rad(servo)
        per_rad = JointScale(0.0, sign, turn, servo.gear).ticks_per_rad
        servos.append(
            ServoCalibration(
                name=servo.name,
                id=servo.id,
                zero_ticks=(low + high) / 2 - (start_rad + end_rad) / 2 * per_rad,
                sign=sign,
                low_ticks=low,
                high_ticks=high,
                # Feetech's register is subtracted from the encoder, Dynamixel's is added.
                homing_offset=-offset if arm.protocol == "feetech" else offset,
            )
        )
    return Calibration(
        arm=arm.name,
        arm_hash=arm.hash(),
        made=datetime.now(UTC).replace(microsecond=0),
        source=f"lerobot: {path.name}",
        servos=tuple(servos),
    )
