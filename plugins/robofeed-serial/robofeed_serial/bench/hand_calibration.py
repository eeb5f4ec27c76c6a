"""Calibrating by hand: torque off, to the middle, then every joint to both of its ends."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

from robofeed import ConfigError, HardwareError
from robofeed_serial.arms.arm_file import ArmFile, ArmGripper, Servo
from robofeed_serial.arms.calibration import Calibration, from_ends, servo_calibration
from robofeed_serial.buses.servo_bus import Item, ServoBus
from robofeed_serial.wire.errors import BusTimeout

MIDDLE_TICKS = 256
"""so near its middle must a servo say it stands once it has been homed there"""
MIDDLE_SHARE = 0.125
"""of a turn: so far from the middle between its ends may a joint have been put by eye"""
_CHANGED: tuple[Item, ...] = ("homing_offset", "min_position", "max_position")
PATIENCE_S = 2.0
"""for a servo to answer, while a person waits"""


def calibrate_by_hand(
    arm: ArmFile,
    bus: ServoBus,
    wait: Callable[[str], object],
    tell: Callable[[str], object],
) -> Calibration:
    """Ask a person to move the arm, and measure; a joint whose ends make no sense is asked again.

    However else it ends, the servos are homed as before: an older calibration goes on to fit.

    Args:
        arm: The arm.
        bus: Open.
        wait: Prints what is to be done and returns once it is.
        tell: Prints a line.

    Raises:
        HardwareError: a servo is silent, or does not take its homing.
    """
    wait("The torque goes off and the arm falls: hold it")
    bus.set_torque(arm.ids, False)
    before = {servo.id: _homed_as(bus, servo) for servo in arm.servos}
    try:
        wait("Put every joint into the middle of its range, the gripper half open")
        offsets = {servo.name: home_here(bus, servo) for servo in arm.servos}
        ends: dict[str, tuple[int, int]] = {}
        for servo in arm.servos:
            while trouble := _measure(arm, bus, servo, ends, offsets, wait, tell):
                tell(f"  {trouble}\nOnce more:")
                if offsets[servo.name] is not None:
                    wait(f"Put {servo.name} into the middle between its two ends")
                    offsets[servo.name] = home_here(bus, servo)
        return from_ends(arm, ends, offsets, "by hand")
    except BaseException:
        _put_back(bus, before, tell)
        raise


def _measure(
    arm: ArmFile,
    bus: ServoBus,
    servo: Servo,
    ends: dict[str, tuple[int, int]],
    offsets: dict[str, int | None],
    wait: Callable[[str], object],
    tell: Callable[[str], object],
) -> str:
    """Note the ends of one joint in `ends`. Returns why they cannot be, "" where they can."""
    if isinstance(servo, ArmGripper):
        first, last = "Shut the gripper", "Open the gripper as far as it goes"
    else:  # the way that has words first: "the other way" cannot be misread
        way = servo.positive or "in its positive direction"
        first = f"{servo.name}: {way}, as far as it goes"
        last = f"{servo.name}: the other way, as far as it goes"
    wait(first)
    one = position(bus, servo)
    wait(last)
    other = position(bus, servo)
    ends[servo.name] = (one, other) if isinstance(servo, ArmGripper) else (other, one)
    low, high = ends[servo.name]
    tell(f"  {servo.name}: {low} to {high}")
    # Where the count starts anew between the ends, they look like those of a joint that turns the
    # other way, sometimes as far: then their middle is not near where the joint was homed.
    turn = servo.ticks_per_turn
    off = abs(sum(ends[servo.name]) / 2 - servo.middle_ticks)
    if offsets[servo.name] is not None and off > MIDDLE_SHARE * turn:
        return (
            f"joint {servo.name} (servo {servo.id}) stood {360 * off / turn:.0f} degrees from the "
            "middle of these ends when it was to be put there"
        )
    try:
        servo_calibration(arm, servo, ends[servo.name], offsets[servo.name])
    except ConfigError as error:
        return str(error)
    return ""


def _homed_as(bus: ServoBus, servo: Servo) -> dict[Item, int]:
    """What calibrating changes in a servo, as it is."""
    found: dict[Item, int] = {}
    for item in _CHANGED:
        with contextlib.suppress(ConfigError):  # it has no such thing
            found[item] = bus.read(servo.id, item)
    return found


def _put_back(
    bus: ServoBus, before: dict[int, dict[Item, int]], tell: Callable[[str], object]
) -> None:
    lost = []
    for servo_id, items in before.items():
        try:
            for item, value in items.items():
                bus.write(servo_id, item, value)
        except HardwareError:
            lost.append(str(servo_id))
    if lost:
        tell(
            f"Servo {', '.join(lost)} could not be homed as before: an older calibration does not "
            "fit any more, calibrate again"
        )


def home_here(bus: ServoBus, servo: Servo) -> int | None:
    """Make the servo call its present place its middle; returns what it adds to its encoder now.

    None where such a servo has no homing. The middle is far from where its count starts anew.

    Raises:
        HardwareError: it does not take it.
    """
    try:
        before = bus.read(servo.id, "homing_offset")
    except ConfigError:
        return None
    turn = servo.ticks_per_turn
    wanted = before + servo.middle_ticks - position(bus, servo)
    wanted = (wanted + turn // 2) % turn - turn // 2
    bus.write(servo.id, "homing_offset", max(wanted, 1 - turn // 2))
    range_items: tuple[tuple[Item, int], ...] = (("min_position", 0), ("max_position", turn - 1))
    for item, value in range_items:
        try:
            bus.write(servo.id, item, value)
        except ConfigError:
            continue  # it has no range of its own: robofeed keeps to the calibration's
    off = abs(position(bus, servo) - servo.middle_ticks)
    if off > MIDDLE_TICKS:
        raise HardwareError(
            f"servo {servo.id} ({servo.name}) stands {off} ticks from its middle after homing: "
            "was it moved meanwhile? Calibrate again"
        )
    return bus.read(servo.id, "homing_offset")


def position(bus: ServoBus, servo: Servo) -> int:
    """Where the servo is now. Raises HardwareError where it stays silent."""
    asked_ns = time.monotonic_ns()
    while time.monotonic_ns() < asked_ns + PATIENCE_S * 1e9:
        state = bus.read_states([servo.id], budget_s=0.1).get(servo.id)
        if state is not None and state.time_ns >= asked_ns:
            return state.position_ticks
        time.sleep(0.02)
    raise BusTimeout(
        f"servo {servo.id} ({servo.name}) on {bus.port} is silent: check its cable, then calibrate "
        "again"
    )
