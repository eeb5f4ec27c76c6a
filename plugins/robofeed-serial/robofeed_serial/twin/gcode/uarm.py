"""The uArm Swift Pro as its port shows it: `#25 G0 X180 Y0 Z150 F5000`, answered `$25 ok`.

After the commands and errors of its developer's guide and the source of its firmware, of which
motion and position are here. A move is answered when it is done, a question at once; there is no
command that stops a move. Where its links go decides what is in reach.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

from robofeed_serial.twin.gcode.machine import GCODE_BAUD, Axes, Machine
from robofeed_serial.twin.gcode.words import words
from robofeed_serial.twin.servo import Reply

AXES = Axes("XYZ", (0.0, -400.0, -200.0), (400.0, 400.0, 400.0), (200.0, 0.0, 150.0), 250.0, 8)
"""mm; the ends are those of a box round its reach"""
OUT_MM, UP_MM = 13.2 + 56.65, 106.6 - 74.55
"""where the hand would be with both links of no length"""
LOWER_MM, UPPER_MM = 142.07, 158.81
LOWER_DEGREES, UPPER_DEGREES = (1.0, 135.6), (1.0, 119.9)
"""of the lower link from the level, of the upper one below it"""
BETWEEN_DEGREES = (10.0, 151.0)
"""of the two links"""
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
        replies = []
        for line in lines:
            text = line.decode("ascii", "replace").strip()
            if answer := self._answer(text):
                is_question = re.fullmatch(r"(#\d+\s+)?P.*", text) is not None
                later_ns = 0 if is_question else round(1e9 * self._machine.left_s)
                replies.append(Reply(0, answer.encode() + b"\n", later_ns=later_ns))
        return replies

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
                if not (machine.reaches(goal) and links_reach(goal)):
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
                machine.energise(command == "M17")
                return "ok"
        return f"E{NO_SUCH_COMMAND}"


def links_reach(place_mm: Sequence[float]) -> bool:
    """Whether the links bring the hand there, by the firmware's rules."""
    x, y, z = place_mm
    out, up = math.hypot(x, y) - OUT_MM, z - UP_MM
    away_sq = out * out + up * up
    cosine = (LOWER_MM**2 + UPPER_MM**2 - away_sq) / (2.0 * LOWER_MM * UPPER_MM)
    if not -1.0 < cosine < 1.0 or x < 0.0:
        return False
    between = math.degrees(math.acos(cosine))
    inside = (LOWER_MM**2 + away_sq - UPPER_MM**2) / (2.0 * LOWER_MM * math.sqrt(away_sq))
    lower = math.degrees(math.atan2(up, out) + math.acos(inside))
    angles = (lower, 180.0 - between - lower, between)
    ends = (LOWER_DEGREES, UPPER_DEGREES, BETWEEN_DEGREES)
    return all(low <= at <= high for at, (low, high) in zip(angles, ends, strict=True))
