"""Calibrations: where each servo of one particular arm stands, kept as TOML."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, model_validator

from robofeed import ConfigError
from robofeed_serial.arms.arm_file import ArmFile, ArmGripper, Servo
from robofeed_serial.arms.ticks import JointScale
from robofeed_serial.arms.toml_file import own_path, read_toml

SPAN_TOLERANCE = 0.25
"""by how much, as a share, a measured range may be wider or narrower than the arm file's"""


class ServoCalibration(BaseModel):
    """One servo: where its angle is 0, which way is up, how far it was moved by hand."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: str
    id: int
    zero_ticks: float
    sign: Literal[-1, 1]
    low_ticks: int
    high_ticks: int
    homing_offset: int | None = None
    """what the servo adds to its encoder; None = it has none, or it is not looked at"""

    @model_validator(mode="after")
    def _has_a_range(self) -> ServoCalibration:
        if self.low_ticks >= self.high_ticks:
            raise ValueError(f"low_ticks {self.low_ticks} is not below high_ticks")
        return self


class Calibration(BaseModel):
    """All servos of one arm, and the arm file it was made for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    arm: str
    arm_hash: str
    made: datetime
    source: str
    servos: tuple[ServoCalibration, ...] = Field(min_length=1)

    def check(self, arm: ArmFile, where: str = "") -> None:
        """Raises ConfigError unless it was made for `arm` as its file is now."""
        if self.arm != arm.name:
            raise ConfigError(
                f"the calibration {where}is of an arm {self.arm!r}, not of {arm.name!r}: give "
                "another one, or run: robofeed arm calibrate " + arm.name
            )
        if self.arm_hash != arm.hash():
            raise ConfigError(
                f"the calibration {where}was made for another version of {arm.path} (servos, gears "
                f"or ranges differ): run robofeed arm calibrate {arm.name} again"
            )

    def scales(self, arm: ArmFile) -> list[JointScale]:
        """For each servo of `arm`, in its order. Call `check` first."""
        mine = {each.name: each for each in self.servos}
        return [
            JointScale(
                mine[servo.name].zero_ticks,
                mine[servo.name].sign,
                servo.ticks_per_turn,
                servo.gear,
            )
            for servo in arm.servos
        ]

    def ranges_rad(self, arm: ArmFile) -> list[tuple[float, float]]:
        """How far each servo of `arm` may turn: its file's range inside what was measured."""
        ranges = []
        mine = {each.name: each for each in self.servos}
        for servo, scale in zip(arm.servos, self.scales(arm), strict=True):
            low, high = arm.range_rad(servo)
            ends = [
                scale.to_rad(ticks)
                for ticks in (mine[servo.name].low_ticks, mine[servo.name].high_ticks)
            ]
            ranges.append((max(low, min(ends)), min(high, max(ends))))
        return ranges


def folder() -> Path:
    """Where calibrations are kept: ROBOFEED_ARMS, else ~/.config/robofeed/arms."""
    chosen = os.environ.get("ROBOFEED_ARMS")
    if chosen:
        return own_path(chosen)
    return own_path(os.environ.get("XDG_CONFIG_HOME") or "~/.config") / "robofeed" / "arms"


def calibration_path(name: str) -> Path:
    """The file of the calibration called `name`; a path that ends in .toml is itself."""
    return own_path(name) if name.endswith(".toml") else folder() / f"{name}.toml"


def load_calibration(arm: ArmFile, name: str = "") -> Calibration:
    """The calibration called `name` (or as the arm), checked against `arm`.

    Raises:
        ConfigError: there is none, it cannot be used, or it is of another arm.
    """
    path = calibration_path(name or arm.name)
    if not path.exists():
        command = f"robofeed arm calibrate {arm.name}" + (f" --name {name}" if name else "")
        raise ConfigError(
            f"no calibration at {path}: run {command} (by hand, torque off), or {command} --from "
            "lerobot FILE"
        )
    found = read_toml(path, Calibration, "calibration")
    found.check(arm, f"{path} ")
    names = {each.name for each in found.servos}
    if missing := [servo.name for servo in arm.servos if servo.name not in names]:
        raise ConfigError(f"the calibration {path} lacks {', '.join(missing)}: calibrate again")
    return found


