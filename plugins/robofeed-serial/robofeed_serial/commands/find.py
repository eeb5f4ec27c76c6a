"""`robofeed arm find`: which port."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    list_only: Annotated[
        bool, typer.Option("--list", help="List the ports and ask nothing.")
    ] = False,
    folder: Annotated[
        Path | None, typer.Option(help="Look at the ports in this folder alone: a twin's link.")
    ] = None,
) -> None:
    """Find the arm's port: unplug it, and see which one goes."""
    from robofeed import ConfigError, HardwareError
    from robofeed_serial.bench.dialogue import wait_for_enter
    from robofeed_serial.bench.port_search import gone, line_about
    from robofeed_serial.wire.port_checks import list_ports

    if folder is not None and not folder.is_dir():
        raise ConfigError(f"--folder {folder}: there is no such folder")
    before = list_ports(folder)
    if not before:
        where = "this machine" if folder is None else f"the folder {folder}"
        raise HardwareError(f"{where} has no serial port with a device behind it: plug it in")
    for port in before:
        print(line_about(port))
    if list_only:
        return
    wait_for_enter("Unplug the arm's USB cable")
    found = gone(before, list_ports(folder))
    print(f"The arm's port is {found.path}")
    print(f"Plug it in again, then: robofeed arm scan {found.path}")
