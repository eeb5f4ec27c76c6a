"""A terminal that hands over each key at once, and is as it was again however this ends."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import termios
import tty
from collections.abc import Iterator
from types import FrameType, TracebackType
from typing import Any

from robofeed.data.errors import ConfigError

_ENDINGS = (signal.SIGTERM, signal.SIGHUP)


class RawTerminal:
    """Keys without Enter and without echo, while entered. Ctrl-C and Ctrl-Z stay what they are.

    Restored on leaving, on SIGTERM and SIGHUP (which then end the program), and while the program
    is suspended.

    Raises:
        ConfigError: `descriptor` is not a terminal.
    """

    def __init__(self, descriptor: int) -> None:
        if not os.isatty(descriptor):
            raise ConfigError(
                "keys can only be read from a terminal, and standard input is none: run this in a "
                "terminal, with `ssh -t` or in tmux"
            )
        self._descriptor = descriptor
        self._before = termios.tcgetattr(descriptor)
        self._handlers: dict[int, Any] = {}

    def __enter__(self) -> RawTerminal:
        for number in _ENDINGS:
            self._handlers[number] = signal.signal(number, _end)
        # Whoever started this in the background of a shell had Ctrl-C ignored for it.
        self._handlers[signal.SIGINT] = signal.signal(signal.SIGINT, signal.default_int_handler)
        self._handlers[signal.SIGTSTP] = signal.signal(signal.SIGTSTP, self._suspend)
        self._set()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._restore()
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def read(self, timeout_s: float, *others: int) -> bytes:
        """What was typed, waiting up to `timeout_s` for it or for any of `others` to be readable.

        Raises:
            EOFError: the terminal is gone.
        """
        ready = select.select([self._descriptor, *others], [], [], timeout_s)[0]
        if self._descriptor not in ready:
            return b""
        try:
            data = os.read(self._descriptor, 1024)
        except OSError as error:
            raise EOFError("the terminal is gone") from error
        if not data:
            raise EOFError("the terminal is gone")
        return data

    def _set(self) -> None:
        tty.setcbreak(self._descriptor, termios.TCSADRAIN)

    def _restore(self) -> None:
        # A terminal that is gone needs nothing any more.
        with contextlib.suppress(termios.error):
            termios.tcsetattr(self._descriptor, termios.TCSADRAIN, self._before)

    def _suspend(self, number: int, frame: FrameType | None) -> None:
        self._restore()
        os.kill(os.getpid(), signal.SIGSTOP)
        # Here again after `fg`.
        self._set()


def _end(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


@contextlib.contextmanager
def hidden_cursor(write: Any) -> Iterator[None]:
    """Without the blinking cursor, which stands in the way of a line that is redrawn."""
    write("\x1b[?25l")
    try:
        yield
    finally:
        write("\x1b[?25h\r\n")
