"""`robofeed arm hand`: a hand on a twin's joints."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    control: Annotated[Path, typer.Argument(help="The twin's control socket.")],
    joints: Annotated[
        list[str] | None, typer.Argument(help="Where to hold which servo: 2=1024 (id, ticks).")
    ] = None,
) -> None:
    """Move limp joints of a running twin and hold them there; alone: let go of all of them."""
    from robofeed import ConfigError, SafetyStop
    from robofeed_serial.twin.control import ask

    places: dict[str, int] = {}
    for joint in joints or ():
        servo_id, _, ticks = joint.partition("=")
        if not servo_id.isdecimal() or not ticks.isdecimal():
            raise ConfigError(f"{joint!r} is not a servo and its place, such as 2=1024")
        places[servo_id] = int(ticks)
    held = ask(control, {"do": "hand", "ticks": places, "hold": True})["held"]
    if held:
        ids = ", ".join(map(str, held))
        raise SafetyStop(f"servo {ids} resists: its torque is on (robofeed arm relax)")
