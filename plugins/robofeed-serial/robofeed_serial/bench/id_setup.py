"""Giving servos their ids, one at a time: all of them ship as the same one."""

from __future__ import annotations

from collections.abc import Callable

from robofeed import ConfigError, HardwareError
from robofeed_serial.arms.arm_file import ArmFile, Servo
from robofeed_serial.bench.bus_scan import LIKELY_IDS, Found, scan_port
from robofeed_serial.buses.register_bus import UNREADABLE
from robofeed_serial.buses.servo_bus import ServoBus, ServoMode

OpenBus = Callable[[int], ServoBus]
"""Makes an open bus at a rate."""


def the_only_servo(arm: ArmFile, port: str) -> Found:
    """The one servo on the port, whatever id and rate it has.

    Raises:
        HardwareError: there is none, there are several, or one that other arms are made of.
    """
    found = scan_port(port, LIKELY_IDS, (arm.protocol,))
    if not found:
        raise HardwareError(
            f"no servo answers on {port}: connect one servo to the adapter, and its power"
        )
    if len(found) > 1:
        ids = ", ".join(str(each.model.servo_id) for each in found)
        raise HardwareError(
            f"{len(found)} servos answer on {port} (ids {ids}): connect one at a time, or all "
            "of them would get the same id"
        )
    if found[0].model.name == UNREADABLE:
        raise HardwareError(
            f"several servos answer on {port} with one id: connect one at a time (or the cable of "
            "the only one is bad)"
        )
    return found[0]


def check_kind(servo: Servo, found: Found) -> None:
    """Raises HardwareError where another kind of servo is connected than belongs there."""
    if servo.model_numbers and found.model.number not in servo.model_numbers:
        raise HardwareError(
            f"this is a {found.model.name}, but {servo.name} has a {servo.servo}: connect that one"
        )


def set_up(bus: ServoBus, arm: ArmFile, servo: Servo, now_id: int) -> None:
    """Make the servo with id `now_id` the one of `servo`: torque off, mode, id, then the rate.

    Raises:
        HardwareError: it does not answer under its new id.
    """
    bus.set_torque([now_id], False)
    try:
        bus.write(now_id, "mode", ServoMode.POSITION)
    except ConfigError:
        pass  # a servo that has no modes has this one
    if now_id != servo.id:
        bus.write(now_id, "id", servo.id)
    if bus.baud != arm.baud:
        bus.write(servo.id, "baud", arm.baud)
        bus.set_baud(arm.baud)
    if bus.ping(servo.id) is None:
        raise HardwareError(
            f"the servo of {servo.name} does not answer as {servo.id} at {arm.baud} baud: switch "
            f"its power off and on, then look with robofeed arm scan {bus.port}"
        )
    bus.prepare([servo.id])
