"""Whether what is behind a port takes G-code, and which arm it is. Nothing moves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from robofeed_serial.gcode.arm import ArmRefused, GcodeState
from robofeed_serial.gcode.grbl import GRBL, MIROBOT, GrblArm
from robofeed_serial.gcode.uarm import BAUD, Uarm
from robofeed_serial.wire.errors import BusTimeout
from robofeed_serial.wire.link import Link

ASK_S = 0.25


@dataclass(frozen=True, slots=True)
class Recognised:
    """Who answered."""

    profile: str
    what: str
    state: GcodeState


def recognise(port: str, tell: Callable[[str], object] = lambda text: None) -> Recognised | None:
    """The arm that answers to text; None where nothing does.

    Raises:
        PortGone: the port cannot be opened.
    """
    tell(f"gcode at {BAUD}")
    link = Link(port, BAUD)
    link.open()
    try:
        link.send(b"\n")  # ends what noise, or another question, may have begun
        uarm = Uarm(link, ASK_S)
        for profile, ask, state in (
            ("uarm", uarm.name, uarm.state),
            ("mirobot", lambda: "Mirobot", GrblArm(link, MIROBOT, ASK_S).state),
            ("grbl", lambda: "grbl", GrblArm(link, GRBL, ASK_S).state),
        ):
            try:
                found = state()
                return Recognised(profile, ask(), found)
            except (BusTimeout, ArmRefused):
                continue
        return None
    finally:
        link.close()
