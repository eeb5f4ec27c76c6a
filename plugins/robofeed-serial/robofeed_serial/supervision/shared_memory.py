"""What a client and the supervisor of its arm share: the stop latch, orders and reports."""

from __future__ import annotations

import mmap

from robofeed_serial.supervision.mailbox import Mailbox

LETTER = 8192
MEMORY = 64 + 2 * LETTER
"""the stop latch in the first byte, then a mailbox for orders and one for reports"""


class SharedMemory:
    """Mapped from a file of `MEMORY` bytes, which needs no name and no longer be open then."""

    def __init__(self, descriptor: int) -> None:
        view = memoryview(mmap.mmap(descriptor, MEMORY))
        self.latch = view[:1]
        self.orders = Mailbox(view, 64, LETTER)
        self.reports = Mailbox(view, 64 + LETTER, LETTER)

    def stopped(self) -> bool:
        """Whether the stop latch is set."""
        return self.latch[0] != 0
