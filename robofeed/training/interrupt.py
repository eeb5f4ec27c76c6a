"""Ctrl-C, SIGTERM, a closed terminal: the first asks for an end in order, a second ends at once."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterator

_STDERR = 2
_HEARD = b"\r\nending in order; Ctrl-C once more ends at once\r\n"


@contextlib.contextmanager
def catching_interrupt() -> Iterator[Callable[[], bool]]:
    """While it is open the first signal is only noted: what it yields says whether it came.

    Whoever sits at a terminal is told, for the end may take seconds.

    Raises:
        KeyboardInterrupt: a second one came.
    """
    came = False

    def interrupt(number: int, frame: object) -> None:
        nonlocal came
        if came:
            raise KeyboardInterrupt
        came = True
        # No file object: this may come in the midst of a write. A closed terminal hears nothing.
        with contextlib.suppress(OSError):
            if os.isatty(_STDERR):
                os.write(_STDERR, _HEARD)

    try:
        before = {
            number: signal.signal(number, interrupt)
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
            # As `nohup` has it: that its terminal goes is nothing to it.
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN
        }
    except ValueError:
        # Not the main thread: whoever does this there has their own way of ending it.
        before = {}
    try:
        yield lambda: came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
