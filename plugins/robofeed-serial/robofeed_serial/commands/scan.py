"""`robofeed arm scan`: who is on a port."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from robofeed_serial.gcode.recognise import Recognised


def command(
    port: Annotated[str, typer.Argument(help="The port, as `robofeed arm find` tells it.")],
    baud: Annotated[
        list[int] | None, typer.Option(help="Try this rate alone; may be given more than once.")
    ] = None,
    every_id: Annotated[
        bool, typer.Option("--all", help="Ask for every id, 0 to 253: slower.")
    ] = False,
) -> None:
    """List the servos on a port, protocol, rate, ids, models, volts, or say what takes G-code."""
    import sys

    from robofeed import HardwareError
    from robofeed_serial.arms.calibration import calibration_path
    from robofeed_serial.bench.bus_scan import ALL_IDS, LIKELY_IDS, arms_like, scan_port, table
    from robofeed_serial.gcode.recognise import recognise
    from robofeed_serial.wire.port_checks import latency_warning

    def tell(text: str) -> None:
        print(f"  trying {text} ...", file=sys.stderr)

    # First: what servos are asked in would make a grbl arm forget where it is.
    if not baud and (machine := recognise(port, tell)):
        _say(machine, port)
        return
    ids = ALL_IDS if every_id else LIKELY_IDS
    found = scan_port(port, ids, bauds=tuple(baud or ()), tell=tell)
    if not found:
        raise HardwareError(
            f"nobody answers on {port}: is the arm's own power on? Is it this port "
            "(robofeed arm find)? Two servos with one id drown each other: connect them one at a "
            "time (robofeed arm setup). Ids above 20 need --all"
        )
    print(f"{found[0].protocol} at {found[0].model.baud} bit/s on {port}")
    print("\n".join(table(found)))
    names = arms_like(found)
    if names:
        print(f"These are the servos of: {', '.join(names)}")
        for name in names:
            then = "selftest" if calibration_path(name).exists() else "calibrate"
            print(f"Then, if it is that: robofeed arm {then} {name} --port {port}")
    else:
        print("No arm file has exactly these servos (all ship with one id: robofeed arm setup)")
    if warning := latency_warning(port):
        print(warning)


def _say(machine: Recognised, port: str) -> None:
    from robofeed_serial.gcode.uarm import BAUD

    place = " ".join(f"{axis}{value:.2f}" for axis, value in machine.state.place.items())
    doing = "" if machine.state.doing is None else f", {machine.state.doing.value}"
    print(f"{machine.what} at {BAUD} bit/s on {port}: {place}{doing}")
    print(f"It takes G-code (profile {machine.profile}): no servos to list, set up or calibrate.")
