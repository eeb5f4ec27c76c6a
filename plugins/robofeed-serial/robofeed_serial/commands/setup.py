"""`robofeed arm setup`: ids and rates, one servo at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from robofeed_serial.arms.arm_file import ArmFile, Servo


def command(
    port: Annotated[str, typer.Argument(help="The port, as `robofeed arm find` tells it.")],
    arm: Annotated[str, typer.Option(help="Which arm: so101, koch ... or its file.")],
    joint: Annotated[
        list[str] | None, typer.Option(help="Only this joint; may be given more than once.")
    ] = None,
    potentiometers: Annotated[
        bool, typer.Option(help="Of our own servo board: it reads its servos' positions.")
    ] = True,
) -> None:
    """Give every servo its id, one connected at a time; or our own servo board its limits."""
    from robofeed import ConfigError, HardwareError
    from robofeed.data.errors import did_you_mean
    from robofeed_serial.arms.arm_file import load_arm
    from robofeed_serial.bench.dialogue import wait_for_enter

    file = load_arm(arm)
    names = [servo.name for servo in file.servos]
    for name in joint or ():
        if name not in names:
            raise ConfigError(f"arm {file.name} has no joint {name!r}{did_you_mean(name, names)}")
    if file.protocol == "rfp":
        _set_up_board(file, port, potentiometers)
        return
    left = [each for each in reversed(file.servos) if not joint or each.name in joint]
    try:
        while left:
            servo = left[0]
            wait_for_enter(f"Connect the servo of {servo.name} to the adapter, and no other")
            try:
                print(_set_up_one(file, port, servo))
            except HardwareError as error:  # the wrong plug is no reason to begin anew
                print(f"{error}\nOnce more:")
            else:
                left = left[1:]
    finally:
        if left:
            which = " ".join(f"--joint {each.name}" for each in left)
            print(f"\nLeft to do: robofeed arm setup {port} --arm {arm} {which}")
    print(f"Connect them all, then: robofeed arm scan {port}")


def _set_up_one(file: ArmFile, port: str, servo: Servo) -> str:
    from robofeed_serial.bench.id_setup import check_kind, set_up, the_only_servo
    from robofeed_serial.make_bus import make_bus

    found = the_only_servo(file, port)
    check_kind(servo, found)
    bus = make_bus(file.protocol, port, found.model.baud)
    bus.open()
    try:
        set_up(bus, file, servo, found.model.servo_id)
    finally:
        bus.close()
    return f"{servo.name}: {found.model.name}, id {servo.id}, {file.baud} bit/s"


def _set_up_board(arm: ArmFile, port: str, potentiometers: bool) -> None:
    """Store the arm's limits in the board. Nothing moves; its servos must be limp."""
    from robofeed_serial.arms.calibration import calibration_path, load_calibration, nominal
    from robofeed_serial.rfp.bus import RfpBus
    from robofeed_serial.rfp.limits import board_config
    from robofeed_serial.wire.link import Link

    own = calibration_path(arm.name).exists()
    calibration = load_calibration(arm) if own else nominal(arm)
    bus = RfpBus(Link(port, arm.baud))
    bus.open()
    try:
        found = bus.potentiometers() if potentiometers else {}
        config = board_config(arm, calibration, potentiometers=found)
        bus.write_config(config)
    finally:
        bus.close()
    whose = "its calibration" if own else "its file: there is no calibration yet"
    print(f"limits of {arm.name} stored, by {whose}")
    for servo in arm.servos:
        limits = config.joints[servo.id - 1]
        measured = "measured" if limits.measured else "not measured"
        print(
            f"{servo.id}  {servo.name:16s} {limits.low_ticks} to {limits.high_ticks} ticks, "
            f"{limits.speed_ticks_s} ticks/s, {measured}"
        )
