"""The newest value of something, in memory that two processes share. Neither ever waits."""

from __future__ import annotations

import struct
import zlib
from typing import Final

_HEAD: Final = struct.Struct("<IIQ")  # checksum, length, number of the letter


class Mailbox:
    """One writer, one reader. Two letters lie in it by turns, each checked by its sum.

    While one is being written, or its writer has died over it, the other one is whole.

    Args:
        memory: Shared and writable, zero at first.
        start: Where the box begins in it.
        size: Its length in bytes, heads included.
    """

    def __init__(self, memory: memoryview, start: int, size: int) -> None:
        half = size // 2
        self._slots = [memory[start + half * each : start + half * (each + 1)] for each in (0, 1)]
        self._room = half - _HEAD.size
        self._written = 0

    def put(self, letter: bytes) -> None:
        """Replace the older of the two. Raises ValueError where it does not fit."""
        if len(letter) > self._room:
            raise ValueError(f"{len(letter)} bytes for a mailbox of {self._room}")
        self._written += 1
        body = _HEAD.pack(0, len(letter), self._written)[4:] + letter
        slot = self._slots[self._written % 2]
        slot[: 4 + len(body)] = struct.pack("<I", zlib.crc32(body)) + body

    def newest(self) -> tuple[int, bytes] | None:
        """The number and the content of the newest whole letter; None before the first one."""
        found = [letter for slot in self._slots if (letter := _letter(slot)) is not None]
        return max(found, default=None)


def _letter(slot: memoryview) -> tuple[int, bytes] | None:
    whole = bytes(slot)
    checksum, length, number = _HEAD.unpack_from(whole)
    end = _HEAD.size + length
    if number == 0 or end > len(whole) or zlib.crc32(whole[4:end]) != checksum:
        return None
    return number, whole[_HEAD.size : end]
