"""A moment for which Ctrl-C waits: what is being started could not be ended before it is known."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Signals that this program handles come as soon as the moment is over."""
    if threading.current_thread() is not threading.main_thread():
        yield  # they come in the first thread only
        return
    came: list[int] = []
    handlers = {each: now for each in _ENDING if callable(now := signal.getsignal(each))}
    for each in handlers:
        signal.signal(each, lambda number, frame: came.append(number))
    try:
        yield
    finally:
        for each, handler in handlers.items():
            signal.signal(each, handler)
        for number in came:
            signal.raise_signal(number)
