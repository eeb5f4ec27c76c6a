"""Registers: signs, units, codes, flags, and what does not fit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robofeed import ConfigError
from robofeed_serial.buses.register import Register
from robofeed_serial.buses.servo_bus import ServoFault, ServoMode
from robofeed_serial.dynamixel import registers as dynamixel
from robofeed_serial.feetech import registers as feetech

TABLES = {
    "feetech": feetech.REGISTERS,
    "with load": dynamixel.WITH_LOAD,
    "with current": dynamixel.WITH_CURRENT_2,
}
ALL = [
    pytest.param(register, id=f"{name}: {item}")
    for name, table in TABLES.items()
    for item, register in table.items()
]


@pytest.mark.parametrize("register", ALL)
@given(data=st.data())
def test_what_is_written_is_what_is_read(register: Register, data: st.DataObject) -> None:
    if register.flags is not None:
        return
    raw = data.draw(st.binary(min_size=register.size, max_size=register.size))
    value = register.decode(raw)
    if register.codes is not None and value < 0:
        return  # a code nobody knows can be read and not written

    assert register.decode(register.encode(value)) == value


@pytest.mark.parametrize(
    ("item", "value", "raw"),
    [
        ("goal_position", -5, "05 80"),
        ("goal_position", 2048, "00 08"),
        ("homing_offset", 100, "64 08"),  # the servo takes off what it stores
        ("homing_offset", -100, "64 00"),
        ("return_delay", 500, "fa"),
        ("acceleration", 25_400, "fe"),
        ("min_voltage", 4000, "28"),
        ("baud", 1_000_000, "00"),
        ("baud", 115_200, "04"),
        ("mode", ServoMode.STEP, "03"),
    ],
)
def test_feetechs_words(item: str, value: int, raw: str) -> None:
    register = {str(name): register for name, register in feetech.REGISTERS.items()}[item]

    assert register.encode(value).hex(" ") == raw
    assert register.decode(bytes.fromhex(raw)) == value


@pytest.mark.parametrize(
    ("item", "value", "raw"),
    [
        ("goal_position", -5, "fb ff ff ff"),
        ("homing_offset", -100, "9c ff ff ff"),
        ("watchdog", 200, "0a"),
        ("watchdog", -20, "ff"),
        ("goal_current", 269, "64 00"),
        ("torque_limit", 1000, "75 03"),
        ("baud", 57_600, "01"),
        ("mode", ServoMode.CURRENT_POSITION, "05"),
    ],
)
def test_dynamixels_words(item: str, value: int, raw: str) -> None:
    table = dynamixel.registers_of(1020)
    register = {str(name): register for name, register in table.items()}[item]

    assert register.encode(value).hex(" ") == raw
    assert register.decode(bytes.fromhex(raw)) == value


def test_load_is_signed_by_bit_10() -> None:
    assert feetech.REGISTERS["present_load"].decode(b"\x64\x04") == -100


def test_faults_are_told_apart() -> None:
    heat_and_load = feetech.STATUS.decode(b"\x24")
    heat_and_shock = dynamixel.HARDWARE_ERROR.decode(b"\x14")

    assert ServoFault(heat_and_load) == ServoFault.HEAT | ServoFault.OVERLOAD
    assert ServoFault(heat_and_shock) == ServoFault.HEAT | ServoFault.SHOCK


@pytest.mark.parametrize(
    ("register", "value", "says"),
    [
        (feetech.REGISTERS["goal_position"], 40_000, "-32767 to 32767"),
        (feetech.REGISTERS["return_delay"], -4, "0 to 510"),
        (feetech.REGISTERS["homing_offset"], 3000, "-2047 to 2047"),
        (feetech.REGISTERS["baud"], 9600, "115200"),
        (dynamixel.REGISTERS["watchdog"], 5000, "2540"),
    ],
)
def test_what_does_not_fit_is_refused(register: Register, value: int, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        register.encode(value)


def test_current_and_load_share_a_place_by_model() -> None:
    assert "present_load" in dynamixel.registers_of(1060)
    assert "present_current" in dynamixel.registers_of(1200)
    assert not {"present_load", "present_current"} & set(dynamixel.registers_of(None))
