"""Registers of the STS3215 and its relatives, after Feetech's memory table and LeRobot's.

Negative numbers are sign and magnitude. Baud codes from 5 on are left out: sources disagree.
"""

from __future__ import annotations

from collections.abc import Mapping

from robofeed_serial.buses.register import Register
from robofeed_serial.buses.servo_bus import Item, ServoFault, ServoMode

TICKS_PER_TURN = 4096
MODEL_NAMES = {777: "STS3215", 2825: "STS3250", 11272: "SM8512BL"}
BAUDS = {0: 1_000_000, 1: 500_000, 2: 250_000, 3: 128_000, 4: 115_200}
MODES = {
    0: ServoMode.POSITION,
    1: ServoMode.VELOCITY,
    2: ServoMode.PWM,
    3: ServoMode.STEP,
}
FAULT_BITS = {
    0: ServoFault.VOLTAGE,
    1: ServoFault.ENCODER,
    2: ServoFault.HEAT,
    3: ServoFault.CURRENT,
    5: ServoFault.OVERLOAD,
}
STATUS_LEVEL = Register(8, 1, kept=True)
"""1: the servo answers every request; 0: pings and reads only."""
PHASE = Register(18, 1, kept=True)
MANY_TURNS = 16
"""The bit of PHASE that lets present positions leave 0..4095."""
STATUS = Register(65, 1, flags=FAULT_BITS, writable=False)
"""The error byte of every reply says the same."""
LOCK = Register(55, 1)
"""1: what is written to kept registers is lost with the power."""
IDENTITY = (0, 5)
"""Firmware major and minor, a byte of padding, model number."""
QUICK = (56, 6)
"""Position, speed, load."""
FULL = (56, 15)
"""The same, then voltage, temperature, status and current."""

REGISTERS: Mapping[Item, Register] = {
    "model": Register(3, 2, writable=False),
    "id": Register(5, 1, kept=True),
    "baud": Register(6, 1, codes=BAUDS, kept=True),
    "return_delay": Register(7, 1, unit=2, kept=True),
    "min_position": Register(9, 2, kept=True),
    "max_position": Register(11, 2, kept=True),
    "max_temperature": Register(13, 1, kept=True),
    "max_voltage": Register(14, 1, unit=100, kept=True),
    "min_voltage": Register(15, 1, unit=100, kept=True),
    "max_torque": Register(16, 2, kept=True),
    "p_gain": Register(21, 1, kept=True),
    "d_gain": Register(22, 1, kept=True),
    "i_gain": Register(23, 1, kept=True),
    # The servo subtracts what it stores here.
    "homing_offset": Register(31, 2, "magnitude", sign_bit=11, unit=-1, kept=True),
    "mode": Register(33, 1, codes=MODES, kept=True),
    "protective_torque": Register(34, 1, kept=True),
    "protection_time": Register(35, 1, unit=10, kept=True),
    "overload_torque": Register(36, 1, kept=True),
    "torque": Register(40, 1),
    "acceleration": Register(41, 1, unit=100),
    "goal_position": Register(42, 2, "magnitude"),
    "goal_speed": Register(46, 2, "magnitude"),
    "torque_limit": Register(48, 2),
    "present_position": Register(56, 2, "magnitude", writable=False),
    "present_speed": Register(58, 2, "magnitude", writable=False),
    "present_load": Register(60, 2, "magnitude", sign_bit=10, writable=False),
    "present_voltage": Register(62, 1, unit=100, writable=False),
    "present_temperature": Register(63, 1, writable=False),
    "faults": STATUS,
    "moving": Register(66, 1, writable=False),
    "present_current": Register(69, 2, "magnitude", unit=6.5, writable=False),
}
