"""Frames of Feetech's STS protocol.

    FF FF  id  length  instruction|error  parameters...  checksum

`length` counts what follows it; the checksum is the complement of the low byte of the sum from `id`
on. Nothing is escaped, so a header may occur inside a frame.

What the checksum is worth: it catches every error inside a single byte, but not two bytes swapped,
nor +n in one byte and -n in another; of random damage it lets 1 in 256 pass. A bus therefore also
asks for the right servo and the right length.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from robofeed_serial.buses.reply import Reply

HEADER = b"\xff\xff"
BROADCAST = 0xFE
HIGHEST_ID = 0xFD
PING, READ, WRITE, SYNC_READ, SYNC_WRITE = 0x01, 0x02, 0x03, 0x82, 0x83
OVERHEAD = 6
"""Bytes of a frame without parameters."""
_ID = [bytes([servo_id]) for servo_id in range(256)]


def checksum(body: bytes | bytearray) -> int:
    """Of the bytes from the id to the last parameter."""
    return ~sum(body) & 0xFF


def frame(servo_id: int, instruction: int, parameters: bytes = b"") -> bytes:
    """A whole frame; a status frame has its error byte for an instruction."""
    body = bytes([servo_id, len(parameters) + 2, instruction]) + parameters
    return HEADER + body + bytes([checksum(body)])


class FeetechCodec:
    """Requests, and a decoder for what comes back."""

    def ping(self, servo_id: int) -> bytes:
        return frame(servo_id, PING)

    def read(self, servo_id: int, address: int, size: int) -> bytes:
        return frame(servo_id, READ, bytes([address, size]))

    def write(self, servo_id: int, address: int, data: bytes) -> bytes:
        return frame(servo_id, WRITE, bytes([address]) + data)

    def sync_read(self, servo_ids: Sequence[int], address: int, size: int) -> bytes:
        return frame(BROADCAST, SYNC_READ, bytes([address, size, *servo_ids]))

    def fast_sync_read(self, servo_ids: Sequence[int], address: int, size: int) -> None:
        return None

    def fast_length(self, count: int, size: int) -> int:
        return 0

    def sync_write(self, address: int, data: Mapping[int, bytes]) -> bytes:
        size = len(next(iter(data.values())))
        rows = b"".join([_ID[servo_id] + row for servo_id, row in data.items()])
        return frame(BROADCAST, SYNC_WRITE, bytes([address, size]) + rows)

    def reply_length(self, size: int) -> int:
        return OVERHEAD + size

    def decoder(self, size: int) -> FeetechDecoder:
        return FeetechDecoder(size)


class FeetechDecoder:
    """Finds status frames of at most `longest` bytes of data.

    Where a checksum is wrong the search goes on right behind the false header, not behind the frame
    it announced, so damage costs no frame that is whole. `longest` bounds how many bytes a false
    header can claim before that.
    """

    def __init__(self, longest: int = 0xFF - 2) -> None:
        self.crc_errors = 0
        self._longest = longest
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
            if len(rest) - start < 4:
                if not final:
                    break
                start += 1
                continue
            servo_id, length = rest[start + 2], rest[start + 3]
            if servo_id > HIGHEST_ID or not 2 <= length <= self._longest + 2:
                start += 1
                continue
            end = start + 4 + length
            if end > len(rest):
                if not final:
                    break
                start += 1
                continue
            body = bytes(rest[start + 2 : end - 1])
            if checksum(body) != rest[end - 1]:
                self.crc_errors += 1
                start += 1
                continue
            found.append(Reply(servo_id, body[2], body[3:]))
            start = taken = end
        if start < 0:  # no header left; its first byte may be the last that came
            start = max(taken, len(rest) - (1 if rest.endswith(b"\xff") else 0))
        del rest[:start]
        return found
