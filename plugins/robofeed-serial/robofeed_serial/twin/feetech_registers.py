"""Memory of the STS3215, after Feetech's table for its servos with magnetic encoder.

Words are little-endian. Negative numbers are sign and magnitude, the sign in bit 15 (position,
speed), 11 (offset) or 10 (load). What the table leaves open is an assumption, marked so.
"""

from __future__ import annotations

from robofeed_serial.twin.registers import Register

MODEL_NUMBER = 777
TICKS_PER_TURN = 4096
MIDDLE = 2048
BAUD_RATES = (1_000_000, 500_000, 250_000, 128_000, 115_200, 76_800, 57_600, 38_400)
"""by the value of register 6; sources disagree on those after 115 200"""


def _word(value: int, bit: int) -> int:
    """A negative `value` as sign and magnitude, the sign in `bit`."""
    return -value | 1 << bit if value < 0 else value


def sign_magnitude(value: int, bit: int) -> int:
    """`value` as it stands in memory, limited to what fits under the sign in `bit`."""
    most = (1 << bit) - 1
    return _word(max(-most, min(most, value)), bit)


def from_sign_magnitude(word: int, bit: int) -> int:
    """What a word of memory means whose sign is in `bit`."""
    magnitude = word & ((1 << bit) - 1)
    return -magnitude if word >> bit & 1 else magnitude


def _eeprom(
    name: str, address: int, size: int, value: int, low: int | None = None, high: int | None = None
) -> Register:
    return Register(name, address, size, value, low, high, eeprom=True)


def _fixed(name: str, address: int, size: int, value: int = 0) -> Register:
    return Register(name, address, size, value, writable=False)


STS3215 = (
    _fixed("firmware_major", 0, 1, 3),
    _fixed("firmware_minor", 1, 1, 10),
    _fixed("end", 2, 1, 0),
    _fixed("model", 3, 2, MODEL_NUMBER),
    _eeprom("id", 5, 1, 1, 0, 253),
    _eeprom("baud", 6, 1, 0, 0, 7),
    _eeprom("return_delay", 7, 1, 250, 0, 254),
    _eeprom("status_level", 8, 1, 1, 0, 1),
    _eeprom("min_position", 9, 2, 0, 0, 4094),
    _eeprom("max_position", 11, 2, 4095, 1, 4095),
    _eeprom("max_temperature", 13, 1, 70, 0, 100),
    _eeprom("max_voltage", 14, 1, 80, 0, 254),
    _eeprom("min_voltage", 15, 1, 40, 0, 254),
    _eeprom("max_torque", 16, 2, 1000, 0, 1000),
    _eeprom("phase", 18, 1, 12, 0, 254),
    _eeprom("shutdown", 19, 1, 44, 0, 254),
    _eeprom("alarm_led", 20, 1, 47, 0, 254),
    _eeprom("p_gain", 21, 1, 32, 0, 254),
    _eeprom("d_gain", 22, 1, 32, 0, 254),
    _eeprom("i_gain", 23, 1, 0, 0, 254),
    _eeprom("starting_force", 24, 2, 16, 0, 1000),
    _eeprom("dead_zone_cw", 26, 1, 1, 0, 32),
    _eeprom("dead_zone_ccw", 27, 1, 1, 0, 32),
    _eeprom("protection_current", 28, 2, 500, 0, 511),
    _eeprom("resolution", 30, 1, 1, 1, 3),
    _eeprom("homing_offset", 31, 2, 0, 0, 4095),
    _eeprom("mode", 33, 1, 0, 0, 0),
    _eeprom("protective_torque", 34, 1, 20, 0, 100),
    _eeprom("protection_time", 35, 1, 200, 0, 254),
    _eeprom("overload_torque", 36, 1, 80, 0, 100),
    _eeprom("speed_p_gain", 37, 1, 10, 0, 100),
    _eeprom("overcurrent_time", 38, 1, 200, 0, 254),
    _eeprom("speed_i_gain", 39, 1, 10, 0, 254),
    Register("torque", 40, 1, 0, 0, 128),
    Register("acceleration", 41, 1, 0, 0, 254),
    Register("goal_position", 42, 2, 0),
    Register("goal_time", 44, 2, 0),
    Register("goal_speed", 46, 2, 0),
    Register("torque_limit", 48, 2, 1000, 0, 1000),
    Register("lock", 55, 1, 1, 0, 1),
    _fixed("present_position", 56, 2),
    _fixed("present_speed", 58, 2),
    _fixed("present_load", 60, 2),
    _fixed("present_voltage", 62, 1),
    _fixed("present_temperature", 63, 1),
    _fixed("registered", 64, 1),
    _fixed("status", 65, 1),
    _fixed("moving", 66, 1),
    _fixed("present_current", 69, 2),
    # Of the factory's part only what hosts are known to touch.
    Register("moving_threshold", 80, 1, 0, eeprom=True),
    Register("max_speed", 84, 1, 0, eeprom=True),
    Register("max_acceleration", 85, 1, 254, eeprom=True),
    Register("acceleration_factor", 86, 1, 0, eeprom=True),
)
MEMORY_SIZE = 96
