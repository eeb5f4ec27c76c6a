"""Puts a twin together from its options and runs it."""

from __future__ import annotations

import os
import select
import signal
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from robofeed_serial.twin.arm import TwinArm
from robofeed_serial.twin.console import Console
from robofeed_serial.twin.control import ControlServer
from robofeed_serial.twin.layouts import build, find_layout
from robofeed_serial.twin.server import TwinServer
from robofeed_serial.twin.supply import Supply
from robofeed_serial.twin.terminal import TwinTerminal
from robofeed_serial.twin.wire import Wire


@dataclass(frozen=True, slots=True)
class TwinOptions:
    """What `robofeed arm twin` can be told."""

    arm: str
    link: Path
    baud: int | None = None
    """None: the arm's own"""
    control: Path | None = None
    paced: bool = True
    until_input_ends: bool = False
    """stop when standard input is closed: a child ends with its parent, however that went"""


class InputEnd:
    """A visitor that stops the twin at the end of standard input."""

    def __init__(self, server: TwinServer) -> None:
        self._server = server

    def filenos(self) -> list[int]:
        """What to wait for."""
        return [sys.stdin.fileno()]

    def visit(self) -> None:
        """Stop where that is the end; what is written there is ignored."""
        if select.select([sys.stdin], [], [], 0)[0] and not os.read(sys.stdin.fileno(), 1024):
            self._server.stop()


def run_twin(options: TwinOptions) -> None:
    """Serve until SIGTERM, Ctrl-C or a request to stop. Says on standard output what it offers.

    Raises:
        ConfigError: unknown arm, impossible baud, or paths that cannot be used.
    """
    layout = find_layout(options.arm)
    if options.baud is not None:
        layout = replace(layout, baud=options.baud)
    servos, line = build(layout)
    arm = TwinArm(servos, Supply(layout.rail_v))
    server = TwinServer(arm, Wire(line, paced=options.paced), TwinTerminal(options.link))
    if options.until_input_ends:
        server.visitors.append(InputEnd(server))
    control = None
    if options.control is not None:
        control = ControlServer(options.control, Console(server).actions)
        control.open()
        server.visitors.append(control)
    signal.signal(signal.SIGTERM, lambda number, frame: server.stop())
    server.on_plug = lambda: print(
        f"{layout.name}: {len(servos)} servos at {options.link}, {layout.baud} bit/s", flush=True
    )
    try:
        server.run()
    finally:
        if control is not None:
            control.close()
