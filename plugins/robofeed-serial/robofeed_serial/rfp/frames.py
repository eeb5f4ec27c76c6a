"""Frames on the wire: COBS(type, sequence, payload, CRC-16-CCITT), then a 00."""

from __future__ import annotations

import binascii
from collections.abc import Iterator
from dataclasses import dataclass

LONGEST_WIRE = 64
"""Bytes of a whole frame, its closing 00 included: what the board has room for."""
LONGEST_PAYLOAD = LONGEST_WIRE - 2 - 4


class BadFrame(ValueError):  # noqa: N818 - what it is, not an accident of ours
    """Bytes between two 00s that are no frame: stuffing, length or checksum do not fit."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One message. `sequence` is 0..255; an answer carries that of its request."""

    kind: int
    sequence: int
    payload: bytes = b""

    def to_wire(self) -> bytes:
        """The bytes to send. Raises ValueError where a number does not fit."""
        if len(self.payload) > LONGEST_PAYLOAD:
            raise ValueError(f"payload of {len(self.payload)} bytes; at most {LONGEST_PAYLOAD}")
        body = bytes((self.kind, self.sequence)) + self.payload
        return stuffed(body + crc16(body).to_bytes(2, "little")) + b"\0"

    @classmethod
    def from_wire(cls, wire: bytes) -> Frame:
        """The frame in `wire`, whose closing 00 may be there or not. Raises BadFrame."""
        stuffing = wire.removesuffix(b"\0")
        if len(stuffing) >= LONGEST_WIRE:
            raise BadFrame(f"{len(stuffing)} bytes and a 00; a frame has at most {LONGEST_WIRE}")
        raw = unstuffed(stuffing)
        if len(raw) < 4:
            raise BadFrame(f"{len(raw)} bytes; type, sequence and checksum alone are 4")
        body, check = raw[:-2], int.from_bytes(raw[-2:], "little")
        if crc16(body) != check:
            raise BadFrame(f"checksum {check:#06x} of a frame that has {crc16(body):#06x}")
        return cls(body[0], body[1], body[2:])


class FrameReader:
    """Finds the frames in a stream of bytes; what is none is counted and thrown away."""

    def __init__(self) -> None:
        self.bad_frames = 0
        self._rest = bytearray()

    def feed(self, received: bytes) -> Iterator[Frame]:
        """The whole frames that `received` completes."""
        self._rest += received
        *pieces, self._rest = self._rest.split(b"\0")
        del self._rest[LONGEST_WIRE + 1 :]  # too long already: no need to keep what comes after
        for piece in pieces:
            if not piece:
                continue
            try:
                yield Frame.from_wire(bytes(piece))
            except BadFrame:
                self.bad_frames += 1


def crc16(body: bytes) -> int:
    """CRC-16-CCITT: polynomial 0x1021, start 0xFFFF, not reflected, no final XOR."""
    return binascii.crc_hqx(body, 0xFFFF)


def stuffed(raw: bytes) -> bytes:
    """COBS of fewer than 254 bytes: no 00 in it, one byte longer."""
    blocks = raw.split(b"\0")
    return b"".join(bytes((len(block) + 1,)) + block for block in blocks)


def unstuffed(wire: bytes) -> bytes:
    """What `stuffed` was given. Raises BadFrame."""
    blocks = []
    at = 0
    while at < len(wire):
        end = at + wire[at]
        if wire[at] == 0 or end > len(wire):
            raise BadFrame("the stuffing does not fit the length")
        blocks.append(wire[at + 1 : end])
        at = end
    return b"\0".join(blocks)
