"""Single keys from a terminal, without Enter and without echo."""

from __future__ import annotations

import os
import select
import sys
import termios
import tty
from types import TracebackType
from typing import Any

from robofeed import ConfigError


class Keys:
    """While entered, `pressed` hands over what was typed. Ctrl-C stays what it is.

    Raises:
        ConfigError: standard input is no terminal.
    """

    def __init__(self) -> None:
        self._descriptor = sys.stdin.fileno()
        if not os.isatty(self._descriptor):
            raise ConfigError("keys can only be read from a terminal: run this in one")
        self._before: Any = None

    def __enter__(self) -> Keys:
        self._before = termios.tcgetattr(self._descriptor)
        tty.setcbreak(self._descriptor)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        termios.tcsetattr(self._descriptor, termios.TCSADRAIN, self._before)

    def pressed(self) -> str:
        """All that was typed since the last time; "" where nothing was."""
        if not select.select([self._descriptor], [], [], 0)[0]:
            return ""
        return os.read(self._descriptor, 256).decode("utf-8", errors="ignore")
