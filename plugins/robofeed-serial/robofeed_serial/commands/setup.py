"""`robofeed arm setup`: ids and rates, one servo at a time."""

from __future__ import annotations

from typing import Annotated

import typer


def command(
    port: Annotated[str, typer.Argument(help="The port, as `robofeed arm find` tells it.")],
    arm: Annotated[str, typer.Option(help="Which arm: so101, koch ... or its file.")],
    joint: Annotated[
        list[str] | None, typer.Option(help="Only this joint; may be given more than once.")
    ] = None,
) -> None:
    """Give every servo its id, one connected at a time, the gripper's first."""
    from robofeed import ConfigError
    from robofeed.data.errors import did_you_mean
    from robofeed_serial.arm_file import load_arm
    from robofeed_serial.buses import make_bus
    from robofeed_serial.dialogue import wait_for_enter
    from robofeed_serial.id_setup import check_kind, set_up, the_only_servo

    file = load_arm(arm)
    names = [servo.name for servo in file.servos]
    for name in joint or ():
        if name not in names:
            raise ConfigError(f"arm {file.name} has no joint {name!r}{did_you_mean(name, names)}")
    for servo in reversed(file.servos):
        if joint and servo.name not in joint:
            continue
        wait_for_enter(f"Connect the servo of {servo.name} to the adapter, and no other")
        found = the_only_servo(file, port)
        check_kind(servo, found)
        bus = make_bus(file.protocol, port, found.model.baud)
        bus.open()
        try:
            set_up(bus, file, servo, found.model.servo_id)
        finally:
            bus.close()
        print(f"{servo.name}: {found.model.name}, id {servo.id}, {file.baud} bit/s")
    print(f"Connect them all, then: robofeed arm scan {port}")
