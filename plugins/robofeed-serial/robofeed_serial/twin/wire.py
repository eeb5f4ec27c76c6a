"""The half-duplex wire between host and servos: every byte takes its time at the baud."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from itertools import count
from typing import Protocol

from robofeed_serial.twin.servo import Reply

BITS_PER_BYTE = 10
PACKET_BYTES = 64
"""of a USB packet at full speed"""
GATHERED_NS = 50_000
"""silence on the wire after which an adapter hands over what it has; an assumption"""
SILENCE_NS = 10_000_000
"""after which servos drop a frame that they heard in part; an assumption"""


class Line(Protocol):
    """The servos' side of a protocol."""

    def receive(self, data: bytes, baud: int) -> list[Reply]:
        """Hear `data` sent at `baud` (0: at whatever rate each listens) and answer."""
        ...

    def forget(self) -> None:
        """Drop a frame heard in part."""
        ...


class Adapter(Protocol):
    """What goes wrong between wire and host."""

    @property
    def echoes(self) -> bool:
        """Whether the host hears its own bytes."""
        ...

    @property
    def latency_ns(self) -> int:
        """The period at which bytes are handed to the host; 0: at once."""
        ...

    def spoil(self, reply: Reply) -> Sequence[tuple[bytes, int]]:
        """What reaches the host instead of `reply`: frames, each with how late it is, ns."""
        ...


class Wire:
    """Takes the host's bytes as they come and says when which bytes reach it.

    Nothing here sleeps or reads a clock: `now_ns` is handed in, so tests run in virtual time.
    """

    def __init__(self, line: Line, adapter: Adapter | None = None, *, paced: bool = True) -> None:
        self._line = line
        self.adapter = adapter
        self._paced = paced
        self._free_ns = 0
        self._byte_time_ns = 0
        self._to_host: list[tuple[int, int, bytes]] = []
        self._numbers = count()

    def receive(self, data: bytes, baud: int, now_ns: int) -> None:
        """The host has written `data` at `baud` (0 where that cannot be told)."""
        if now_ns - self._free_ns > SILENCE_NS:
            self._line.forget()
        self._byte_time_ns = byte_ns = self._byte_ns(baud)
        end_ns = max(now_ns, self._free_ns) + len(data) * byte_ns
        if self.adapter is not None and self.adapter.echoes:
            self._send(end_ns, data)
        for reply in self._line.receive(data, baud):
            # A frame that is lost or late further on has had its time on the wire all the same.
            end_ns += reply.delay_ns + len(reply.frame) * byte_ns
            if self.adapter is None:
                self._send(end_ns + reply.later_ns, reply.frame)
                continue
            for frame, late_ns in self.adapter.spoil(reply):
                self._send(end_ns + reply.later_ns + late_ns, frame)
        self._free_ns = end_ns

    def next_due_ns(self) -> int | None:
        """When to hand bytes to the host next, if any are under way.

        Frames that follow each other closely are handed over together, as a USB adapter does.
        """
        if not self._to_host:
            return None
        frames = sorted(self._to_host)
        due_ns, _, first = frames[0]
        gathered = len(first)
        for later_ns, _, frame in frames[1:]:
            gathered += len(frame)
            silence_ns = later_ns - len(frame) * self._byte_time_ns - due_ns
            if silence_ns > GATHERED_NS or gathered > PACKET_BYTES:
                break
            due_ns = later_ns
        return due_ns

    def take(self, now_ns: int) -> bytes:
        """The bytes that have reached the host by now."""
        arrived = bytearray()
        while self._to_host and self._to_host[0][0] <= now_ns:
            arrived += heapq.heappop(self._to_host)[2]
        return bytes(arrived)

    def clear(self) -> None:
        """Lose what is under way, as when the port is pulled."""
        self._to_host.clear()
        self._line.forget()

    def _send(self, due_ns: int, frame: bytes) -> None:
        if frame:
            period_ns = self.adapter.latency_ns if self.adapter is not None else 0
            if period_ns:
                due_ns = -(-due_ns // period_ns) * period_ns
            heapq.heappush(self._to_host, (due_ns, next(self._numbers), frame))

    def _byte_ns(self, baud: int) -> int:
        return round(BITS_PER_BYTE * 1e9 / baud) if self._paced and baud else 0
