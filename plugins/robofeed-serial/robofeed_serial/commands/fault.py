"""Give a running twin a fault, or take its faults away."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    control: Annotated[Path, typer.Argument(help="The twin's control socket.")],
    faults: Annotated[
        list[str] | None, typer.Argument(help="Such as stuck:servo_id=2,for_s=3.")
    ] = None,
    clear: Annotated[bool, typer.Option("--clear", help="End the faults there are first.")] = False,
) -> None:
    """Give a running twin faults and list those it has then (docs/serial-faults.md)."""
    from robofeed_serial.twin.control import ask

    if clear:
        ask(control, {"do": "clear"})
    for fault in faults or ():
        ask(control, {"do": "fault", "fault": fault})
    for name in ask(control, {"do": "state"})["faults"] or ["no faults"]:
        typer.echo(name)
