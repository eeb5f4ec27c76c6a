"""Somebody at the control socket while the run has no time for it: it learns, saves, or waits.

Between two steps a reward model may be fitted for many seconds. Nothing moves then; but whoever
asks for the controls, or presses Stop, is answered within a twentieth of a second all the same.
"""

from __future__ import annotations

import threading
from typing import Protocol

LOOK_EVERY_S = 0.05


class Attended(Protocol):
    """What listens: `ControlChannel`."""

    def attend(self) -> None:
        """Hear and answer, if nobody did so lately."""


class Attendant:
    """A thread that looks at `channel` twenty times a second until it is closed."""

    def __init__(self, channel: Attended) -> None:
        self._channel = channel
        self._leaving = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="attendant", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Look no more. Idempotent."""
        self._leaving.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._leaving.wait(LOOK_EVERY_S):
            self._channel.attend()
