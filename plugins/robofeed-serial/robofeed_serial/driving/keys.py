"""Single keys from a terminal, without Enter and without echo, and a terminal left in order."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import termios
import tty
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

from robofeed import ConfigError

_ENDINGS = (signal.SIGTERM, signal.SIGHUP)
_NAMED = {" ": "space", "\r": "enter", "\n": "enter"}
_ARROWS = {"A": "up", "B": "down", "C": "right", "D": "left"}
_READ = 1024


class TerminalGone(Exception):  # noqa: N818 - what happened
    """Its window was closed, or the connection to it was lost."""


class Keys:
    """While entered, `pressed` hands over what was typed. Ctrl-C stays what it is.

    The terminal is as before on leaving, on SIGTERM and SIGHUP (which end the program) and while
    the program is suspended with Ctrl-Z. Ctrl-S does not freeze it: a program that cannot write
    would fall silent while an arm moves.

    Args:
        before_suspension: Called on Ctrl-Z, before the program stands still.

    Raises:
        ConfigError: standard input is no terminal.
    """

    def __init__(self, before_suspension: Callable[[], object] = lambda: None) -> None:
        self._descriptor = -1 if sys.stdin is None else sys.stdin.fileno()
        if self._descriptor < 0 or not os.isatty(self._descriptor):
            raise ConfigError("keys can only be read from a terminal: run this in one")
        self.before_suspension = before_suspension
        self._before: Any = None
        self._handlers: dict[int, Any] = {}
        self._rest = b""

    def __enter__(self) -> Keys:
        self._before = termios.tcgetattr(self._descriptor)
        for number in _ENDINGS:
            self._handlers[number] = signal.signal(number, _end)
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

    def pressed(self) -> list[str]:
        """The keys typed since the last time: letters as they are, else "space", "enter", "up" ...

        Raises:
            TerminalGone: nobody can press anything any more.
        """
        if not select.select([self._descriptor], [], [], 0)[0]:
            return []
        try:
            data = os.read(self._descriptor, _READ)
        except OSError as error:
            raise TerminalGone from error
        if not data:
            raise TerminalGone
        keys, self._rest = keys_of(self._rest + data)
        return keys

    def _set(self) -> None:
        tty.setcbreak(self._descriptor, termios.TCSADRAIN)
        mode = termios.tcgetattr(self._descriptor)
        mode[0] &= ~termios.IXON
        termios.tcsetattr(self._descriptor, termios.TCSADRAIN, mode)

    def _restore(self) -> None:
        with contextlib.suppress(termios.error):  # one that is gone needs nothing any more
            termios.tcsetattr(self._descriptor, termios.TCSADRAIN, self._before)

    def _suspend(self, number: int, frame: FrameType | None) -> None:
        self.before_suspension()
        self._restore()
        os.kill(os.getpid(), signal.SIGSTOP)
        self._set()  # here again after `fg`


def keys_of(data: bytes) -> tuple[list[str], bytes]:
    """The keys that bytes from a terminal stand for, and the start of one that is not yet whole.

    What begins with Escape and is no arrow is swallowed whole: the A in the middle of some function
    key must not move an arm.
    """
    keys: list[str] = []
    place = 0
    while place < len(data):
        letter = chr(data[place])
        if letter != "\x1b":
            keys += [_NAMED.get(letter, letter)] if letter.isascii() else []
            place += 1
            continue
        end = _end_of_escape(data, place)
        if end is None:
            return keys, data[place:]
        if data[place + 1 : place + 2] in (b"[", b"O") and end == place + 3:
            last = chr(data[end - 1])
            keys += [_ARROWS[last]] if last in _ARROWS else []
        place = end
    return keys, b""


def _end_of_escape(data: bytes, start: int) -> int | None:
    """Where the sequence that starts there ends; None where more of it is to come."""
    kind = data[start + 1 : start + 2]
    if kind == b"O":
        return start + 3 if len(data) >= start + 3 else None
    if kind != b"[":
        return start + 2 if kind else None
    for place in range(start + 2, len(data)):
        if 0x40 <= data[place] <= 0x7E:
            return place + 1
    return None


def _end(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
