"""A scripted peer on a pseudo-terminal: the test says what answers which request, and when."""

from __future__ import annotations

import contextlib
import heapq
import os
import select
import threading
import time
import tty
from collections.abc import Callable, Iterator, Sequence

import pytest

Answer = Callable[[bytes], Sequence[tuple[float, bytes]]]
"""Takes what came over the port; gives bytes to send, each with its delay in s."""


class PtyPeer:
    """The far end of a serial port, served by a thread."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.heard = bytearray()
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.url = os.ttyname(self._slave)
        self._wake_read, self._wake_write = os.pipe()
        self._due: list[tuple[float, int, bytes]] = []
        self._running = True
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def say(self, data: bytes) -> None:
        """Send without having been asked."""
        os.write(self._master, data)

    def unplug(self) -> None:
        """The device is gone; what the host holds is dead."""
        self.stop()

    def vanish(self) -> Sequence[tuple[float, bytes]]:
        """As an answer: the device goes when it is asked."""
        self._running = False
        return []

    def stop(self) -> None:
        self._running = False
        os.write(self._wake_write, b"x")
        self._thread.join()

    def close(self) -> None:
        self.stop()
        os.close(self._wake_read)
        os.close(self._wake_write)

    def _serve(self) -> None:
        try:
            self._answer_requests()
        finally:
            for descriptor in (self._master, self._slave):
                os.close(descriptor)

    def _answer_requests(self) -> None:
        count = 0
        while self._running:
            wait_s = max(0.0, self._due[0][0] - time.monotonic()) if self._due else None
            ready, _, _ = select.select([self._master, self._wake_read], [], [], wait_s)
            while self._due and self._due[0][0] <= time.monotonic():
                os.write(self._master, heapq.heappop(self._due)[2])
            if self._master in ready and self._running:
                data = os.read(self._master, 4096)
                self.heard += data
                for delay_s, reply in self.answer(data):
                    count += 1
                    heapq.heappush(self._due, (time.monotonic() + delay_s, count, reply))


@pytest.fixture
def peer() -> Iterator[Callable[[Answer], PtyPeer]]:
    """Makes peers and ends them."""
    with contextlib.ExitStack() as stack:

        def make(answer: Answer) -> PtyPeer:
            made = PtyPeer(answer)
            stack.callback(made.close)
            return made

        yield make
