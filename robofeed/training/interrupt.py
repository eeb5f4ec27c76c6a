"""Ctrl-C and SIGTERM: the first one asks for an end in order, the second one ends at once."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def catching_interrupt() -> Iterator[Callable[[], bool]]:
    """While it is open the first signal is only noted: what it yields says whether it came.

    Raises:
        KeyboardInterrupt: a second one came.
    """
    came = False

    def interrupt(number: int, frame: object) -> None:
        nonlocal came
        if came:
            raise KeyboardInterrupt
        came = True

    try:
        before = {
            number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)
        }
    except ValueError:
        # Not the main thread: whoever does this there has their own way of ending it.
        before = {}
    try:
        yield lambda: came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
