"""The uArm Swift Pro: `#n command` is answered `$n ok ...` or `$n E..`.

The number is the only thing that ties an answer to its question, so every question has another one
and an answer with any other number is not taken. There is no command that stops a move.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping

from robofeed_serial.gcode.arm import ArmRefused, GcodeState
from robofeed_serial.gcode.text import LineReader, move_words
from robofeed_serial.link import Link

BAUD = 115_200
ANSWER_S = 0.5
NUMBERS = 10_000
_ANSWER = re.compile(r"\$(\d+) (?:(ok)|E(\d+))(?: (.*))?")
_PLACE = re.compile(r"X(-?\d+\.?\d*) Y(-?\d+\.?\d*) Z(-?\d+\.?\d*)")
MEANINGS = {
    20: "it does not know the command",
    21: "a parameter is wrong",
    22: "the place is out of its reach",
    23: "its queue is full",
    24: "its power supply is not connected",
    25: "the operation failed",
}


class Uarm:
    """A `GcodeArm`; its axes X, Y and Z are millimetres."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._number = 0

    def open(self) -> None:
        self._link.open()
        self.state()

    def close(self) -> None:
        self._link.close()

    def state(self) -> GcodeState:
        said = self._ask("P2220")
        match = _PLACE.search(said)
        if match is None:
            raise ArmRefused(f"The arm on {self._link.url} gave {said!r} for its place.")
        place = dict(zip("XYZ", map(float, match.groups()), strict=True))
        return GcodeState(time.monotonic_ns(), None, place)

    def move(self, place: Mapping[str, float], speed: float) -> None:
        self._ask(f"G0 {move_words(place, speed)}")

    def stop(self) -> bool:
        return False

    def _ask(self, command: str) -> str:
        """What follows `ok` in the answer."""
        self._number = self._number % NUMBERS + 1
        reader, answers = LineReader(), list[re.Match[str]]()

        def answered(data: bytes) -> bool:
            for line in reader.feed(data):
                match = _ANSWER.fullmatch(line)
                if match is not None and int(match[1]) == self._number:
                    answers.append(match)
            return bool(answers)

        self._link.exchange(f"#{self._number} {command}\n".encode(), answered, ANSWER_S)
        answer = answers[-1]
        if answer[3] is not None:
            code = int(answer[3])
            why = MEANINGS.get(code, "it does not say why")
            raise ArmRefused(f"The arm on {self._link.url} refused {command!r}: E{code}, {why}.")
        return answer[4] or ""
