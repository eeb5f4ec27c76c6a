"""`robofeed arm park` and `robofeed arm relax`: where an arm may lie without power."""

from __future__ import annotations

from typing import Annotated

import typer

Arm = Annotated[str, typer.Argument(help="Which arm: so101, koch ... or its file.")]
Port = Annotated[str, typer.Option(help="Its port, as `robofeed arm find` tells it.")]
CalibrationName = Annotated[
    str, typer.Option(help="Its name or file. Default: as the arm; nominal for a twin.")
]
AtRest = Annotated[
    bool,
    typer.Option("--at-rest", help="Of an arm that cannot measure: it lies in its rest pose."),
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask: somebody is there.")]


def how_to_park(arm: str, port: str, calibration: str) -> str:
    """What is said of an arm that is left holding itself."""
    which = f" --calibration {calibration}" if calibration else ""
    return (
        f"The arm holds where it is, its torque on. robofeed arm park {arm} --port {port}{which} "
        "brings it to rest"
    )


def park(
    arm: Arm,
    port: Port,
    calibration: CalibrationName = "",
    yes: Yes = False,
    at_rest: AtRest = False,
) -> None:
    """Drive slowly to the rest pose, then switch the torque off."""
    from robofeed import HardwareError
    from robofeed_serial.arms.arm_file import load_any_arm
    from robofeed_serial.bench.confirm_rest import confirm_rest
    from robofeed_serial.bench.dialogue import insist_on_yes
    from robofeed_serial.body.arm_body import not_looked_at
    from robofeed_serial.body.free_way import free_way_of
    from robofeed_serial.driving.homing import go_to
    from robofeed_serial.supervision.client import SupervisorClient
    from robofeed_serial.supervision.messages import Mode, Request
    from robofeed_serial.supervision.parking import PARK_SPEED
    from robofeed_serial.supervision.settings import (
        PARK_S,
        SupervisorSettings,
        bounds_of,
        ranges_of,
    )

    file = load_any_arm(arm)
    if warning := not_looked_at(file):
        print(warning)
    if not yes:
        insist_on_yes("The arm will move slowly to its rest pose, then let go.")
    settings = SupervisorSettings(
        arm=str(file.path), port=port, calibration=calibration, watchdog_s=0.5
    )
    ranges = ranges_of(file, calibration)
    bounds = bounds_of(file, ranges, settings)
    speed = [PARK_SPEED * each for each in bounds.speed_rad_s]
    box = (bounds.box_low_m, bounds.box_high_m)
    names = [joint.name for joint in file.joints]
    client = SupervisorClient(settings)
    try:
        confirm_rest(client, at_rest, yes)
        held = client.request(Request.ENGAGE).commanded_rad
        free = free_way_of(file, box, ranges, held[len(names) :])
        go_to(client, file.model.rest_rad, speed, names, free, "rest")
        client.request(Request.PARK)
        if not client.parked(PARK_S):
            raise HardwareError(
                "the arm did not reach its rest pose: is something in its way? It holds where it is"
            )
        let_go = client.report().mode is Mode.RELAXED
    except KeyboardInterrupt:
        print(how_to_park(arm, port, calibration))
        raise
    finally:
        client.close()
    print(
        "parked: torque off" if let_go else "parked: it cannot let go by command, and holds there"
    )


def relax(arm: Arm, port: Port, yes: Yes = False) -> None:
    """Switch the torque off where the arm is: it falls."""
    from robofeed_serial.arms.arm_file import ArmFile, load_any_arm
    from robofeed_serial.bench.dialogue import insist_on_yes
    from robofeed_serial.gcode.build import open_machine
    from robofeed_serial.make_bus import make_bus

    if not yes:
        insist_on_yes("The arm will fall: hold it.")
    file = load_any_arm(arm)
    if not isinstance(file, ArmFile):
        with open_machine(file, port) as machine:
            machine.relax()
        print("torque off")
        return
    bus = make_bus(file.protocol, port, file.baud)
    bus.open()
    try:
        bus.prepare(file.ids)
        bus.set_torque(file.ids, False)
    finally:
        bus.close()
    print("torque off")
