"""A million frames, whole and damaged, among noise: what is refused and what passes.

What the streaming decoders find is compared with a search written without their tricks. Two things
are checked of a frame that passes: its checksum is right, and of a whole frame that was sent and
did not come out, that something with a right checksum lay across it. With a sum of 8 bits that
happens; the tests count it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from robofeed_serial.buses.reply import Reply, ReplyDecoder
from robofeed_serial.dynamixel.frames import DynamixelDecoder
from robofeed_serial.feetech.frames import FeetechDecoder

from .counting_servos import dynamixel_reply, feetech_reply

FRAMES = 1_000_000
SIZE = 6
"""Bytes of data in a reply: position, speed and load of an STS servo."""
BATCH = 50


@dataclass(frozen=True)
class Protocol:
    make: Callable[[int, bytes], bytes]
    decoder: Callable[[], ReplyDecoder]
    search: Callable[[bytes], Iterator[tuple[int, int, Reply]]]
    checksum_bits: int


def feetech_search(stream: bytes) -> Iterator[tuple[int, int, Reply]]:
    """Start, end and content of every frame from the left, none across another."""
    at = 0
    while at + 6 <= len(stream):
        length = stream[at + 3]
        end = at + 4 + length
        if (
            stream[at] == stream[at + 1] == 255
            and stream[at + 2] <= 253
            and 2 <= length <= SIZE + 2
            and end <= len(stream)
            and (sum(stream[at + 2 : end]) & 255) == 255
        ):
            yield at, end, Reply(stream[at + 2], stream[at + 4], stream[at + 5 : end - 1])
            at = end
        else:
            at += 1


def dynamixel_search(stream: bytes) -> Iterator[tuple[int, int, Reply]]:
    at = stream.find(b"\xff\xff\xfd\x00")
    while at >= 0:
        length = int.from_bytes(stream[at + 5 : at + 7], "little")
        end = at + 7 + length
        if (
            4 <= length
            and end <= len(stream)
            and stream[at + 4] <= 252
            and stream[at + 7] == 0x55
            and remainder(stream[at : end - 2]) == int.from_bytes(stream[end - 2 : end], "little")
        ):
            body = stream[at + 8 : end - 2].replace(b"\xff\xff\xfd\xfd", b"\xff\xff\xfd")
            yield at, end, Reply(stream[at + 4], body[0], body[1:])
            at = end - 1
        at = stream.find(b"\xff\xff\xfd\x00", at + 1)


def remainders() -> list[int]:
    """Of every byte, shifted by 16 bits, divided by the polynomial over GF(2)."""
    found = []
    for byte in range(256):
        left = byte << 16
        for bit in range(23, 15, -1):
            if left >> bit & 1:
                left ^= 0x18005 << bit - 16
        found.append(left)
    return found


REMAINDERS = remainders()


def remainder(data: bytes) -> int:
    left = 0
    for byte in data:
        left = (left & 0xFF) << 8 ^ REMAINDERS[(left >> 8) ^ byte]
    return left


PROTOCOLS = {
    "feetech": Protocol(feetech_reply, lambda: FeetechDecoder(SIZE), feetech_search, 8),
    "dynamixel": Protocol(dynamixel_reply, lambda: DynamixelDecoder(SIZE), dynamixel_search, 16),
}


def damaged(frame: bytes, rng: random.Random) -> bytes:
    kind = rng.randrange(5)
    if kind == 0:  # cut off
        return frame[: rng.randrange(len(frame))]
    if kind == 1:  # a byte lost
        place = rng.randrange(len(frame))
        return frame[:place] + frame[place + 1 :]
    changed = bytearray(frame)
    if kind == 2:  # a bit
        changed[rng.randrange(len(frame))] ^= 1 << rng.randrange(8)
    elif kind == 3:  # several bytes
        for _ in range(rng.randrange(2, 6)):
            changed[rng.randrange(len(frame))] = rng.randrange(256)
    else:  # a collision of two on the wire
        changed = bytearray(byte & rng.randrange(256) for byte in frame)
    return bytes(changed)


@dataclass
class Batch:
    """A stream, the whole frames in it by where they begin, and what the damaged ones held."""

    stream: bytes
    whole: dict[int, Reply]
    spoilt: list[Reply]


def batch(protocol: Protocol, rng: random.Random) -> Batch:
    stream = bytearray()
    whole: dict[int, Reply] = {}
    spoilt: list[Reply] = []
    for _ in range(BATCH):
        servo_id, data = rng.randrange(253), rng.randbytes(SIZE)
        if rng.random() < 0.1:
            data = b"\xff" * rng.randrange(SIZE) + data
            data = data[:SIZE]
        if b"\xff\xff\xfd" in data:
            continue  # the hand-made frame does not stuff
        frame = protocol.make(servo_id, data)
        fate = rng.random()
        if fate < 0.5:
            whole[len(stream)] = Reply(servo_id, 0, data)
            stream += frame
        elif fate < 0.9:
            spoilt.append(Reply(servo_id, 0, data))
            stream += damaged(frame, rng)
        else:
            stream += rng.randbytes(rng.randrange(12))
    return Batch(bytes(stream), whole, spoilt)


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", PROTOCOLS)
def test_no_damaged_frame_passes_its_checksum_and_no_whole_one_is_refused(
    name: str, load_share: float
) -> None:
    protocol = PROTOCOLS[name]
    rng = random.Random(20)
    frames = spoilt = passed = false_values = hidden = 0
    while frames < FRAMES * load_share:
        sent = batch(protocol, rng)
        found = in_pieces(protocol.decoder(), sent.stream, rng)

        wanted = list(protocol.search(sent.stream))
        assert found == [reply for _, _, reply in wanted]
        at_its_place = {start for start, _, reply in wanted if sent.whole.get(start) == reply}
        others = [reply for start, _, reply in wanted if start not in at_its_place]
        for start in sent.whole.keys() - at_its_place:
            hidden += 1
            end = start + len(protocol.make(0, bytes(SIZE)))
            assert any(begin < end and other > start for begin, other, _ in wanted)
        frames += BATCH
        spoilt += len(sent.spoilt)
        passed += len(others)
        # Some lose a byte that the noise behind them puts back: then nothing is wrong with them.
        values = [reply for reply in others if reply not in sent.spoilt]
        false_values += sum(len(reply.data) == SIZE for reply in values)

    print(f"{name}: {frames} frames, {spoilt} spoilt: {passed} passed, {false_values} of them with")
    print(f"    a false value of the right length; {hidden} whole frames hidden by one that passed")
    assert false_values <= 2 * spoilt / 2**protocol.checksum_bits + 2
    assert hidden <= passed


def in_pieces(decoder: ReplyDecoder, stream: bytes, rng: random.Random) -> list[Reply]:
    found: list[Reply] = []
    at = 0
    while at < len(stream):
        step = rng.randrange(1, 200)
        found += decoder.feed(stream[at : at + step])
        at += step
    return found + decoder.finish()