def insist_on_room_for(path: Path) -> None:
    """Raises ConfigError where a calibration could not be written there: before it is measured."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    except OSError as error:
        raise _unwritable(path, error) from None


def save_calibration(calibration: Calibration, path: Path) -> None:
    """Write it; the one before is kept beside it as `.toml.old`.

    Raises:
        ConfigError: it cannot be written there; the one before is as it was.
    """
    content = calibration.model_dump(mode="python", exclude_none=True)
    content["servos"] = list(content["servos"])
    fresh = path.with_suffix(".toml.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with fresh.open("w", encoding="utf-8") as file:
            file.write(tomli_w.dumps(content))
            file.flush()
            os.fsync(file.fileno())  # or a power cut might leave the name with nothing behind it
        if path.exists():  # copied, not moved: at no moment is there none
            shutil.copyfile(path, path.with_suffix(".toml.old"))
        fresh.replace(path)
    except OSError as error:
        raise _unwritable(path, error) from None


def _unwritable(path: Path, error: OSError) -> ConfigError:
    return ConfigError(
        f"the calibration {path} cannot be written: {error.strerror or error}. ROBOFEED_ARMS names "
        "another folder for calibrations, --name another file"
    )


def from_ends(
    arm: ArmFile, ends: dict[str, tuple[int, int]], offsets: dict[str, int | None], source: str
) -> Calibration:
    """The calibration of an arm whose joints were moved to both ends.

    Args:
        arm: The arm.
        ends: Of each servo, ticks at its lowest and at its highest angle, in that order. For the
            gripper: shut, then open.
        offsets: Of each servo, what it adds to its encoder.
        source: Where the figures come from.

    Raises:
        ConfigError: a servo was not moved, or far less or further than its file says it can.
    """
    servos = [
        servo_calibration(arm, servo, ends[servo.name], offsets.get(servo.name))
        for servo in arm.servos
    ]
    return Calibration(
        arm=arm.name,
        arm_hash=arm.hash(),
        made=datetime.now(UTC).replace(microsecond=0),
        source=source,
        servos=tuple(servos),
    )


def servo_calibration(
    arm: ArmFile, servo: Servo, ends: tuple[int, int], offset: int | None
) -> ServoCalibration:
    """One servo's, as `from_ends`. Raises ConfigError: it was not moved, or too far."""
    first, last = ends
    start_rad, end_rad = arm.range_rad(servo)
    if isinstance(servo, ArmGripper):
        start_rad, end_rad = servo.shut_rad, servo.open_rad
    per_rad = JointScale(0.0, 1, servo.ticks_per_turn, servo.gear).ticks_per_rad
    wanted, found = abs(end_rad - start_rad), abs(last - first) / per_rad
    if not 1.0 - SPAN_TOLERANCE <= found / wanted <= 1.0 + SPAN_TOLERANCE:
        raise ConfigError(
            f"joint {servo.name} (servo {servo.id}) was moved {found:.2f} rad, but {arm.path.name} "
            f"says its range is {wanted:.2f} rad: move it to both of its ends; if that was done, "
            "the arm file is not this arm's, or the servo's count starts anew on the way: turn its "
            "horn by a quarter turn"
        )
    sign: Literal[-1, 1] = 1 if (last > first) == (end_rad > start_rad) else -1
    middle_ticks, middle_rad = (first + last) / 2, (start_rad + end_rad) / 2
    return ServoCalibration(
        name=servo.name,
        id=servo.id,
        zero_ticks=middle_ticks - sign * middle_rad * per_rad,
        sign=sign,
        low_ticks=min(first, last),
        high_ticks=max(first, last),
        homing_offset=offset,
    )


def nominal(arm: ArmFile) -> Calibration:
    """That of an arm built exactly as its file says: a twin's, say."""
    ends = {}
    for servo in arm.servos:
        start_rad, end_rad = arm.range_rad(servo)
        if isinstance(servo, ArmGripper):
            start_rad, end_rad = servo.shut_rad, servo.open_rad
        per_rad = JointScale(0.0, servo.sign, servo.ticks_per_turn, servo.gear).ticks_per_rad
        half = (end_rad - start_rad) / 2 * per_rad
        ends[servo.name] = (
            round(servo.middle_ticks - half),
            round(servo.middle_ticks + half),
        )
    return from_ends(arm, ends, {}, "nominal: as the arm file says")
