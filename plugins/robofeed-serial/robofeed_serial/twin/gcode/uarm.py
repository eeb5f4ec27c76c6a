"""The uArm Swift Pro as its port shows it: `#25 G0 X180 Y0 Z150 F5000`, answered `$25 ok`.

After the commands and errors of its developer's guide, of which motion and position are here. It
answers when a move is in its queue, not when it is done, and knows no command that stops one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from robofeed_serial.twin.gcode.machine import GCODE_BAUD, Axes, Machine
from robofeed_serial.twin.gcode.words import words
from robofeed_serial.twin.servo import Reply

AXES = Axes("XYZ", (-350.0, -350.0, -120.0), (350.0, 350.0, 180.0), (200.0, 0.0, 150.0), 250.0, 8)
"""mm; the ends are those of a box round its reach"""
NEAREST_MM, FURTHEST_MM = 120.0, 350.0
"""how near to its axis and how far from it the hand goes, level"""
NO_SUCH_COMMAND, BAD_PARAMETER, OUT_OF_REACH, QUEUE_FULL = 20, 21, 22, 23
_NUMBERED = re.compile(r"#(\d+)\s+(.*)")
_LONGEST = 256


class UarmLine:
    """A `Line`: text in, text out."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._heard = bytearray()

    def receive(self, data: bytes, baud: int) -> list[Reply]:
        if baud not in (0, GCODE_BAUD):
            return []
        self._heard += data
        *lines, rest = bytes(self._heard).split(b"\n")
        self._heard = bytearray(rest[-_LONGEST:])
        replies = (self._answer(line.decode("ascii", "replace").strip()) for line in lines)
        return [Reply(0, reply.encode() + b"\n") for reply in replies if reply]

    def forget(self) -> None:
        """A line may come in parts, however slowly."""

    def _answer(self, line: str) -> str:
        numbered = _NUMBERED.fullmatch(line)
        head, command = (f"${numbered[1]} ", numbered[2]) if numbered else ("", line)
        if not command:
            return ""
        parsed = words(command)
        if not parsed:
            return f"{head}E{NO_SUCH_COMMAND}"
        (letter, number), values = parsed[0], dict(parsed[1:])
        return head + self._done(f"{letter}{number:g}", values)

    def _done(self, command: str, values: Mapping[str, float]) -> str:
        machine = self._machine
        match command:
            case "G0" | "G1":
                if not values or values.get("F", 1.0) <= 0.0 or set(values) - set("XYZF"):
                    return f"E{BAD_PARAMETER}"
                goal = machine.goal(values)
                level_sq = goal[0] ** 2 + goal[1] ** 2
                if not (machine.reaches(goal) and NEAREST_MM**2 <= level_sq <= FURTHEST_MM**2):
                    return f"E{OUT_OF_REACH}"
                speed = values.get("F", 60.0 * machine.axes.fastest) / 60.0
                return "ok" if machine.take(goal, speed) else f"E{QUEUE_FULL}"
            case "P2220":
                x, y, z = machine.place
                return f"ok X{x:.2f} Y{y:.2f} Z{z:.2f}"
            case "P2201":
                return "ok SwiftPro"
            case "P2203":
                return "ok V4.9.0"
            case "M17" | "M2019":
                return "ok"
        return f"E{NO_SUCH_COMMAND}"
