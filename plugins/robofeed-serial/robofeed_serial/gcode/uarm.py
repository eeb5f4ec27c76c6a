"""The uArm Swift Pro: `#n command` is answered `$n ok ...` or `$n E..`.

The number is the only thing that ties an answer to its question, so every question has another one
and an answer with any other number is not taken. There is no command that stops a move. A move is
answered when it is done, by older firmware when it is queued; questions are answered at once.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping

from robofeed_serial.gcode.arm import ArmRefused, GcodeState
from robofeed_serial.gcode.patience import ANSWER_S, patiently
from robofeed_serial.gcode.text import LineReader, move_words
from robofeed_serial.wire.errors import BusTimeout
from robofeed_serial.wire.link import Link

BAUD = 115_200
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
    """A `GcodeArm`; its axes X, Y and Z are millimetres.

    Args:
        link: To its port.
        answer_s: How long a question may take.
    """

    lets_go = True

    def __init__(self, link: Link, answer_s: float = ANSWER_S) -> None:
        self._link = link
        self._answer_s = answer_s
        self._number = 0

    def open(self) -> None:
        self._link.open()
        patiently(self._link, self.state)

    def close(self) -> None:
        self._link.close()

    def state(self) -> GcodeState:
        said = self._ask("P2220", self._answer_s)
        match = _PLACE.search(said)
        if match is None:
            # Spoiled on its way: as good as none.
            raise BusTimeout(f"The arm on {self._link.url} gave {said!r} for its place.")
        place = dict(zip("XYZ", map(float, match.groups()), strict=True))
        return GcodeState(time.monotonic_ns(), None, place)

    def name(self) -> str:
        """What it calls itself, and its firmware."""
        return f"{self._ask('P2201', self._answer_s)} {self._ask('P2203', self._answer_s)}"

    def move(self, place: Mapping[str, float], speed: float) -> None:
        # The question after it is answered at once, and after any refusal of the move.
        self._ask("P2220", self._answer_s, before=f"G0 {move_words(place, speed)}")

    def stop(self) -> bool:
        return False

    def engage(self) -> None:
        self._ask("M17", ANSWER_S)

    def relax(self) -> None:
        self._ask("M2019", ANSWER_S)

    def _ask(self, question: str, within_s: float, *, before: str = "") -> str:
        """What follows `ok` in the answer to `question`, sent after another command."""
        commands = {self._next(): command for command in (before, question) if command}
        reader, answers = LineReader(), dict[int, re.Match[str]]()

        def answered(data: bytes) -> bool:
            for line in reader.feed(data):
                match = _ANSWER.fullmatch(line)
                if match is not None and int(match[1]) in commands:
                    answers[int(match[1])] = match
            return self._number in answers

        request = "".join(f"#{number} {command}\n" for number, command in commands.items())
        self._link.exchange(request.encode(), answered, within_s)
        for number, answer in sorted(answers.items()):
            self._refusal(answer, commands[number])
        return answers[self._number][4] or ""

    def _next(self) -> int:
        self._number = self._number % NUMBERS + 1
        return self._number

    def _refusal(self, answer: re.Match[str], command: str) -> None:
        if answer[3] is not None:
            code = int(answer[3])
            why = MEANINGS.get(code, "it does not say why")
            raise ArmRefused(f"The arm on {self._link.url} refused {command!r}: E{code}, {why}.")
