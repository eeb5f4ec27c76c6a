"""The wire between a host and the simulated servo board, whose own serial line keeps the pace."""

from __future__ import annotations

import socket
import time

from robofeed_serial.twin.servo import Reply
from robofeed_serial.twin.wire import Wire

UART_TOLERANCE = 0.03
"""Rates further apart than that are not understood."""


class BoardWire(Wire):
    """Hands bytes on to the firmware, and its frames to the host, late or spoilt by faults.

    Args:
        uart: The other end of the board's serial line.
        baud: The rate of the board.
    """

    def __init__(self, uart: socket.socket, baud: int) -> None:
        super().__init__(_Nobody())
        self.baud = baud
        self._uart = uart
        self._uart.setblocking(False)
        self._host_baud = 0
        self._rest = b""

    def receive(self, data: bytes, baud: int, now_ns: int) -> None:
        self._host_baud = baud
        if self.adapter is not None and self.adapter.echoes:
            self._send(now_ns, data)
        self._uart.send(data if self._understood else _garbled(data))

    def take(self, now_ns: int) -> bytes:
        data = super().take(now_ns)
        return data if self._understood else _garbled(data)

    def clear(self) -> None:
        super().clear()
        self._rest = b""

    def filenos(self) -> list[int]:
        """What to wait for."""
        return [self._uart.fileno()]

    def visit(self) -> None:
        """The firmware has sent something: its whole frames are on their way."""
        try:
            sent = self._uart.recv(4096)
        except BlockingIOError:
            return
        now_ns = time.monotonic_ns()
        *frames, self._rest = (self._rest + sent).split(b"\0")
        for frame in frames:
            reply = Reply(0, frame + b"\0")
            spoilt = [(reply.frame, 0)] if self.adapter is None else self.adapter.spoil(reply)
            for data, late_ns in spoilt:
                self._send(now_ns + late_ns, data)

    @property
    def _understood(self) -> bool:
        return not self._host_baud or abs(self._host_baud / self.baud - 1) < UART_TOLERANCE


class _Nobody:
    """The line of a `Wire` that has no servos on it."""

    def receive(self, data: bytes, baud: int) -> list[Reply]:
        return []

    def forget(self) -> None:
        pass


def _garbled(data: bytes) -> bytes:
    """What a UART makes of bits of another length: not these, but as wrong and as repeatable."""
    return bytes(((byte << 3 | byte >> 5) & 0xFF) ^ 0xE6 for byte in data)
