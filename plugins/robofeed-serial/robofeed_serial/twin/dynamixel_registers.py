"""Control tables of the Dynamixel X servos XL430-W250 and XL330, after the e-manual.

Little-endian, two's complement. Indirect addresses (168 and on) are not modelled: access there is
refused.
"""

from __future__ import annotations

from robofeed_serial.twin.registers import Register

TICKS_PER_TURN = 4096
FAST_READ_FIRMWARE = 46
"""The first of the XL330 that answers a fast sync read, by reports of its users; taken for the
XL430's as well."""
BAUD_RATES = (9_600, 57_600, 115_200, 1_000_000, 2_000_000, 3_000_000, 4_000_000, 4_500_000)
"""by the value of register 8"""
EXTENDED, POSITION, CURRENT_POSITION = 4, 3, 5
MEMORY_SIZE = 147
_MANY_TURNS = 1_048_575


def _eeprom(
    name: str,
    address: int,
    size: int,
    value: int,
    low: int | None = None,
    high: int | None = None,
    *,
    signed: bool = False,
) -> Register:
    return Register(name, address, size, value, low, high, eeprom=True, signed=signed)


def _fixed(name: str, address: int, size: int, value: int = 0, *, signed: bool = False) -> Register:
    return Register(name, address, size, value, writable=False, signed=signed)


def _ram(name: str, address: int, size: int, value: int, low: int, high: int) -> Register:
    return Register(name, address, size, value, low, high, signed=low < 0)


def _shared(
    *,
    model: int,
    firmware: int,
    temperature: int,
    voltage: tuple[int, int, int, int],
    speed_limit: tuple[int, int],
    gains: tuple[int, int],
    shutdown: int,
    baud_rates: int,
) -> tuple[Register, ...]:
    lowest_v, highest_v, least_v, most_v = voltage
    return (
        _fixed("model", 0, 2, model),
        _fixed("model_information", 2, 4),
        _fixed("firmware", 6, 1, firmware),
        _eeprom("id", 7, 1, 1, 0, 252),
        _eeprom("baud", 8, 1, 1, 0, baud_rates - 1),
        _eeprom("return_delay", 9, 1, 250, 0, 254),
        # Reversed direction and profiles by time are not modelled, and refused.
        _eeprom("drive_mode", 10, 1, 0, 0, 0),
        _eeprom("mode", 11, 1, POSITION, POSITION, CURRENT_POSITION),
        _eeprom("secondary_id", 12, 1, 255, 0, 255),
        _eeprom("protocol", 13, 1, 2, 2, 2),
        _eeprom("homing_offset", 20, 4, 0, -1_044_479, 1_044_479, signed=True),
        _eeprom("moving_threshold", 24, 4, 10, 0, speed_limit[1]),
        _eeprom("max_temperature", 31, 1, temperature, 0, 100),
        _eeprom("max_voltage", 32, 2, most_v, lowest_v, highest_v),
        _eeprom("min_voltage", 34, 2, least_v, lowest_v, highest_v),
        _eeprom("pwm_limit", 36, 2, 885, 0, 885),
        _eeprom("speed_limit", 44, 4, speed_limit[0], 0, speed_limit[1]),
        _eeprom("max_position", 48, 4, 4095, 0, 4095),
        _eeprom("min_position", 52, 4, 0, 0, 4095),
        _eeprom("startup", 60, 1, 0, 0, 3),
        _eeprom("shutdown", 63, 1, shutdown, 0, 63),
        _ram("torque", 64, 1, 0, 0, 1),
        _ram("led", 65, 1, 0, 0, 1),
        _ram("status_level", 68, 1, 2, 0, 2),
        _fixed("registered", 69, 1),
        _fixed("hardware_error", 70, 1),
        _ram("speed_i_gain", 76, 2, 1000, 0, 16383),
        _ram("speed_p_gain", 78, 2, 100, 0, 16383),
        _ram("d_gain", 80, 2, gains[1], 0, 16383),
        _ram("i_gain", 82, 2, 0, 0, 16383),
        _ram("p_gain", 84, 2, gains[0], 0, 16383),
        _ram("feed_forward_2", 88, 2, 0, 0, 16383),
        _ram("feed_forward_1", 90, 2, 0, 0, 16383),
        _ram("watchdog", 98, 1, 0, -1, 127),
        _ram("goal_pwm", 100, 2, 885, -885, 885),
        _ram("goal_speed", 104, 4, 0, -speed_limit[1], speed_limit[1]),
        Register("profile_acceleration", 108, 4, 0, 0, 32767),
        Register("profile_speed", 112, 4, 0, 0, 32767),
        _ram("goal_position", 116, 4, 0, -_MANY_TURNS, _MANY_TURNS),
        _fixed("tick_ms", 120, 2),
        _fixed("moving", 122, 1),
        _fixed("moving_status", 123, 1),
        _fixed("present_pwm", 124, 2, signed=True),
        # The current, mA, where the servo measures it, else the load in 0.1 %.
        _fixed("present_current_or_load", 126, 2, signed=True),
        _fixed("present_speed", 128, 4, signed=True),
        _fixed("present_position", 132, 4, signed=True),
        _fixed("speed_trajectory", 136, 4, signed=True),
        _fixed("position_trajectory", 140, 4, signed=True),
        _fixed("present_voltage", 144, 2),
        _fixed("present_temperature", 146, 1),
    )


XL430 = _shared(
    model=1060,
    firmware=46,
    temperature=72,
    voltage=(60, 140, 60, 140),
    speed_limit=(265, 1023),
    gains=(640, 4000),
    shutdown=52,
    baud_rates=8,
)


def _xl330(model: int, speed_limit: int) -> tuple[Register, ...]:
    return (
        *_shared(
            model=model,
            firmware=46,
            temperature=70,
            voltage=(31, 70, 35, 70),
            speed_limit=(speed_limit, 2047),
            gains=(400, 0),
            shutdown=53,
            baud_rates=7,
        ),
        _eeprom("current_limit", 38, 2, 1750, 0, 1750),
        _ram("goal_current", 102, 2, 1750, -1750, 1750),
    )


XL330 = _xl330(1200, 445)
XL330_FAST = _xl330(1190, 1620)
"""XL330-M077: the same with a quarter of the gear, as in leader arms."""
