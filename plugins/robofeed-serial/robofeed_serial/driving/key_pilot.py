"""Keys as displacements of the tool, and as the opening of the gripper."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from robofeed.data.spec import FloatArray
from robofeed_serial.driving.driver import SerialArm

_AXES: dict[str, tuple[int, float]] = {
    "w": (0, 1.0),
    "up": (0, 1.0),
    "s": (0, -1.0),
    "down": (0, -1.0),
    "a": (1, 1.0),
    "left": (1, 1.0),
    "d": (1, -1.0),
    "right": (1, -1.0),
    "r": (2, 1.0),
    "f": (2, -1.0),
}
_GRIP = {"o": 1.0, "c": -1.0}
HELD_S = 0.15
"""A terminal does not tell when a key comes up. A press counts for so long, longer than a held
key's pause between two repetitions; an arm goes on for so long after the key was let go."""
SPEEDS_M_S = (0.02, 0.04, 0.08, 0.16)
STRAY_M = 0.02
"""So far beside the straight line that a held key asks for may the tool get, and no further: an arm
at the end of its reach would slide along that, down to the table say."""
OPENINGS_S = 0.7
"""share of the gripper's range in a second"""


class KeyPilot:
    """A pilot that moves the tool while a key is held.

    Args:
        arm: Open when this is called first; its actions displace the tool.
        can_grip: Whether the last element of an action is the gripper's opening.
    """

    def __init__(self, arm: SerialArm, can_grip: bool) -> None:
        self._arm, self._can_grip = arm, can_grip
        self._period_s = arm.spec.period_s
        self._speed = 1
        self._until_s: dict[str, float] = {}
        self._opening = math.nan
        self._out_of_reach = False
        self._line: tuple[FloatArray, FloatArray] | None = None
        """where the tool was when the way that is asked for now was first, and that way"""
        self.help = (
            "w s forwards, back   a d left, right   r f up, down   + - faster, slower",
            *(["o c open, shut the gripper"] if can_grip else []),
            "space STOP   enter go on   q quit: it holds, its torque stays on",
        )

    @property
    def note(self) -> str:
        """How fast a key moves the tool, and where it does not."""
        out = " [out of reach]" if self._out_of_reach else ""
        return f"{100 * SPEEDS_M_S[self._speed]:g} cm/s{out}"

    def restart(self) -> None:
        """The arm was held: nothing that was pressed before counts."""
        self._until_s.clear()
        self._line = None
        self._opening = math.nan

    def action(self, keys: Sequence[str], now_s: float) -> FloatArray:
        """The displacement of this period, m, then the gripper's opening."""
        for key in map(str.lower, keys):
            if key in "+-=":
                step = -1 if key == "-" else 1
                self._speed = min(max(self._speed + step, 0), len(SPEEDS_M_S) - 1)
            elif key in _AXES or key in _GRIP:
                self._until_s[key] = now_s + HELD_S
        action = np.zeros(3 + self._can_grip, np.float32)
        held = [key for key, until_s in self._until_s.items() if now_s < until_s]
        for key in held:
            if key in _AXES:
                axis, way = _AXES[key]
                action[axis] += way * SPEEDS_M_S[self._speed] * self._period_s
        if self._can_grip:
            action[-1] = self._grip(sum(_GRIP.get(key, 0.0) for key in held))
        self._out_of_reach = self._strays(action)
        if self._out_of_reach:
            action[:3] = 0.0
        return action

    def sent(self) -> None:
        """Nothing depends on it."""

    def _strays(self, action: FloatArray) -> bool:
        """Whether the arm would take the tool another way than is asked for."""
        if not action[:3].any():
            self._line = None
            return False
        still = action.copy()
        still[:3] = 0.0
        here, there = self._arm.plan(still).tool_m, self._arm.plan(action).tool_m
        asked = action[:3] / np.linalg.norm(action[:3])
        if self._line is None or not np.allclose(self._line[1], asked, atol=1e-3):
            self._line = here, asked
        beside_m = [_beside_m(place - self._line[0], asked) for place in (here, there)]
        return beside_m[1] > max(STRAY_M, beside_m[0])

    def _grip(self, way: float) -> float:
        if math.isnan(self._opening):
            self._opening = self._arm.present().gripper
        change = way * OPENINGS_S * self._period_s
        self._opening = min(max(self._opening + change, 0.0), 1.0)
        return self._opening


def _beside_m(way: FloatArray, asked: FloatArray) -> float:
    return float(np.linalg.norm(way - (way @ asked) * asked))
