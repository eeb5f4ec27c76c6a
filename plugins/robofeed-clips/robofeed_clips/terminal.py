"""The terminal: a screen of its own while it is open, keys one by one, and as it was afterwards."""

from __future__ import annotations

import os
import select
import signal
import sys
import termios
import time
import tty
from collections.abc import Mapping
from types import FrameType, TracebackType
from typing import Any

from robofeed import ConfigError
from robofeed_clips.keys import Attributes, CellSize, Event, KeyParser

_ESCAPE_S = 0.05
"""After so long a lone escape byte was the key."""
_REPLY_S = 0.5
_USUAL_CELL = CellSize(16, 8)
_OPEN = "\x1b[?1049h\x1b[?25l\x1b[2J"
_SHUT = "\x1b[0m\x1b[2J\x1b[?25h\x1b[?1049l"


def check_terminal(
    environment: Mapping[str, str] = os.environ, descriptors: tuple[int, ...] = (0, 1)
) -> None:
    """Raise ConfigError where standard input and output are no terminal that can be drawn on."""
    if not all(os.isatty(descriptor) for descriptor in descriptors):
        raise ConfigError(
            "answering in a terminal needs one: standard input and output are not both a terminal. "
            "Without one, use the page (`robofeed label RUN --web`), or a teacher for a script"
        )
    if environment.get("TERM", "dumb") == "dumb":
        raise ConfigError(
            "this terminal cannot move its cursor (TERM=dumb); use another, or the page "
            "(`robofeed label RUN --web`)"
        )


def colours(environment: Mapping[str, str]) -> str:
    """How many colours a terminal has, by what it says of itself: "24bit" or "256"."""
    if environment.get("COLORTERM", "").lower() in ("truecolor", "24bit"):
        return "24bit"
    return "24bit" if environment.get("TERM", "").endswith("-direct") else "256"


class Terminal:
    """A context: within it the screen is ours. Raises ConfigError where there is no terminal."""

    def __init__(self) -> None:
        check_terminal()
        self._in, self._out = sys.stdin.fileno(), sys.stdout.fileno()
        self._parser = KeyParser()
        self._kept: list[Event] = []
        self._before: list[Any] | None = None
        self._signals: dict[int, Any] = {}
        self.resized = False
        """set when the size changed; whoever draws anew clears it"""
        self.ended = False
        """set by a signal to end, or when the terminal is gone"""

    def __enter__(self) -> Terminal:
        self._before = termios.tcgetattr(self._in)
        # Keys one by one and unseen, but Ctrl-C still interrupts, a trainer beside us too.
        tty.setcbreak(self._in)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            self._signals[number] = signal.signal(number, self._end)
        self._signals[signal.SIGWINCH] = signal.signal(signal.SIGWINCH, self._resize)
        self.write(_OPEN)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._signals.items():
            signal.signal(number, handler)
        self.write(_SHUT)
        if self._before is not None:
            try:
                termios.tcsetattr(self._in, termios.TCSADRAIN, self._before)
            except termios.error:
                self.ended = True

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows."""
        size = os.get_terminal_size(self._out)
        return size.columns, size.lines

    def write(self, text: str) -> None:
        """Write all of it."""
        data = memoryview(text.encode())
        try:
            while data:
                data = data[os.write(self._out, data) :]
        except OSError:
            self.ended = True

    def events(self, timeout_s: float) -> list[Event]:
        """What came from the terminal within `timeout_s`; waits no longer than for the first."""
        if self._kept:
            kept, self._kept = self._kept, []
            return kept
        wait_s = min(timeout_s, _ESCAPE_S) if self._parser.waiting else timeout_s
        try:
            ready = select.select([self._in], [], [], max(wait_s, 0.0))[0]
            if not ready:
                return self._parser.flush()
            data = os.read(self._in, 4096)
        except InterruptedError:
            return []
        except OSError:
            data = b""
        if not data:
            self.ended = True
        return self._parser.feed(data)

    def asks(self) -> tuple[bool, CellSize]:
        """Ask the terminal whether it shows sixel graphics, and how large a character is in px.

        Every terminal answers the last of the two questions, so that nothing is waited for long.
        """
        self.write("\x1b[16t\x1b[c")
        sixel, cell = None, _USUAL_CELL
        keys: list[Event] = []
        end_s = time.monotonic() + _REPLY_S
        while sixel is None and (left_s := end_s - time.monotonic()) > 0:
            for event in self.events(left_s):
                if isinstance(event, Attributes):
                    sixel = event.sixel
                elif isinstance(event, CellSize):
                    cell = event
                else:
                    keys.append(event)
        self._kept = keys
        return bool(sixel), cell

    def _end(self, number: int, frame: FrameType | None) -> None:
        self.ended = True

    def _resize(self, number: int, frame: FrameType | None) -> None:
        self.resized = True
