"""Two servos that answer at once: what a receiver makes of both signals on one wire."""

from __future__ import annotations

from collections.abc import Iterable

from robofeed_serial.twin.servo import Reply

_FRAME_BITS = 10


def collided(replies: Iterable[Reply]) -> list[Reply]:
    """The replies to one instruction, those from servos of equal id laid over each other.

    The second starts one bit later, as servos do whose clocks differ.
    """
    heard: list[Reply] = []
    for reply in replies:
        if heard and heard[-1].servo_id == reply.servo_id:
            both = _overlaid(heard[-1].frame, reply.frame)
            heard[-1] = Reply(reply.servo_id, both, heard[-1].delay_ns)
        else:
            heard.append(reply)
    return heard


def _overlaid(first: bytes, second: bytes) -> bytes:
    """The line is low where either pulls it low."""
    one, other = _bits(first), [1, *_bits(second)]
    length = max(len(one), len(other))
    one += [1] * (length - len(one))
    other += [1] * (length - len(other))
    return _received([a & b for a, b in zip(one, other, strict=True)])


def _bits(data: bytes) -> list[int]:
    """Start bit, eight bits from the lowest, stop bit."""
    return [bit for byte in data for bit in (0, *(byte >> n & 1 for n in range(8)), 1)]


def _received(bits: list[int]) -> bytes:
    """What a receiver reads, which takes each falling edge after a stop bit for a start."""
    found, at = bytearray(), 0
    while at + _FRAME_BITS <= len(bits):
        if bits[at]:
            at += 1
            continue
        found.append(sum(bit << n for n, bit in enumerate(bits[at + 1 : at + 9])))
        at += _FRAME_BITS
    return bytes(found)
