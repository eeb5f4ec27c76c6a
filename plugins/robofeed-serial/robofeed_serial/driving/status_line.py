"""One line of a terminal, drawn over again while it lasts."""

from __future__ import annotations

import os
import shutil
import time
from types import TracebackType

from robofeed_serial.driving.keys import TerminalGone

EVERY_S = 0.1
"""A person reads no faster; and a slow connection must not make an arm wait."""


class StatusLine:
    """Shows the newest text, cut to the terminal's width, at most ten times a second.

    Args:
        descriptor: Of the terminal.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._shown = ""
        self._shown_s = -EVERY_S

    def show(self, text: str) -> None:
        """Put `text` in the place of what was there. Raises TerminalGone."""
        now_s = time.monotonic()
        width = shutil.get_terminal_size().columns - 1
        text = text[:width]
        if text == self._shown or now_s - self._shown_s < EVERY_S:
            return
        self._shown, self._shown_s = text, now_s
        self._write(f"\r{text}\x1b[K")

    def say(self, text: str) -> None:
        """A line that stays, above the other. Raises TerminalGone."""
        self._shown = ""
        self._write(f"\r\x1b[K{text}\n")

    def __enter__(self) -> StatusLine:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """What is written next begins on a line of its own."""
        if kind is not TerminalGone:
            self._write("\n")

    def _write(self, text: str) -> None:
        data = text.encode()
        try:
            while data:
                data = data[os.write(self._descriptor, data) :]
        except OSError as error:
            raise TerminalGone from error
