"""Whether a reply may be a late one, to an earlier request.

Nothing in a servo's reply says to which request it is. Late ones give themselves away: bytes come
that nobody had asked for, or a reply comes sooner than one can.
"""

from __future__ import annotations

import time

QUIET_S = 0.002
"""Silence after which a line counts as quiet: two USB frames."""
DOUBT_S = 0.25
"""How long after the last sign of a late reply another may come."""
TOO_SOON = 0.9
"""Share of the shortest time seen for such a reply; sooner, it was under way before we asked."""

Shape = tuple[int, int]
"""Bytes of a request and of its reply."""


class Doubt:
    """What is known of how soon replies come, and until when they are in doubt."""

    def __init__(self) -> None:
        self._until_s = 0.0
        self._fastest_s: dict[Shape, float] = {}
        """The shortest time that such a reply has taken for sure."""

    def arise(self) -> None:
        """There was a sign of a late reply."""
        self._until_s = time.monotonic() + DOUBT_S

    def forget_times(self) -> None:
        """Replies take another time from now on."""
        self._fastest_s.clear()

    def quiet_s(self, shape: Shape, took_s: float, wire_s: float) -> float:
        """For how long nothing newer may follow a reply before it counts; 0 = it is beyond doubt.

        Args:
            shape: Of request and reply.
            took_s: From one to the other.
            wire_s: What the reply alone takes on the wire.
        """
        fastest_s = self._fastest_s.get(shape, wire_s)
        if took_s >= TOO_SOON * fastest_s and time.monotonic() >= self._until_s:
            self._fastest_s.setdefault(shape, took_s)
            return 0.0
        return max(QUIET_S, 1.5 * fastest_s)

    def was_unfounded(self, shape: Shape, took_s: float, wire_s: float) -> None:
        """Nothing newer followed: such replies do come that soon."""
        self._fastest_s[shape] = min(took_s, self._fastest_s.get(shape, wire_s))
