"""Waiting for a board that restarts because its port was opened."""

from __future__ import annotations

import time
from collections.abc import Callable

from robofeed_serial.link import Link
from robofeed_serial.servo_bus import BusTimeout


def patiently(link: Link, ask: Callable[[], object], within_s: float) -> None:
    """Ask until there is an answer.

    Raises:
        BusTimeout: there was none within that time; the port is closed again.
        PortGone: the port is lost.
    """
    end_s = time.monotonic() + within_s
    while True:
        try:
            ask()
            return
        except BusTimeout:
            if time.monotonic() > end_s:
                link.close()
                raise
            link.send(b"\n")  # ends what noise may have begun
