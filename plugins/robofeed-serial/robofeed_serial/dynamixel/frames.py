"""Frames of the Dynamixel protocol 2.0.

    FF FF FD 00  id  length(2)  instruction  parameters...  CRC(2)

A status frame has instruction 55 and an error byte before its data. `length` counts what follows
it. Where instruction and parameters hold FF FF FD, an FD is put behind it, so that a header never
occurs inside a frame. The CRC has the polynomial 0x8005, starts at 0, runs from the header on, most
significant bit first (ROBOTIS e-manual, Protocol 2.0).

The answer to a fast sync read is one status frame from the broadcast id, to which every servo adds
error, id, data and the CRC of all that went before; nothing is stuffed there.

What the CRC is worth: it catches every error of one or two bits, of any odd number of bits, and
every burst of up to 16 bits; of other damage it lets 1 in 65536 pass.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from functools import cache

from robofeed_serial.buses.reply import Reply

HEADER = b"\xff\xff\xfd\x00"
BROADCAST = 0xFE
HIGHEST_ID = 0xFC
PING, READ, WRITE, REBOOT, STATUS, SYNC_READ, SYNC_WRITE = 0x01, 0x02, 0x03, 0x08, 0x55, 0x82, 0x83
FAST_SYNC_READ = 0x8A
PREFIX = 7
"""Bytes up to the instruction."""
BLOCK_OVERHEAD = 4
"""Bytes of a servo's part of a fast answer without data: error, id, CRC."""
MOST_BLOCKS_BYTES = 1024
"""A fast answer that claims to be longer is none."""
OVERHEAD = PREFIX + 4
"""Bytes of a status frame without data: prefix, instruction, error, CRC."""
_ID = [bytes([servo_id]) for servo_id in range(256)]


def _table() -> tuple[int, ...]:
    rows = []
    for byte in range(256):
        crc = byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x8005) & 0xFFFF if crc & 0x8000 else crc << 1
        rows.append(crc)
    return tuple(rows)


_BYTE = _table()
_PAIR = [(one & 0xFF) << 8 ^ _BYTE[one >> 8 ^ second] for one in _BYTE for second in range(256)]
"""What two bytes make of a CRC of 0: to take them in pairs is three times as fast."""


@cache
def _pairs_of(length: int) -> Callable[[bytes | bytearray], tuple[int, ...]]:
    """What reads so many bytes as pairs; the last of an odd number is left out."""
    return struct.Struct(f">{length // 2}H").unpack_from


def crc16(data: bytes | bytearray, crc: int = 0) -> int:
    """Of all bytes before the CRC itself; `crc` is that of the bytes before `data`."""
    table = _PAIR
    for pair in _pairs_of(len(data))(data):
        crc = table[crc ^ pair]
    return (crc & 0xFF) << 8 ^ _BYTE[crc >> 8 ^ data[-1]] if len(data) % 2 else crc


def stuff(data: bytes) -> bytes:
    """`data` with an FD behind every FF FF FD."""
    return data.replace(b"\xff\xff\xfd", b"\xff\xff\xfd\xfd")


def unstuff(data: bytes) -> bytes:
    """What `stuff` was given."""
    return data.replace(b"\xff\xff\xfd\xfd", b"\xff\xff\xfd")


def frame(servo_id: int, instruction: int, parameters: bytes = b"") -> bytes:
    """A whole frame; a status frame has its error byte as the first parameter."""
    body = stuff(bytes([instruction]) + parameters)
    head = HEADER + bytes([servo_id]) + (len(body) + 2).to_bytes(2, "little")
    return head + body + crc16(head + body).to_bytes(2, "little")


