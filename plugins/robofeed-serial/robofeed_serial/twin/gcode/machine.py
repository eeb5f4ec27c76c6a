"""What is behind a G-code port: axes that go from place to place on straight lines, one by one."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from robofeed_serial.twin.motor import MotorModel
from robofeed_serial.twin.servo import Note, unnoted

GCODE_BAUD = 115_200
BRAKING_S = 0.1
"""How long a hold is not yet one; an assumption"""


class Mode(StrEnum):
    """What the machine is doing, in grbl's words."""

    IDLE = "Idle"
    RUN = "Run"
    HOLD = "Hold"
    ALARM = "Alarm"


@dataclass(frozen=True, slots=True)
class Axes:
    """The axes of a machine: millimetres or degrees."""

    names: str
    """one letter each, in the order of status reports"""
    low: Sequence[float]
    high: Sequence[float]
    home: Sequence[float]
    fastest: float
    """units a second, over all axes together"""
    queue: int
    """moves it takes before the first is done"""


@dataclass(frozen=True, slots=True)
class Move:
    """A place to go to, and how fast, in units a second."""

    goal: tuple[float, ...]
    speed: float


class Machine:
    """Moves in the order they came. `step` lets time pass, so it serves as a twin's `Mechanics`.

    Speed changes at once, but for the braking of a hold: accelerations are not modelled.
    """

    def __init__(self, axes: Axes, mode: Mode = Mode.IDLE) -> None:
        self.axes = axes
        self.place = list(axes.home)
        self.mode = mode
        self.note: Note = unnoted
        """Told of each axis, by its number from 1, "goal" in thousandths and "torque"; of axis 0
        "stop", how many moves were forgotten."""
        self._moves: deque[Move] = deque()
        self._brakes_s = 0.0

    @property
    def brakes(self) -> bool:
        """Whether a hold is not yet done: a reset now would lose the place."""
        return self.mode == Mode.HOLD and self._brakes_s > 0.0

    @property
    def waiting(self) -> int:
        """Moves not yet done."""
        return len(self._moves)

    def goal(self, changed: Mapping[str, float]) -> tuple[float, ...]:
        """The place with some axes changed, counted from where the last move ends."""
        last = self._moves[-1].goal if self._moves else tuple(self.place)
        names = self.axes.names
        return tuple(changed.get(name, at) for name, at in zip(names, last, strict=True))

    def reaches(self, goal: Sequence[float]) -> bool:
        """Whether a place lies within the axes' ends."""
        ends = zip(self.axes.low, goal, self.axes.high, strict=True)
        return all(low <= at <= high for low, at, high in ends)

    @property
    def left_s(self) -> float:
        """How long the moves still take."""
        start, left_s = self.place, 0.0
        for move in self._moves:
            left_s += math.dist(start, move.goal) / move.speed
            start = list(move.goal)
        return left_s

    def thousandths(self) -> dict[int, int]:
        """Where each axis is, by its number from 1: um, or thousandths of degrees."""
        return {number: round(1000.0 * at) for number, at in enumerate(self.place, 1)}

    def take(self, goal: tuple[float, ...], speed: float) -> bool:
        """Put a move into the queue; False where that is full."""
        if len(self._moves) >= self.axes.queue:
            return False
        self._moves.append(Move(goal, min(max(speed, 1e-3), self.axes.fastest)))
        self._note_goal(goal)
        if self.mode == Mode.IDLE:
            self.mode = Mode.RUN
        return True

    def hold(self) -> None:
        """Brake, on the way that it is on, and keep all moves."""
        self.mode, self._brakes_s = Mode.HOLD, BRAKING_S

    def energise(self, on: bool) -> None:
        """Switch the motors; where they stand is their goal from then on."""
        self._moves.clear()
        if on:
            self._note_goal(self.place)
        for number in range(1, len(self.place) + 1):
            self.note(number, "torque", int(on))

    def _note_goal(self, goal: Sequence[float]) -> None:
        for number, at in enumerate(goal, 1):
            self.note(number, "goal", round(1000.0 * at))

    def forget(self) -> None:
        """Stop where it is and drop all moves."""
        self.note(0, "stop", len(self._moves))
        self._moves.clear()
        if self.mode == Mode.RUN:
            self.mode = Mode.IDLE

    def step(self, dt_s: float, motors: Sequence[MotorModel], supply: float) -> None:
        """Let `dt_s` pass."""
        self._brakes_s = max(0.0, self._brakes_s - dt_s)
        left_s = dt_s if self.mode == Mode.RUN else 0.0
        if self.brakes:
            left_s = dt_s * self._brakes_s / BRAKING_S
        while self._moves and left_s > 0.0:
            move = self._moves[0]
            way = [goal - at for goal, at in zip(move.goal, self.place, strict=True)]
            length = math.hypot(*way)
            share = min(1.0, move.speed * left_s / length) if length > 0.0 else 1.0
            if share < 1.0:
                self.place = [at + share * d for at, d in zip(self.place, way, strict=True)]
                return
            left_s -= length / move.speed
            self.place = list(move.goal)
            self._moves.popleft()
            if not self._moves:
                self._brakes_s = 0.0  # nothing moves any more: there is nothing left to brake
                if self.mode == Mode.RUN:
                    self.mode = Mode.IDLE
