"""Twins of arms that take G-code, by name."""

from __future__ import annotations

from robofeed_serial.twin.arm import TwinArm
from robofeed_serial.twin.gcode.grbl import GRBL_AXES, MIROBOT_AXES, GrblLine
from robofeed_serial.twin.gcode.machine import GCODE_BAUD, Machine, Mode
from robofeed_serial.twin.gcode.uarm import AXES, UarmLine
from robofeed_serial.twin.supply import Supply
from robofeed_serial.twin.wire import Line

__all__ = ["GCODE_ARMS", "GCODE_BAUD", "axes_of", "build_gcode"]

GCODE_ARMS = ("uarm", "mirobot", "grbl")


def axes_of(name: str) -> str:
    """The letters of one of `GCODE_ARMS`, in the order of its log."""
    return {"uarm": AXES, "mirobot": MIROBOT_AXES, "grbl": GRBL_AXES}[name].names


def build_gcode(name: str) -> tuple[TwinArm, Line]:
    """The twin of one of `GCODE_ARMS`, and its port's side of the protocol."""
    machine = Machine(AXES)
    line: Line = UarmLine(machine)
    if name == "mirobot":
        machine = Machine(MIROBOT_AXES, Mode.ALARM)
        line = GrblLine(machine, "mirobot")
    elif name == "grbl":
        machine = Machine(GRBL_AXES, Mode.ALARM)
        line = GrblLine(machine, "grbl")
    arm = TwinArm([], Supply(12.0), machine, places=machine.thousandths)
    machine.note = arm.log.note
    return arm, line
