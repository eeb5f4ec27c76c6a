"""A leader arm: moved by a person, torque off, read only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from robofeed_serial.arm_file import ArmFile
from robofeed_serial.buses import make_bus
from robofeed_serial.servo_arm import ServoArm
from robofeed_serial.supervisor_settings import find_calibration


@contextmanager
def open_leader(arm: ArmFile, port: str, calibration: str) -> Iterator[ServoArm]:
    """The arm on `port` with its torque off, closed afterwards.

    Raises:
        HardwareError: the port or a servo cannot be used.
        ConfigError: no calibration, or another arm's.
    """
    bus = make_bus(arm.protocol, port, arm.baud)
    leader = ServoArm(arm, find_calibration(arm, calibration), bus)
    bus.open()
    try:
        leader.identify()
        bus.prepare(arm.ids)
        leader.relax()
        leader.read()
        yield leader
    finally:
        bus.close()
