"""A twin of the arm that an arm file describes: its servos, their bus, its weight and its ends."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from robofeed.data.errors import ConfigError, did_you_mean
from robofeed_serial.arms.arm_file import ArmFile
from robofeed_serial.arms.arm_file import Servo as ServoEntry
from robofeed_serial.arms.calibration import nominal
from robofeed_serial.arms.ticks import JointScale
from robofeed_serial.twin.arm import Kinematic, Mechanics, TwinArm
from robofeed_serial.twin.dynamixel_line import DynamixelLine
from robofeed_serial.twin.dynamixel_servo import (
    XL330_M077,
    XL330_M288,
    XL430_W250,
    DynamixelServo,
)
from robofeed_serial.twin.feetech_line import FeetechLine
from robofeed_serial.twin.feetech_registers import MIDDLE
from robofeed_serial.twin.feetech_servo import Sts3215
from robofeed_serial.twin.gravity import GravityLoad, weighed
from robofeed_serial.twin.servo import Servo
from robofeed_serial.twin.supply import Supply
from robofeed_serial.twin.wire import Line

DYNAMIXEL_MODELS = {model.name.upper(): model for model in (XL430_W250, XL330_M288, XL330_M077)}
BRACKET_KG = 0.02
"""A servo's share of printed parts and screws, where the arm's model has no masses; an estimate"""
BOARD_MIDDLE = 3000
"""ticks of our own servo board, whose pulses are 1000 to 5000 ticks wide"""
STOP_BEYOND_RAD = math.radians(2.0)
"""How far past its range a joint meets its mechanical end; an assumption"""


@dataclass(frozen=True, slots=True)
class TwinJoint:
    """How a servo of the twin stands to its joint: angle = `first` * motor position + `second`."""

    name: str
    first: float
    second: float
    range_rad: tuple[float, float]
    start_rad: float

    def motor_rad(self, angle_rad: float) -> float:
        """The motor's position at a joint angle."""
        return (angle_rad - self.second) / self.first

    def angle_rad(self, motor_rad: float) -> float:
        """The joint's angle at a motor position."""
        return self.first * motor_rad + self.second


def twin_joints(arm: ArmFile) -> list[TwinJoint]:
    """The arm exactly as its file says, lying at rest with its gripper shut."""
    starts = [*arm.model.rest_rad, *([arm.gripper.shut_rad] if arm.gripper is not None else [])]
    scales = nominal(arm).scales(arm)
    of_board = arm.protocol == "rfp"
    return [
        _joint(servo, scale, arm.range_rad(servo), start, BOARD_MIDDLE if of_board else MIDDLE)
        for servo, scale, start in zip(arm.servos, scales, starts, strict=True)
    ]


def build_servos(arm: ArmFile, baud: int | None = None) -> tuple[Sequence[Servo], Line]:
    """New servos as the maker ships them, but for id and baud, and the bus that they are on.

    Raises:
        ConfigError: a protocol, servo model or rate of which there is no twin.
    """
    rate = arm.baud if baud is None else baud
    servos: Sequence[Servo]
    line: Line
    if arm.protocol == "feetech":
        feetech = [_feetech(arm, n, entry) for n, entry in enumerate(arm.servos)]
        servos, line = feetech, FeetechLine(feetech)
    elif arm.protocol == "dynamixel":
        dynamixel = [_dynamixel(arm, n, entry) for n, entry in enumerate(arm.servos)]
        servos, line = dynamixel, DynamixelLine(dynamixel)
    else:
        raise ConfigError(
            f"arm {arm.name!r} speaks {arm.protocol!r}: servos of feetech and dynamixel arms have "
            "twins of this kind"
        )
    for servo in servos:
        if rate not in servo.rates:
            rates = ", ".join(str(each) for each in servo.rates)
            raise ConfigError(f"servo {servo.servo_id} of {arm.name} has no rate {rate}: {rates}")
        servo.registers["baud"] = servo.rates.index(rate)
    place_at_rest(arm, servos)
    return servos, line


def place_at_rest(arm: ArmFile, servos: Sequence[Servo]) -> None:
    """Put the servos where the arm lies at rest, between their mechanical ends, and start them."""
    for servo, joint in zip(servos, twin_joints(arm), strict=True):
        ends = [joint.motor_rad(angle) for angle in joint.range_rad]
        beyond = STOP_BEYOND_RAD / abs(joint.first)
        servo.motor.stops_rad = min(ends) - beyond, max(ends) + beyond
        servo.motor.place(joint.motor_rad(joint.start_rad))
        servo.power_on()


def make_new(arm: ArmFile, servos: Sequence[Servo]) -> None:
    """Make servos what they are in the shop: all with the same id, at the maker's rate.

    Raises:
        ConfigError: servos without ids of their own.
    """
    for servo in servos:
        registers = servo.registers
        if "id" not in registers.table:
            raise ConfigError(f"the servos of {arm.name} have no ids of their own: leave out --new")
        for name in ("id", "baud"):
            registers[name] = registers.table[name].value
        servo.power_on()


def build_arm(
    arm: ArmFile, servos: Sequence[Servo], mechanics: Mechanics | None = None, *, gravity: bool
) -> TwinArm:
    """The servos with the supply they share.

    Args:
        arm: What they are built into.
        servos: From `build_servos`.
        mechanics: What moves them; None = each by itself.
        gravity: Whether the links weigh on them, where there are no other mechanics.
    """
    supply = Supply(max(servo.motor.figures.nominal_v for servo in servos))
    if mechanics is not None or not gravity:
        return TwinArm(servos, supply, mechanics)
    joints = twin_joints(arm)
    turns = [(joint.first, joint.second) for joint in joints]
    names = [joint.name for joint in joints]
    masses = [servo.motor.figures.mass_kg + BRACKET_KG for servo in servos]
    model = weighed(arm.geometry().model, dict(zip(names, masses, strict=True)))
    load = GravityLoad(model, names, turns)
    return TwinArm(servos, supply, Kinematic(load))


def _joint(
    servo: ServoEntry,
    scale: JointScale,
    range_rad: tuple[float, float],
    start_rad: float,
    middle_ticks: int,
) -> TwinJoint:
    first = servo.ticks_per_turn / (math.tau * scale.ticks_per_rad)
    return TwinJoint(servo.name, first, scale.to_rad(middle_ticks), range_rad, start_rad)


def _feetech(arm: ArmFile, number: int, entry: ServoEntry) -> Sts3215:
    if entry.servo.upper() != "STS3215":
        raise ConfigError(_no_model(arm, entry, ["STS3215"]))
    return Sts3215(number, entry.id)


def _dynamixel(arm: ArmFile, number: int, entry: ServoEntry) -> DynamixelServo:
    model = DYNAMIXEL_MODELS.get(entry.servo.upper())
    if model is None:
        raise ConfigError(_no_model(arm, entry, DYNAMIXEL_MODELS))
    return DynamixelServo(number, entry.id, model)


def _no_model(arm: ArmFile, entry: ServoEntry, known: Iterable[str]) -> str:
    hint = did_you_mean(entry.servo, known)
    return f"joint {entry.name} of {arm.name}: there is no twin of a servo {entry.servo!r}{hint}"
