"""One short move at a time: what is queued in an arm could not be taken back."""

from __future__ import annotations

import math
from collections.abc import Mapping

from robofeed_serial.gcode.arm import ArmRefused, Doing, GcodeArm, GcodeState


class OneMove:
    """Follows goals that may change at any time, over an arm that only takes whole moves.

    `offer` says where to go in the end; each `poll` asks where the arm is, and once it has arrived
    sends the next piece, no longer than `furthest`. So an arm whose host dies goes no further than
    that.

    Args:
        arm: The arm, open.
        furthest: Longest move, mm or degrees over all axes.
        speed: Of all moves, mm/s or degrees/s.
        near: How near counts as arrived.
    """

    def __init__(self, arm: GcodeArm, *, furthest: float, speed: float, near: float = 0.05) -> None:
        self._arm = arm
        self._furthest = furthest
        self._speed = speed
        self._near = near
        self._wanted: Mapping[str, float] | None = None
        self._sent: Mapping[str, float] | None = None

    @property
    def is_under_way(self) -> bool:
        """Whether a move was sent that has not been seen to end."""
        return self._sent is not None

    def offer(self, place: Mapping[str, float]) -> None:
        """Go to `place` from now on. Sends nothing.

        Raises:
            ValueError: a number that is not finite.
        """
        if not all(math.isfinite(value) for value in place.values()):
            raise ValueError(f"a goal needs finite numbers, not {dict(place)}")
        self._wanted = dict(place)

    def poll(self) -> GcodeState:
        """Ask where the arm is and send a move if it is due.

        Raises:
            ArmRefused: it is locked, or refuses the move; the goal is forgotten.
            BusTimeout: no answer; nothing more is sent before the arm was seen to stand.
            PortGone: the port is lost.
        """
        state = self._arm.state()
        if state.doing is Doing.LOCKED and self._wanted is not None:
            self.forget()
            raise ArmRefused("The arm is locked: home it, or unlock it if its place is right.")
        if self._sent is not None and self._has_arrived(state):
            self._sent = None
        if self._sent is None and self._wanted is not None:
            self._send(state)
        return state

    def forget(self) -> None:
        """Want nothing any more. What is under way goes on to its end."""
        self._wanted = None

    def stop(self) -> bool:
        """Forget the goal and stop the arm; False where it finishes the move it is making."""
        self.forget()
        stopped = self._arm.stop()
        if stopped:
            self._sent = None
        return stopped

    def _has_arrived(self, state: GcodeState) -> bool:
        assert self._sent is not None
        if state.doing is Doing.IDLE:
            return True
        return _length(_way(state.place, self._sent)) <= self._near

    def _send(self, state: GcodeState) -> None:
        assert self._wanted is not None
        way = _way(state.place, self._wanted)
        length = _length(way)
        if length <= self._near:
            return
        share = min(1.0, self._furthest / length)
        piece = {name: state.place[name] + share * by for name, by in way.items()}
        # Set first: unanswered, it may be under way all the same.
        self._sent = piece
        try:
            self._arm.move(piece, self._speed)
        except ArmRefused:
            self._sent = None
            self.forget()
            raise


def _way(start: Mapping[str, float], end: Mapping[str, float]) -> dict[str, float]:
    return {name: value - start[name] for name, value in end.items()}


def _length(way: Mapping[str, float]) -> float:
    return math.hypot(*way.values())