class DynamixelCodec:
    """Requests, and a decoder for what comes back."""

    def ping(self, servo_id: int) -> bytes:
        return frame(servo_id, PING)

    def reboot(self, servo_id: int) -> bytes:
        """Starts a servo anew, which ends a latched overload; its torque is off then."""
        return frame(servo_id, REBOOT)

    def read(self, servo_id: int, address: int, size: int) -> bytes:
        return frame(servo_id, READ, _pair(address, size))

    def write(self, servo_id: int, address: int, data: bytes) -> bytes:
        return frame(servo_id, WRITE, address.to_bytes(2, "little") + data)

    def sync_read(self, servo_ids: Sequence[int], address: int, size: int) -> bytes:
        return frame(BROADCAST, SYNC_READ, _pair(address, size) + bytes(servo_ids))

    def fast_sync_read(self, servo_ids: Sequence[int], address: int, size: int) -> bytes:
        return frame(BROADCAST, FAST_SYNC_READ, _pair(address, size) + bytes(servo_ids))

    def fast_length(self, count: int, size: int) -> int:
        return PREFIX + 1 + count * (size + BLOCK_OVERHEAD)

    def sync_write(self, address: int, data: Mapping[int, bytes]) -> bytes:
        size = len(next(iter(data.values())))
        rows = b"".join([_ID[servo_id] + row for servo_id, row in data.items()])
        return frame(BROADCAST, SYNC_WRITE, _pair(address, size) + rows)

    def reply_length(self, size: int) -> int:
        return OVERHEAD + size

    def decoder(self, size: int) -> DynamixelDecoder:
        return DynamixelDecoder(size)


def _pair(address: int, size: int) -> bytes:
    return address.to_bytes(2, "little") + size.to_bytes(2, "little")


class DynamixelDecoder:
    """Finds status frames of at most `longest` bytes of data.

    Where a CRC is wrong the search goes on right behind the false header, so damage costs no frame
    that is whole.
    """

    def __init__(self, longest: int = 1024) -> None:
        self.crc_errors = 0
        # Body and CRC; stuffing adds at most a byte to every three.
        self._longest = 2 + longest + (longest + 2) // 3 + 2
        self._block = longest + BLOCK_OVERHEAD
        """Bytes of one servo's part in the answer to a fast sync read."""
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[Reply]:
        self._rest += data
        return self._search(final=False)

    def finish(self) -> list[Reply]:
        found = self._search(final=True)
        self._rest.clear()
        return found

    def _search(self, *, final: bool) -> list[Reply]:
        rest = self._rest
        found: list[Reply] = []
        start = taken = 0
        while (start := rest.find(HEADER, start)) >= 0:
            if len(rest) <= start + PREFIX:
                if not final:
                    break
                start += 1
                continue
            length = rest[start + 5] | rest[start + 6] << 8
            end = start + PREFIX + length
            if not self._plausible(start, length):
                start += 1
            elif end > len(rest):
                if not final:
                    break
                found += self._blocks(bytes(rest[start:]))
                start += 1
            elif rest[start + 4] == BROADCAST:
                blocks = self._blocks(bytes(rest[start:end]))
                found += blocks
                start += 1
                if blocks:  # on behind what is whole: after damage a frame may have begun
                    start = taken = start + PREFIX + len(blocks) * self._block
            elif crc16(rest[start : end - 2]) != rest[end - 2] | rest[end - 1] << 8:
                self.crc_errors += 1
                start += 1
            else:
                body = unstuff(bytes(rest[start + PREFIX + 1 : end - 2]))
                found.append(Reply(rest[start + 4], body[0], body[1:]))
                start = taken = end
        if start < 0:  # no header left; it may have begun with the last bytes that came
            begun = next((n for n in (3, 2, 1) if rest.endswith(HEADER[:n])), 0)
            start = max(taken, len(rest) - begun)
        del rest[:start]
        return found

    def _plausible(self, start: int, length: int) -> bool:
        rest = self._rest
        if rest[start + PREFIX] != STATUS:
            return False
        if rest[start + 4] == BROADCAST:
            return length > 1 and (length - 1) % self._block == 0 and length <= MOST_BLOCKS_BYTES
        return rest[start + 4] <= HIGHEST_ID and 4 <= length <= self._longest

    def _blocks(self, whole: bytes) -> list[Reply]:
        """The servos' parts of a fast answer up to the first whose CRC is wrong."""
        found: list[Reply] = []
        if whole[4] != BROADCAST:
            return found
        crc = done = 0
        for end in range(PREFIX + 1 + self._block, len(whole) + 1, self._block):
            start, behind = end - self._block, end - 2
            crc, done = crc16(whole[done:behind], crc), behind
            if crc != whole[behind] | whole[behind + 1] << 8:
                self.crc_errors += 1
                break
            found.append(Reply(whole[start + 1], whole[start], whole[start + 2 : behind]))
        return found
