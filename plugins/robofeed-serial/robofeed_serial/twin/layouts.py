"""Which servos the twins' arms have: ids, models, baud, supply, and where they stand at first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from robofeed.data.errors import ConfigError, did_you_mean
from robofeed_serial.twin.dynamixel_line import DynamixelLine
from robofeed_serial.twin.dynamixel_registers import BAUD_RATES as DYNAMIXEL_RATES
from robofeed_serial.twin.dynamixel_servo import (
    RAD_PER_TICK,
    XL330_M288,
    XL430_W250,
    DynamixelServo,
)
from robofeed_serial.twin.feetech_line import FeetechLine
from robofeed_serial.twin.feetech_registers import BAUD_RATES as FEETECH_RATES
from robofeed_serial.twin.feetech_servo import Sts3215
from robofeed_serial.twin.servo import Servo
from robofeed_serial.twin.wire import Line

DYNAMIXEL_MODELS = {model.name: model for model in (XL430_W250, XL330_M288)}
MIDDLE = 2048


@dataclass(frozen=True, slots=True)
class TwinJoint:
    """One joint's servo."""

    name: str
    servo_id: int
    model: str
    start_ticks: int = MIDDLE


@dataclass(frozen=True, slots=True)
class TwinLayout:
    """An arm as its twin needs it."""

    name: str
    protocol: str
    """"feetech" or "dynamixel" """
    baud: int
    rail_v: float
    joints: tuple[TwinJoint, ...]


_SO_JOINTS = ("shoulder_pan", "shoulder_lift", "elbow_flex", "wrist_flex", "wrist_roll", "gripper")
_SO = tuple(TwinJoint(name, index + 1, "sts3215") for index, name in enumerate(_SO_JOINTS))


def _dynamixel(models: Sequence[str], first_id: int) -> tuple[TwinJoint, ...]:
    names = ("shoulder_pan", "shoulder_lift", "elbow_flex", "wrist_flex", "wrist_roll", "gripper")
    return tuple(
        TwinJoint(name, first_id + index, model)
        for index, (name, model) in enumerate(zip(names, models, strict=True))
    )


LAYOUTS = {
    layout.name: layout
    for layout in (
        TwinLayout("so101", "feetech", 1_000_000, 7.4, _SO),
        TwinLayout("so100", "feetech", 1_000_000, 7.4, _SO),
        TwinLayout(
            "koch",
            "dynamixel",
            1_000_000,
            12.0,
            _dynamixel(["xl430-w250"] * 2 + ["xl330-m288"] * 4, 1),
        ),
        TwinLayout(
            "omx",
            "dynamixel",
            1_000_000,
            12.0,
            _dynamixel(["xl430-w250"] * 3 + ["xl330-m288"] * 3, 11),
        ),
    )
}


def find_layout(name: str) -> TwinLayout:
    """The layout of the arm called `name`.

    Raises:
        ConfigError: no such arm.
    """
    if name not in LAYOUTS:
        raise ConfigError(f"no twin of an arm {name!r}{did_you_mean(name, LAYOUTS)}")
    return LAYOUTS[name]


def build(layout: TwinLayout) -> tuple[Sequence[Servo], Line]:
    """New servos at the arm's baud, and the bus that they are on.

    Raises:
        ConfigError: a servo model or a baud that no twin has.
    """
    if layout.protocol == "feetech":
        feetech = [_feetech(number, joint, layout) for number, joint in enumerate(layout.joints)]
        return feetech, FeetechLine(feetech)
    dynamixel = [_dynamixel_servo(n, joint, layout) for n, joint in enumerate(layout.joints)]
    return dynamixel, DynamixelLine(dynamixel)


def _feetech(number: int, joint: TwinJoint, layout: TwinLayout) -> Sts3215:
    if joint.model != "sts3215":
        raise ConfigError(_no_model(joint, layout, ["sts3215"]))
    servo = Sts3215(number, joint.servo_id, _start_rad(joint))
    servo.registers["baud"] = _baud_code(layout, FEETECH_RATES)
    servo.save()
    return servo


def _dynamixel_servo(number: int, joint: TwinJoint, layout: TwinLayout) -> DynamixelServo:
    if joint.model not in DYNAMIXEL_MODELS:
        raise ConfigError(_no_model(joint, layout, DYNAMIXEL_MODELS))
    model = DYNAMIXEL_MODELS[joint.model]
    servo = DynamixelServo(number, joint.servo_id, model, _start_rad(joint))
    servo.registers["baud"] = _baud_code(layout, DYNAMIXEL_RATES)
    return servo


def _start_rad(joint: TwinJoint) -> float:
    return (joint.start_ticks - MIDDLE) * RAD_PER_TICK


def _no_model(joint: TwinJoint, layout: TwinLayout, known: Iterable[str]) -> str:
    return (
        f"joint {joint.name!r} of {layout.name} has a servo {joint.model!r}, of which there is no "
        f"twin{did_you_mean(joint.model, known)}"
    )


def _baud_code(layout: TwinLayout, rates: Sequence[int]) -> int:
    if layout.baud not in rates:
        listed = ", ".join(str(rate) for rate in rates)
        raise ConfigError(f"servos of {layout.name} have no baud {layout.baud}: one of {listed}")
    return rates.index(layout.baud)
