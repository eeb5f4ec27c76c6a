"""How long an arm that takes G-code may take to answer, and to start."""

from __future__ import annotations

import time
from collections.abc import Callable

from robofeed_serial.wire.errors import BusTimeout
from robofeed_serial.wire.link import Link

ANSWER_S = 0.5
"""How long a question may take."""
BOOT_S = 5.0
"""Opening the port restarts many boards."""


def patiently(link: Link, ask: Callable[[], object]) -> None:
    """Ask until there is an answer. Whatever is raised, the port is closed again.

    Raises:
        BusTimeout: there was none within `BOOT_S`.
        ArmRefused: there was, and it is no.
        PortGone: the port is lost.
    """
    end_s = time.monotonic() + BOOT_S
    try:
        while True:
            try:
                ask()
                return
            except BusTimeout:
                if time.monotonic() > end_s:
                    raise
                link.send(b"\n")  # ends what noise may have begun
    except BaseException:  # Ctrl-C as well: who goes on without this arm should not own its port
        link.close()
        raise
