"""What a servo answered, and the two faces of a servo protocol that a bus needs."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import NamedTuple, Protocol


class Reply(NamedTuple):
    """A frame whose checksum is right. A named tuple, since thousands are made every second."""

    servo_id: int
    error: int
    """The servo's error byte, as its protocol counts."""
    data: bytes


class ReplyDecoder(Protocol):
    """Finds replies in a stream of bytes, whatever lies between them."""

    crc_errors: int
    """Frames whose checksum was wrong."""

    def feed(self, data: bytes) -> list[Reply]:
        """The replies that `data` completes."""

    def finish(self) -> list[Reply]:
        """Nothing more comes: the replies after what looked like the start of a longer one."""


class Codec(Hashable, Protocol):
    """The frames of one protocol; keeps nothing in mind. Addresses and lengths are in bytes."""

    def ping(self, servo_id: int) -> bytes:
        """Asks one servo whether it is there."""

    def read(self, servo_id: int, address: int, size: int) -> bytes:
        """Asks for registers."""

    def write(self, servo_id: int, address: int, data: bytes) -> bytes:
        """Sets registers; the servo answers without data."""

    def sync_read(self, servo_ids: Sequence[int], address: int, size: int) -> bytes:
        """Asks several servos for the same registers; they answer in this order."""

    def fast_sync_read(self, servo_ids: Sequence[int], address: int, size: int) -> bytes | None:
        """The same, answered by all in one frame; None where the protocol has no such thing."""

    def fast_length(self, count: int, size: int) -> int:
        """Bytes on the wire of that frame of `count` servos."""

    def sync_write(self, address: int, data: Mapping[int, bytes]) -> bytes:
        """Sets the same registers of several servos; nobody answers."""

    def reply_length(self, size: int) -> int:
        """Bytes on the wire of a reply with `size` bytes of data, stuffing left out."""

    def decoder(self, size: int) -> ReplyDecoder:
        """A fresh decoder for replies with at most `size` bytes of data."""
