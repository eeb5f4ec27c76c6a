"""Servos whose position is the number of the request that asked for it: a stale answer shows.

Frames are built here by hand, so that the buses under test do not check themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

Delay = Callable[[int], Sequence[float]]
"""For request number n: when its answer comes, in s; several numbers: it comes several times."""


def feetech_reply(servo_id: int, data: bytes, error: int = 0) -> bytes:
    body = bytes([servo_id, len(data) + 2, error]) + data
    return b"\xff\xff" + body + bytes([255 - sum(body) % 256])


def dynamixel_reply(servo_id: int, data: bytes, error: int = 0) -> bytes:
    frame = b"\xff\xff\xfd\x00" + bytes([servo_id, len(data) + 4, 0, 0x55, error]) + data
    crc = 0
    for byte in frame:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x8005) & 0xFFFF if crc & 0x8000 else crc << 1
    return frame + crc.to_bytes(2, "little")


class CountingServos:
    """Answers reads and sync reads of positions; what else is sent it hears and keeps to itself."""

    def __init__(self, protocol: str, delay: Delay = lambda number: [0.0]) -> None:
        self.count = 0
        self.delay = delay
        self.order: Callable[[Sequence[int]], Sequence[int]] = lambda ids: ids
        """Which of those asked answer, and in which order."""
        self._protocol = protocol

    def __call__(self, heard: bytes) -> list[tuple[float, bytes]]:
        asked = self._feetech(heard) if self._protocol == "feetech" else self._dynamixel(heard)
        if asked is None:
            return []
        ids, before, size, total = asked
        self.count += 1
        position = bytes(before) + self.count.to_bytes(size, "little")
        make = feetech_reply if self._protocol == "feetech" else dynamixel_reply
        data = position.ljust(total, b"\0")
        answer = b"".join(make(servo_id, data) for servo_id in self.order(ids))
        return [(after_s, answer) for after_s in self.delay(self.count)]

    def _feetech(self, heard: bytes) -> tuple[Sequence[int], int, int, int] | None:
        servo_id, instruction = heard[2], heard[4]
        address, size = heard[5], heard[6]
        if instruction == 0x02:
            return [servo_id], 56 - address, 2, size
        return (list(heard[7:-1]), 56 - address, 2, size) if instruction == 0x82 else None

    def _dynamixel(self, heard: bytes) -> tuple[Sequence[int], int, int, int] | None:
        servo_id, instruction = heard[4], heard[7]
        address, size = heard[8] | heard[9] << 8, heard[10] | heard[11] << 8
        if instruction == 0x02:
            return [servo_id], 132 - address, 4, size
        return (list(heard[12:-2]), 132 - address, 4, size) if instruction == 0x82 else None
