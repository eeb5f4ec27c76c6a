"""A machine that speaks grbl: lines answered `ok` or `error:n`, single bytes obeyed at once.

Two ways to report: grbl 1.1's own, and the Mirobot's, whose axes are joints. It starts in alarm:
nothing moves before `$H` (home) or `$X` (unlock).
"""

from __future__ import annotations

import math
from typing import Literal

from robofeed_serial.twin.gcode.machine import GCODE_BAUD, Axes, Machine, Mode
from robofeed_serial.twin.gcode.words import words
from robofeed_serial.twin.servo import Reply

Dialect = Literal["grbl", "mirobot"]
GRBL_AXES = Axes("XYZ", (-200.0,) * 3, (200.0,) * 3, (0.0,) * 3, 100.0, 15)
"""mm"""
MIROBOT_AXES = Axes(
    "ABCDXYZ",
    (-350.0, -180.0, -360.0, -10.0, -110.0, -35.0, -120.0),
    (350.0, 40.0, 360.0, 400.0, 160.0, 70.0, 60.0),
    (0.0,) * 7,
    60.0,
    15,
)
"""degrees, and mm of the slider D; letters as the status report gives them"""
HOMING_SPEED = 30.0
STATUS, HOLD, RESUME, RESET = b"?", b"!", b"~", b"\x18"
BAD_LINE, UNSUPPORTED, LOCKED, BEYOND, FULL = 2, 20, 9, 15, 24
_LONGEST = 256


class GrblLine:
    """A `Line`: text and single bytes in, text out."""

    def __init__(self, machine: Machine, dialect: Dialect) -> None:
        self._machine = machine
        self._dialect = dialect
        self._heard = bytearray()
        self._relative = False
        self._speed = machine.axes.fastest

    def receive(self, data: bytes, baud: int) -> list[Reply]:
        if baud not in (0, GCODE_BAUD):
            return []
        replies: list[Reply] = []
        for byte in data:
            each = bytes([byte])
            if each in (STATUS, HOLD, RESUME, RESET):
                replies += self._at_once(each)
            elif each in (b"\n", b"\r"):
                line = self._heard.decode("ascii", "replace").strip()
                self._heard.clear()
                if line:
                    replies.append(self._answer(line))
            elif len(self._heard) < _LONGEST:
                self._heard += each
        return replies

    def forget(self) -> None:
        """A line may come in parts, however slowly."""

    def _at_once(self, byte: bytes) -> list[Reply]:
        machine = self._machine
        if byte == STATUS:
            return [_said(self._status())]
        if byte == HOLD and machine.mode == Mode.RUN:
            machine.hold()
        elif byte == RESUME and machine.mode == Mode.HOLD:
            machine.mode = Mode.RUN if machine.waiting else Mode.IDLE
        elif byte == RESET:
            # Cut off in motion it has lost its place; held before, it has not.
            lost = machine.mode in (Mode.RUN, Mode.ALARM) or machine.brakes
            machine.forget()
            machine.mode = Mode.ALARM if lost else Mode.IDLE
            self._heard.clear()
            return [_said("Grbl 1.1f ['$' for help]")]
        return []

    def _status(self) -> str:
        machine = self._machine
        place = ",".join(f"{at:.3f}" for at in machine.place)
        if self._dialect == "grbl":
            part = f":{int(machine.brakes)}" if machine.mode == Mode.HOLD else ""
            return f"<{machine.mode}{part}|MPos:{place}|FS:0,0>"
        tool = ",".join(["0.000"] * 6)
        return (
            f"<{machine.mode},Angle(ABCDXYZ):{place},Cartesian coordinate(XYZ RxRyRz):{tool},"
            "Pump PWM:0,Valve PWM:0,Motion_MODE:0>"
        )

    def _answer(self, line: str) -> Reply:
        machine = self._machine
        command = line.upper()
        if command == "$X":
            if machine.mode == Mode.ALARM:
                machine.mode = Mode.IDLE
            return _said("ok")
        if command in ("$H", "$HH"):
            return self._home()
        if command.startswith("$"):
            return _said("ok")
        if machine.mode == Mode.ALARM:
            return _said(f"error:{LOCKED}")
        return _said(self._line(command))

    def _home(self) -> Reply:
        """Home at once as far as the place goes, and answer when it would have been reached."""
        machine = self._machine
        machine.forget()
        way = [goal - at for goal, at in zip(machine.axes.home, machine.place, strict=True)]
        machine.place, machine.mode = list(machine.axes.home), Mode.IDLE
        return Reply(0, b"ok\r\n", round(math.hypot(*way) / HOMING_SPEED * 1e9))

    def _line(self, command: str) -> str:
        parsed = words(command)
        if parsed is None:
            return f"error:{BAD_LINE}"
        moves = False
        changed: dict[str, float] = {}
        for letter, value in parsed:
            match letter, value:
                case "G", 0 | 1:
                    moves = True
                case "G", 90 | 91:
                    self._relative = value == 91
                case "M", 21:  # the Mirobot's joints
                    pass
                case "G", 21 | 53:  # millimetres, of the machine: it knows no others
                    pass
                case "F", speed if speed > 0:
                    self._speed = speed / 60.0
                case name, at if name in self._machine.axes.names:
                    changed[name] = at
                case _:
                    return f"error:{UNSUPPORTED}"
        if not (moves and changed):
            return "ok" if not changed else f"error:{UNSUPPORTED}"
        return self._move(changed)

    def _move(self, changed: dict[str, float]) -> str:
        machine = self._machine
        goal = machine.goal(changed)
        if self._relative:
            last = machine.goal({})
            names = machine.axes.names
            goal = tuple(at + changed.get(n, 0.0) for n, at in zip(names, last, strict=True))
        if not machine.reaches(goal):
            return f"error:{BEYOND}"
        return "ok" if machine.take(goal, self._speed) else f"error:{FULL}"


def _said(text: str) -> Reply:
    return Reply(0, text.encode() + b"\r\n")
