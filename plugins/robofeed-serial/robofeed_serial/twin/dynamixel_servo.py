"""A Dynamixel X servo: its control table, access rules, bus watchdog and shutdown."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from robofeed_serial.twin.dynamixel_registers import (
    BAUD_RATES,
    CURRENT_POSITION,
    MEMORY_SIZE,
    POSITION,
    TICKS_PER_TURN,
    XL330,
    XL330_FAST,
    XL430,
)
from robofeed_serial.twin.motor import MotorFigures, MotorModel
from robofeed_serial.twin.registers import Register, RegisterFile
from robofeed_serial.twin.servo import Note, unnoted

RAD_PER_TICK = 2.0 * math.pi / TICKS_PER_TURN
MIDDLE = 2048
SPEED_UNIT_RAD_S = 0.229 * math.tau / 60.0
ACCELERATION_UNIT_RAD_S2 = 214.577 * math.tau / 3600.0
WATCHDOG_UNIT_S = 0.020
WATCHDOG_TRIPPED = -1
BOOT_S = 0.5
"""an assumption"""
OVERLOAD_S = 2.0
"""how long a motor may pull nearly all it can; an assumption"""
OVERLOAD_SHARE = 0.9
VOLTAGE, HEAT, ENCODER, SHOCK, OVERLOAD = 1, 4, 8, 16, 32
ALERT = 128
GOALS = {"goal_pwm", "goal_current", "goal_speed", "goal_position"}


class Refusal(IntEnum):
    """Why an instruction was not carried out: the number in a status packet's error byte."""

    NONE = 0
    RESULT_FAIL = 1
    INSTRUCTION = 2
    DATA_RANGE = 4
    DATA_LENGTH = 5
    DATA_LIMIT = 6
    ACCESS = 7


@dataclass(frozen=True, slots=True)
class DynamixelModel:
    """A model of servo: its table and its motor."""

    name: str
    table: Sequence[Register]
    motor: MotorFigures


XL430_W250 = DynamixelModel(
    "xl430-w250",
    XL430,
    MotorFigures(
        nominal_v=12.0,
        stall_torque_nm=1.5,
        no_load_speed_rad_s=6.4,  # 61 turns a minute
        stall_current_a=1.4,
        idle_current_a=0.05,
        stiffness_nm_rad=24.0,
        friction_nm=0.05,
        backlash_rad=math.radians(0.25),
        mass_kg=0.0572,
    ),
)
XL330_M288 = DynamixelModel(
    "xl330-m288",
    XL330,
    MotorFigures(
        nominal_v=5.0,
        stall_torque_nm=0.52,
        no_load_speed_rad_s=10.8,  # 103 turns a minute
        stall_current_a=1.47,
        idle_current_a=0.02,
        stiffness_nm_rad=10.0,
        friction_nm=0.02,
        backlash_rad=math.radians(0.33),
        mass_kg=0.018,
    ),
)
XL330_M077 = DynamixelModel(
    "xl330-m077",
    XL330_FAST,
    MotorFigures(
        nominal_v=5.0,
        stall_torque_nm=0.22,
        no_load_speed_rad_s=40.0,  # 383 turns a minute
        stall_current_a=1.47,
        idle_current_a=0.02,
        stiffness_nm_rad=4.0,
        friction_nm=0.01,
        backlash_rad=math.radians(0.33),
        mass_kg=0.018,
    ),
)


