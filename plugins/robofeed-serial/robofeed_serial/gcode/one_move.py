"""One short move at a time: what is queued in an arm could not be taken back."""

from __future__ import annotations

import math
from collections.abc import Mapping

from robofeed_serial.gcode.arm import ArmRefused, Doing, GcodeArm, GcodeState

STANDS_S = 0.3
"""An arm that does not say what it is doing stands, once its place has not changed for so long."""
BEGINS_S = 0.1
"""So long after it has taken a move an arm may still say that it is idle."""
_STANDING_MOVES = 3


class OneMove:
    """Follows goals that may change at any time, over an arm that only takes whole moves.

    `offer` says where to go in the end; each `poll` asks where the arm is, and once it has arrived
    sends the next piece, no longer than `furthest`. So an arm whose host dies goes no further than
    that, and `near`.

    Args:
        arm: The arm, open.
        furthest: Longest move, mm or degrees over all axes.
        speed: Of moves, mm/s or degrees/s, unless `offer` says otherwise.
        near: How near counts as arrived.
    """

    def __init__(
        self, arm: GcodeArm, *, furthest: float, speed: float = 1.0, near: float = 0.05
    ) -> None:
        self._arm = arm
        self._furthest = furthest
        self._speed = speed
        self._near = near
        self._wanted: Mapping[str, float] | None = None
        self._sent: Mapping[str, float] | None = None
        self._sent_s: float | None = None
        """When the arm reported first after it had taken that; None = not yet."""
        self._stood_at: Mapping[str, float] = {}
        self._stood_since_s = 0.0
        self._moves_without_motion = 0

    @property
    def is_under_way(self) -> bool:
        """Whether a move was sent that has not been seen to end."""
        return self._sent is not None

    @property
    def under_way_to(self) -> Mapping[str, float] | None:
        """Where the move that is under way ends."""
        return self._sent

    def offer(self, place: Mapping[str, float], speed: float | None = None) -> None:
        """Go to `place` from now on. Sends nothing.

        Raises:
            ValueError: a number that is not finite.
        """
        if not all(math.isfinite(value) for value in place.values()):
            raise ValueError(f"a goal needs finite numbers, not {dict(place)}")
        self._wanted = dict(place)
        self._speed = self._speed if speed is None else speed

    def poll(self) -> GcodeState:
        """Ask where the arm is and send a move if it is due. Raises as `look` and `go_on`."""
        state = self.look()
        self.go_on(state)
        return state

    def look(self) -> GcodeState:
        """Ask where the arm is. Sends no move.

        Raises:
            BusTimeout: no answer.
            PortGone: the port is lost.
        """
        state = self._arm.state()
        now_s = state.time_ns / 1e9
        if not self._stood_at or _length(_way(state.place, self._stood_at)) > self._near:
            self._stood_at, self._stood_since_s = dict(state.place), now_s
            self._moves_without_motion = 0
        if self._sent is not None:
            self._see_whether_done(state, now_s)
        return state

    def go_on(self, state: GcodeState) -> None:
        """Send the next piece, where one is due and the arm is as `look` has just said.

        Raises:
            ArmRefused: it is locked, refuses the move, or does not move though it was told to; the
                goal is forgotten.
            BusTimeout: no answer; nothing more is sent before the arm was seen to stand.
            PortGone: the port is lost.
        """
        if state.doing is Doing.LOCKED and self._wanted is not None:
            self.forget()
            raise ArmRefused("The arm is locked: home it.")
        if self._sent is None and self._wanted is not None:
            self._send(state)

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

    def _see_whether_done(self, state: GcodeState, now_s: float) -> None:
        assert self._sent is not None
        if _length(_way(state.place, self._sent)) <= self._near:
            self._sent = None
            return
        if self._sent_s is None:
            self._sent_s = now_s
        since_s = max(self._sent_s, self._stood_since_s)
        stands = state.doing is None and now_s - since_s > STANDS_S
        idle = state.doing in (Doing.IDLE, Doing.LOCKED) and now_s - self._sent_s > BEGINS_S
        if stands or idle:
            self._sent = None
            self._moves_without_motion += now_s - self._stood_since_s > BEGINS_S

    def _send(self, state: GcodeState) -> None:
        assert self._wanted is not None
        way = _way(state.place, self._wanted)
        length = _length(way)
        if length <= self._near:
            return
        if self._moves_without_motion >= _STANDING_MOVES:
            self._moves_without_motion = 0
            self.forget()
            raise ArmRefused(
                "The arm takes moves and stays where it is: is its own power on, is the place in "
                "its reach?"
            )
        share = min(1.0, self._furthest / length)
        piece = {name: state.place[name] + share * by for name, by in way.items()}
        # Set first: unanswered, it may be under way all the same.
        self._sent, self._sent_s = piece, None
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
