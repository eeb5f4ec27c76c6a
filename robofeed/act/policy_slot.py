"""The newest weights of a policy, in memory that the learner's process and the arm's share."""

from __future__ import annotations

import struct
import zlib
from typing import Final

import numpy as np

from robofeed.data.spec import FloatArray

_HEAD: Final = struct.Struct("<IQ")  # checksum of the weights, number of the publication


class PolicySlot:
    """One writer, one reader, neither ever waits: two copies by turns, each checked by its sum.

    While one is being written, or its writer has died over it, the other one is whole.

    Args:
        memory: Shared, writable, `nbytes` long, zero at first.
        count: How many float32 weights there are.
    """

    def __init__(self, memory: memoryview, count: int) -> None:
        self._half = self.nbytes(count) // 2
        self._memory, self._count = memory, count
        self._written = 0
        self._newest: tuple[int, FloatArray] | None = None

    @staticmethod
    def nbytes(count: int) -> int:
        """Bytes of memory for so many weights."""
        return 2 * (_HEAD.size + 4 * count)

    def put(self, weights: FloatArray) -> None:
        """Replace the older of the two copies. `weights` [count]."""
        self._written += 1
        start = self._half * (self._written % 2)
        body = weights.tobytes()
        self._memory[start + _HEAD.size : start + self._half] = body
        _HEAD.pack_into(self._memory, start, _sum(body, self._written), self._written)

    def newest(self) -> tuple[int, FloatArray] | None:
        """Number and weights [count] of the newest copy; None before the first one.

        A reader that is slow between the two may find the writer at either: it then keeps to what
        it read last.
        """
        for which in (0, 1):
            known = self._newest[0] if self._newest is not None else 0
            copy = self._read(which, known)
            if copy is not None:
                number, body = copy
                self._newest = number, np.frombuffer(body, np.float32)
        return self._newest

    def _read(self, which: int, known: int) -> tuple[int, bytes] | None:
        """A copy that is whole and newer than number `known`."""
        start = self._half * which
        if _HEAD.unpack_from(self._memory, start)[1] <= known:
            return None
        # Copied before it is checked: the writer may come back to it at any moment.
        whole = bytes(self._memory[start : start + self._half])
        checksum, number = _HEAD.unpack_from(whole)
        body = whole[_HEAD.size :]
        return (number, body) if number > known and _sum(body, number) == checksum else None


def _sum(body: bytes, number: int) -> int:
    return zlib.crc32(body, number & 0xFFFFFFFF)