class DynamixelServo:
    """One servo. `motor` at 0 rad is encoder tick 2048."""

    rates: Sequence[int] = BAUD_RATES

    def __init__(
        self, number: int, servo_id: int, model: DynamixelModel, position_rad: float = 0.0
    ) -> None:
        self.number = number
        self.note: Note = unnoted
        self.deaf = False
        self.model = model
        self.motor = MotorModel(model.motor, position_rad)
        self.registers = RegisterFile(model.table, MEMORY_SIZE)
        self.registers["id"] = servo_id
        self._boot_s = 0.0
        self._overload_s = 0.0
        self._silent_s = 0.0
        self._voltage_v = 0.0
        self._ticked_s = 0.0
        self.registers["goal_position"] = self.present_ticks

    @property
    def servo_id(self) -> int:
        return self.registers["id"]

    @property
    def secondary_id(self) -> int:
        """A second id under which it obeys without answering; 255 is none."""
        return self.registers["secondary_id"]

    @property
    def baud(self) -> int:
        return BAUD_RATES[self.registers["baud"]]

    @property
    def hears(self) -> bool:
        return self._boot_s <= 0.0 and not self.deaf

    @property
    def delay_ns(self) -> int:
        """Between an instruction and its status packet."""
        return self.registers["return_delay"] * 2_000

    @property
    def offset(self) -> int:
        """What is added to the encoder's ticks: in position mode a quarter of a turn at most."""
        offset = self.registers["homing_offset"]
        ignored = self.registers["mode"] == POSITION and abs(offset) > TICKS_PER_TURN // 4
        return 0 if ignored else offset

    @property
    def present_ticks(self) -> int:
        raw = MIDDLE + round(self.motor.position_rad / RAD_PER_TICK)
        if self.registers["mode"] == POSITION:  # within one turn
            raw %= TICKS_PER_TURN
        return raw + self.offset

    @property
    def torque_on(self) -> bool:
        return self.motor.torque_on

    @property
    def goal_ticks(self) -> int:
        return self.registers["goal_position"]

    @property
    def alert(self) -> int:
        """The bit that every status packet carries while there is a hardware error."""
        return ALERT if self.registers["hardware_error"] else 0

    def heard(self) -> None:
        """Any instruction on the bus feeds the watchdog."""
        self._silent_s = 0.0

    def read(self, address: int, length: int) -> tuple[Refusal, bytes]:
        """The bytes there, or why not."""
        if address + length > len(self.registers):
            return Refusal.ACCESS, b""
        self._measure()
        return Refusal.NONE, self.registers.read(address, length)

    def write(self, address: int, data: bytes) -> Refusal:
        """Write all of `data`, or nothing where a part of it is refused."""
        touched = list(self.registers.touched(address, data))
        for register, value in touched:
            refusal = self._refusal(register, value)
            if refusal:
                return refusal
        names = set[str]()
        for register, value in touched:
            if register is not None:
                self.registers[register.name] = value
                names.add(register.name)
        self._command(names)
        return Refusal.NONE

    def step(self, dt_s: float, supply_v: float) -> None:
        self._voltage_v = supply_v
        self._ticked_s += dt_s
        if self._boot_s > 0.0:
            self._boot_s -= dt_s
            return
        registers, motor = self.registers, self.motor
        self._silent_s += dt_s
        allowed_s = registers["watchdog"] * WATCHDOG_UNIT_S
        if motor.torque_on and 0.0 < allowed_s <= self._silent_s:
            self._trip()
        error = registers["hardware_error"]
        if registers["min_voltage"] > round(supply_v * 10) or (
            round(supply_v * 10) > registers["max_voltage"]
        ):
            error |= VOLTAGE
        if motor.temperature_c > registers["max_temperature"]:
            error |= HEAT
        over = abs(motor.load_share) >= OVERLOAD_SHARE
        self._overload_s = self._overload_s + dt_s if over else 0.0
        if self._overload_s >= OVERLOAD_S:
            error |= OVERLOAD
        registers["hardware_error"] = error
        if error & registers["shutdown"]:
            self._release()

    def power_on(self) -> None:
        self.registers["goal_position"] = self.present_ticks

    def reboot(self) -> None:
        self.registers.reset(eeprom=False)
        self._boot_s, self._overload_s, self._silent_s = BOOT_S, 0.0, 0.0
        self.registers["goal_position"] = self.present_ticks
        self.note(self.servo_id, "reboot", 0)
        self._command({"torque"})

    def latch_overload(self) -> None:
        self.registers["hardware_error"] |= OVERLOAD
        self._release()

    def place(self, ticks: int) -> None:
        self.motor.place((ticks - self.offset - MIDDLE) * RAD_PER_TICK)

    def _refusal(self, register: Register | None, value: int) -> Refusal:
        if register is None or not register.writable:
            return Refusal.ACCESS
        if register.eeprom and self.motor.torque_on:
            return Refusal.ACCESS
        if not register.allows(value):
            return Refusal.DATA_RANGE
        registers = self.registers
        if register.name == "mode" and value == CURRENT_POSITION:
            return Refusal.NONE if "goal_current" in registers.table else Refusal.DATA_RANGE
        if register.name == "watchdog" and value == WATCHDOG_TRIPPED:
            return Refusal.DATA_RANGE
        if register.name in GOALS and registers["watchdog"] == WATCHDOG_TRIPPED:
            return Refusal.DATA_RANGE
        if register.name == "torque" and value and registers["hardware_error"]:
            return Refusal.RESULT_FAIL
        if register.name == "goal_position" and registers["mode"] == POSITION:
            within = registers["min_position"] <= value <= registers["max_position"]
            return Refusal.NONE if within else Refusal.DATA_LIMIT
        if register.name == "goal_current" and abs(value) > registers["current_limit"]:
            return Refusal.DATA_LIMIT
        if register.name == "goal_pwm" and abs(value) > registers["pwm_limit"]:
            return Refusal.DATA_LIMIT
        return Refusal.NONE

    def _trip(self) -> None:
        """Stop where it is; goals can no longer be written until the watchdog is set to 0."""
        self.registers["watchdog"] = WATCHDOG_TRIPPED
        self.registers["profile_acceleration"] = 0
        self.registers["profile_speed"] = 0
        self.registers["goal_position"] = self.present_ticks
        self.note(self.servo_id, "watchdog", WATCHDOG_TRIPPED)
        self._command(set())

    def _release(self) -> None:
        if self.motor.torque_on:
            self.note(self.servo_id, "torque", 0)
        self.registers["torque"] = 0
        self.motor.torque_on = False

    def _command(self, names: set[str]) -> None:
        """Hand what the registers say on to the motor."""
        registers, motor = self.registers, self.motor
        if "mode" in names:
            registers["goal_position"] = self.present_ticks
        motor.goal_rad = (registers["goal_position"] - self.offset - MIDDLE) * RAD_PER_TICK
        profile = registers["profile_speed"] * SPEED_UNIT_RAD_S
        motor.speed_limit_rad_s = profile or math.inf
        acceleration = registers["profile_acceleration"] * ACCELERATION_UNIT_RAD_S2
        motor.acceleration_rad_s2 = acceleration or math.inf
        motor.gain = registers["p_gain"] / registers.table["p_gain"].value
        limit = min(abs(registers["goal_pwm"]), registers["pwm_limit"]) / 885
        if registers["mode"] == CURRENT_POSITION:
            stall_ma = motor.figures.stall_current_a * 1000
            limit = min(limit, abs(registers["goal_current"]) / stall_ma)
        motor.torque_limit = limit
        motor.torque_on = registers["torque"] == 1
        if "goal_position" in names:
            self.note(self.servo_id, "goal", registers["goal_position"])
        if "torque" in names:
            self._silent_s = 0.0
            self.note(self.servo_id, "torque", registers["torque"])

    def _measure(self) -> None:
        registers, motor = self.registers, self.motor
        registers["tick_ms"] = round(self._ticked_s * 1000) % 32768
        registers["moving"] = int(motor.is_moving)
        registers["present_pwm"] = round(motor.load_share * 885)
        if "goal_current" in registers.table:
            current_ma = math.copysign(motor.current_a * 1000, motor.torque_nm)
            registers["present_current_or_load"] = round(current_ma)
        else:
            registers["present_current_or_load"] = round(motor.load_share * 1000)
        registers["present_speed"] = round(motor.speed_rad_s / SPEED_UNIT_RAD_S)
        registers["present_position"] = self.present_ticks
        setpoint = MIDDLE + round(motor.setpoint_rad / RAD_PER_TICK)
        registers["position_trajectory"] = setpoint + self.offset
        registers["speed_trajectory"] = round(motor.setpoint_speed_rad_s / SPEED_UNIT_RAD_S)
        registers["present_voltage"] = round(self._voltage_v * 10)
        registers["present_temperature"] = min(255, round(motor.temperature_c))
