"""An STS3215: its memory, access rules and protections in front of a motor.

It has no watchdog of any kind: the last goal stands until another comes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from robofeed_serial.twin.feetech_registers import (
    BAUD_RATES,
    MEMORY_SIZE,
    MIDDLE,
    STS3215,
    TICKS_PER_TURN,
    from_sign_magnitude,
    sign_magnitude,
)
from robofeed_serial.twin.motor import MotorFigures, MotorModel
from robofeed_serial.twin.registers import Register, RegisterFile
from robofeed_serial.twin.servo import Note, unnoted

RAD_PER_TICK = 2.0 * math.pi / TICKS_PER_TURN
ACCELERATION_UNIT_TICKS_S2 = 100
CURRENT_UNIT_A = 0.0065
TORQUE_SET_MIDDLE = 128
"""written to the torque switch: the present position is 2048 from now on"""
BOOT_S = 0.3
"""an assumption"""
VOLTAGE, ENCODER, HEAT, CURRENT, OVERLOAD = 1, 2, 4, 8, 32

STS3215_7V4 = MotorFigures(
    nominal_v=7.4,
    stall_torque_nm=1.9,  # 19.5 kg cm
    no_load_speed_rad_s=4.71,  # 0.222 s for 60 degrees
    stall_current_a=2.7,
    idle_current_a=0.15,
    # Owners report 1.8 to 2.6 degrees of sag under a load near half of the stall torque.
    stiffness_nm_rad=24.0,
    friction_nm=0.06,
    backlash_rad=math.radians(0.5),
)


class Sts3215:
    """One servo. `motor` at 0 rad is encoder tick 2048."""

    rates: Sequence[int] = BAUD_RATES

    def __init__(self, number: int, servo_id: int, position_rad: float = 0.0) -> None:
        self.number = number
        self.note: Note = unnoted
        self.deaf = False
        self.motor = MotorModel(STS3215_7V4, position_rad)
        self.registers = RegisterFile(STS3215, MEMORY_SIZE)
        self.registers["id"] = servo_id
        self.save()
        self._boot_s = 0.0
        self._overload_s = 0.0
        self._latched = False
        self._weak = False
        self._voltage_v = 0.0

    @property
    def servo_id(self) -> int:
        return self.registers["id"]

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
        """What is taken off the encoder's ticks."""
        return from_sign_magnitude(self.registers["homing_offset"], 11)

    @property
    def present_ticks(self) -> int:
        raw = MIDDLE + round(self.motor.position_rad / RAD_PER_TICK)
        if self.registers["phase"] & 16:  # positions over many turns
            return raw - self.offset
        return (raw - self.offset) % TICKS_PER_TURN

    @property
    def torque_on(self) -> bool:
        return self.motor.torque_on

    @property
    def goal_ticks(self) -> int:
        return from_sign_magnitude(self.registers["goal_position"], 15)

    @property
    def status(self) -> int:
        """The error byte that every reply carries."""
        registers, faults = self.registers, 0
        if not (
            registers["min_voltage"] <= round(self._voltage_v * 10) <= registers["max_voltage"]
        ):
            faults |= VOLTAGE
        if self.motor.temperature_c > registers["max_temperature"]:
            faults |= HEAT
        if self._latched or self._weak:
            faults |= OVERLOAD
        return faults

    def read(self, address: int, length: int) -> bytes:
        """The bytes of memory, with what is measured as it is now."""
        self._measure()
        return self.registers.read(address, length)

    def write(self, address: int, data: bytes) -> None:
        """Take over what may be written; keep the rest as it was.

        Status packets have no bit for a refused write, so a host sees one only by reading back.
        Values outside the table's range are dropped: an assumption.
        """
        changed = set[str]()
        for register, value in self.registers.touched(address, data):
            if register is not None and register.writable and self._allows(register, value):
                self.registers[register.name] = value
                changed.add(register.name)
        if self.registers["lock"] == 0:
            self.save()
        if self.registers["torque"] == TORQUE_SET_MIDDLE:
            raw = MIDDLE + round(self.motor.position_rad / RAD_PER_TICK)
            self.registers["homing_offset"] = sign_magnitude(raw - MIDDLE, 11)
            self.registers["torque"] = 0
            self.save()
        self._command(changed)

    def step(self, dt_s: float, supply_v: float) -> None:
        self._voltage_v = supply_v
        if self._boot_s > 0.0:
            self._boot_s -= dt_s
            return
        registers, motor = self.registers, self.motor
        if motor.temperature_c > registers["max_temperature"] and registers["shutdown"] & HEAT:
            self._release()
        over = abs(motor.load_share) * 100 >= registers["overload_torque"]
        self._overload_s = self._overload_s + dt_s if over else 0.0
        if self._overload_s * 100 >= registers["protection_time"] and registers["shutdown"] & 32:
            self._weak = True
            self._set_torque_limit()

    def reboot(self) -> None:
        self.registers.reset(eeprom=False)
        for name, value in self._saved.items():
            self.registers[name] = value
        self._boot_s, self._overload_s = BOOT_S, 0.0
        self._latched = self._weak = False
        self.note(self.servo_id, "reboot", 0)
        self._command({"torque"})

    def latch_overload(self) -> None:
        self._latched = True
        self._release()

    def place(self, ticks: int) -> None:
        self.motor.place((ticks + self.offset - MIDDLE) * RAD_PER_TICK)

    def _allows(self, register: Register, value: int) -> bool:
        if register.name == "torque":
            return value in (0, 1, TORQUE_SET_MIDDLE)
        return register.allows(value)

    def power_on(self) -> None:
        self.save()

    def save(self) -> None:
        """Keep the EEPROM as it is now through a loss of power."""
        self._saved = {
            name: self.registers[name]
            for name, register in self.registers.table.items()
            if register.eeprom
        }

    def _release(self) -> None:
        if self.motor.torque_on:
            self.note(self.servo_id, "torque", 0)
        self.registers["torque"] = 0
        self.motor.torque_on = False

    def _command(self, changed: set[str]) -> None:
        """Hand what the registers say on to the motor."""
        registers, motor = self.registers, self.motor
        if self._latched:
            registers["torque"] = 0
        if "torque" in changed and registers["torque"] == 0:
            self._weak = False
        low, high = registers["min_position"], registers["max_position"]
        goal = self.goal_ticks
        if low < high:  # both 0: many turns, no limits
            goal = max(low, min(high, goal))
        motor.goal_rad = (goal + self.offset - MIDDLE) * RAD_PER_TICK
        speed = from_sign_magnitude(registers["goal_speed"], 15)
        motor.speed_limit_rad_s = abs(speed) * RAD_PER_TICK or math.inf
        acceleration = registers["acceleration"] * ACCELERATION_UNIT_TICKS_S2
        motor.acceleration_rad_s2 = acceleration * RAD_PER_TICK or math.inf
        motor.gain = registers["p_gain"] / registers.table["p_gain"].value
        self._set_torque_limit()
        motor.torque_on = registers["torque"] == 1
        if "goal_position" in changed:
            self.note(self.servo_id, "goal", self.goal_ticks)
        if "torque" in changed:
            self.note(self.servo_id, "torque", registers["torque"])

    def _set_torque_limit(self) -> None:
        limit = min(self.registers["torque_limit"], self.registers["max_torque"]) / 1000
        if self._weak:
            limit = min(limit, self.registers["protective_torque"] / 100)
        self.motor.torque_limit = limit

    def _measure(self) -> None:
        registers, motor = self.registers, self.motor
        registers["present_position"] = sign_magnitude(self.present_ticks, 15)
        registers["present_speed"] = sign_magnitude(round(motor.speed_rad_s / RAD_PER_TICK), 15)
        registers["present_load"] = sign_magnitude(round(motor.load_share * 1000), 10)
        registers["present_voltage"] = min(255, round(self._voltage_v * 10))
        registers["present_temperature"] = min(255, round(motor.temperature_c))
        registers["present_current"] = sign_magnitude(round(motor.current_a / CURRENT_UNIT_A), 15)
        registers["moving"] = int(motor.is_moving)
        registers["status"] = self.status
