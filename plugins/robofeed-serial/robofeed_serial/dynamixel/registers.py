"""Registers of the Dynamixel X series, after the ROBOTIS e-manual.

Negative numbers are two's complement. Models without current sensing tell the load where the others
tell the current.
"""

from __future__ import annotations

from collections.abc import Mapping

from robofeed_serial.buses.register import Register
from robofeed_serial.buses.servo_bus import Item, ServoFault, ServoMode

TICKS_PER_TURN = 4096
XL330 = {1190: "XL330-M077", 1200: "XL330-M288"}
XM = {1020: "XM430-W350", 1030: "XM430-W210", 1120: "XM540-W270", 1130: "XM540-W150"}
NO_CURRENT = {1060: "XL430-W250", 1070: "XC430-W150"}
MODEL_NAMES = {**XL330, **XM, **NO_CURRENT}
BAUDS = {
    3: 1_000_000,
    1: 57_600,
    2: 115_200,
    4: 2_000_000,
    5: 3_000_000,
    6: 4_000_000,
    0: 9_600,
}
MODES = {
    0: ServoMode.CURRENT,
    1: ServoMode.VELOCITY,
    3: ServoMode.POSITION,
    4: ServoMode.EXTENDED_POSITION,
    5: ServoMode.CURRENT_POSITION,
    16: ServoMode.PWM,
}
FAULT_BITS = {
    0: ServoFault.VOLTAGE,
    2: ServoFault.HEAT,
    3: ServoFault.ENCODER,
    4: ServoFault.SHOCK,
    5: ServoFault.OVERLOAD,
}
STATUS_LEVEL = Register(68, 1)
"""2: the servo answers every request."""
HARDWARE_ERROR = Register(70, 1, flags=FAULT_BITS, writable=False)
QUICK = (126, 10)
"""Current or load, speed, position."""
FULL = (126, 21)
"""The same, two trajectories, then voltage and temperature."""
SPEED_TICKS_S = 0.229 * TICKS_PER_TURN / 60
ACCELERATION_TICKS_S2 = 214.577 * TICKS_PER_TURN / 3600
PWM_PER_MILLE = 1000 / 885

REGISTERS: Mapping[Item, Register] = {
    "model": Register(0, 2, writable=False),
    "firmware": Register(6, 1, writable=False),
    "id": Register(7, 1, kept=True),
    "baud": Register(8, 1, codes=BAUDS, kept=True),
    "return_delay": Register(9, 1, unit=2, kept=True),
    "mode": Register(11, 1, codes=MODES, kept=True),
    "homing_offset": Register(20, 4, "two's complement", kept=True),
    "max_temperature": Register(31, 1, kept=True),
    "max_voltage": Register(32, 2, unit=100, kept=True),
    "min_voltage": Register(34, 2, unit=100, kept=True),
    "max_torque": Register(36, 2, unit=PWM_PER_MILLE, kept=True),
    "max_position": Register(48, 4, kept=True),
    "min_position": Register(52, 4, kept=True),
    "torque": Register(64, 1),
    "faults": HARDWARE_ERROR,
    "d_gain": Register(80, 2),
    "i_gain": Register(82, 2),
    "p_gain": Register(84, 2),
    "watchdog": Register(98, 1, "two's complement", unit=20),
    "torque_limit": Register(100, 2, unit=PWM_PER_MILLE),
    "acceleration": Register(108, 4, unit=ACCELERATION_TICKS_S2),
    "goal_speed": Register(112, 4, unit=SPEED_TICKS_S),
    "goal_position": Register(116, 4, "two's complement"),
    "moving": Register(122, 1, writable=False),
    "present_speed": Register(128, 4, "two's complement", unit=SPEED_TICKS_S, writable=False),
    "present_position": Register(132, 4, "two's complement", writable=False),
    "present_voltage": Register(144, 2, unit=100, writable=False),
    "present_temperature": Register(146, 1, writable=False),
}
_LOAD: Mapping[Item, Register] = {
    "present_load": Register(126, 2, "two's complement", writable=False)
}


def _current(unit_ma: float) -> Mapping[Item, Register]:
    return {
        "goal_current": Register(102, 2, "two's complement", unit=unit_ma),
        "present_current": Register(126, 2, "two's complement", unit=unit_ma, writable=False),
    }


WITH_LOAD = {**REGISTERS, **_LOAD}
WITH_CURRENT_1 = {**REGISTERS, **_current(1.0)}
WITH_CURRENT_2 = {**REGISTERS, **_current(2.69)}


def registers_of(model_number: int | None) -> Mapping[Item, Register]:
    """The registers of a model; those of every X servo for one that is not known."""
    if model_number in XL330:
        return WITH_CURRENT_1
    if model_number in XM:
        return WITH_CURRENT_2
    return WITH_LOAD if model_number in NO_CURRENT else REGISTERS
