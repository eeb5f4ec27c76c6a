"""Arms that speak grbl: lines are answered `ok` or `error:n` without saying which line that was.

So there is one question at a time, and after one that went unanswered the link waits until the line
is quiet. `?` is answered with the state, `!` holds and ctrl-x forgets at once, whatever waits.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from robofeed import HardwareError
from robofeed_serial.gcode.arm import ArmRefused, Doing, GcodeState
from robofeed_serial.gcode.patience import ANSWER_S, patiently
from robofeed_serial.gcode.text import LineReader, move_words
from robofeed_serial.wire.errors import BusTimeout
from robofeed_serial.wire.link import Link

BAUD = 115_200
HOMING_S = 60.0
HOLD, RESET = b"!", b"\x18"
BRAKING_S = 0.5
"""How long a hold may take to brake; a reset before that loses the machine's place."""
STANDS_S = 0.02
"""So long apart two reports of one place mean that it has braked: not all dialects say so."""
_NUMBERS = r"(-?\d+\.?\d*(?:,-?\d+\.?\d*)*)"
_DOING = {
    "Idle": Doing.IDLE,
    "Run": Doing.MOVING,
    "Jog": Doing.MOVING,
    "Busy": Doing.MOVING,
    "Home": Doing.MOVING,
    "Hold": Doing.HELD,
    "Hold:0": Doing.HELD,
    "Hold:1": Doing.MOVING,  # braking
    "Door": Doing.HELD,
    "Door:0": Doing.HELD,
    "Door:1": Doing.HELD,
    "Door:2": Doing.MOVING,  # braking
    "Door:3": Doing.MOVING,  # the door is shut: it goes on
    "Alarm": Doing.LOCKED,
}
MEANINGS = {
    "error:9": "it is locked: home it",
    "error:15": "the place is out of its range",
    "error:20": "it does not know the command",
    "error:24": "its queue is full",
}


@dataclass(frozen=True, slots=True)
class GrblProfile:
    """How one maker's arm reports and moves."""

    axes: str
    """in the order of the report"""
    report: re.Pattern[str]
    """one group with the state's word, one with the numbers of all axes"""
    move: str
    """what stands before a move's axes"""


GRBL = GrblProfile("XYZ", re.compile(rf"<(\w+(?::\d)?)\|MPos:{_NUMBERS}[|>].*"), "G21 G90 G53 G1")
"""Millimetres of the machine, in reports (`$10=1`, as it is shipped) as in moves (G53): with a work
offset that somebody has left in it, a place in the one would be another in the other."""
MIROBOT = GrblProfile(
    "ABCDXYZ", re.compile(rf"<(\w+),Angle\(ABCDXYZ\):{_NUMBERS},.*>"), "M21 G90 G1"
)
"""Its joints, degrees; D is the slider, mm. The letters are those of its report."""


class GrblArm:
    """A `GcodeArm` that can be stopped in a move.

    Args:
        link: To its port.
        profile: Its dialect.
        answer_s: How long a question may take.
    """

    lets_go = False

    def __init__(
        self, link: Link, profile: GrblProfile = MIROBOT, answer_s: float = ANSWER_S
    ) -> None:
        self._link = link
        self._profile = profile
        self._answer_s = answer_s

    def open(self) -> None:
        self._link.open()
        patiently(self._link, self.state)

    def close(self) -> None:
        self._link.close()

    def state(self) -> GcodeState:
        found: list[GcodeState] = []

        def take(line: str) -> bool:
            state = self._read(line)
            if state is not None:
                found.append(state)
            return bool(found)

        self._exchange(b"?", take, self._answer_s)
        return found[-1]

    def move(self, place: Mapping[str, float], speed: float) -> None:
        self._ask(f"{self._profile.move} {move_words(place, speed)}", self._answer_s)

    def stop(self) -> bool:
        """Hold, and once it has braked forget the queue; a lost answer keeps it from neither."""
        self._link.send(HOLD)
        end_s = time.monotonic() + BRAKING_S
        stood: Mapping[str, float] | None = None
        while time.monotonic() < end_s:
            try:
                state = self.state()
            except BusTimeout:
                continue
            if state.doing is not Doing.MOVING and state.place == stood:
                break
            stood = state.place
            time.sleep(STANDS_S)
        self._link.send(RESET)
        self._link.drain_until_quiet()
        return True

    def engage(self) -> None:
        """Nothing: its motors hold by themselves, as its settings say."""

    def relax(self) -> None:
        raise ArmRefused(
            f"The arm on {self._link.url} has no command that switches its motors off: support it "
            "and cut its power."
        )

    def home(self) -> None:
        """Find its reference places: it moves. Raises as `move` does.

        Whatever ends the wait, Ctrl-C too, stops it: its place is then lost.
        """
        try:
            self._ask("$H", HOMING_S)
        except BaseException:
            with contextlib.suppress(HardwareError):
                self._link.send(RESET)
            raise

    def _read(self, line: str) -> GcodeState | None:
        match = self._profile.report.fullmatch(line)
        if match is None:
            return None
        values = [float(value) for value in match[2].split(",")]
        if len(values) != len(self._profile.axes):
            return None
        place = dict(zip(self._profile.axes, values, strict=True))
        return GcodeState(time.monotonic_ns(), _DOING.get(match[1]), place)

    def _ask(self, command: str, deadline_s: float) -> None:
        said: list[str] = []

        def take(line: str) -> bool:
            if line == "ok" or line.startswith(("error:", "ALARM:")):
                said.append(line)
            return bool(said)

        self._exchange(command.encode() + b"\n", take, deadline_s)
        if said[-1] != "ok":
            why = MEANINGS.get(said[-1], "see grbl's list of errors")
            raise ArmRefused(f"The arm on {self._link.url} refused {command!r}: {said[-1]}, {why}.")

    def _exchange(self, request: bytes, take: Callable[[str], bool], deadline_s: float) -> None:
        reader = LineReader()

        def until(data: bytes) -> bool:
            taken = [take(line) for line in reader.feed(data)]
            return any(taken)

        self._link.exchange(request, until, deadline_s)
