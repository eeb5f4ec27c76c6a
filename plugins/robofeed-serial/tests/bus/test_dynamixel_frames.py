"""Frames of the Dynamixel protocol 2.0: known bytes, stuffing, round trips, damage."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robofeed_serial.buses.reply import Reply
from robofeed_serial.dynamixel.frames import (
    STATUS,
    DynamixelCodec,
    DynamixelDecoder,
    crc16,
    frame,
    stuff,
    unstuff,
)

CODEC = DynamixelCodec()
HEADERS = st.sampled_from([b"\xff\xff\xfd", b"\xff\xff\xfd\x00", b"\xff\xff", b"\xfd", b"\x55"])
DATA = st.lists(st.one_of(HEADERS, st.binary(max_size=6)), max_size=8).map(b"".join)
REPLIES = st.builds(Reply, st.integers(0, 252), st.integers(0, 255), DATA)


def on_the_wire(reply: Reply) -> bytes:
    return frame(reply.servo_id, STATUS, bytes([reply.error]) + reply.data)


def decoded(stream: bytes, cuts: list[int]) -> list[Reply]:
    decoder = DynamixelDecoder()
    found = []
    edges = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    for start, end in itertools.pairwise(edges):
        found += decoder.feed(stream[start:end])
    return found + decoder.finish()


@pytest.mark.parametrize(
    ("request_bytes", "known"),
    [
        (CODEC.ping(1), "ff ff fd 00 01 03 00 01 19 4e"),
        (CODEC.read(1, 132, 4), "ff ff fd 00 01 07 00 02 84 00 04 00 1d 15"),
        (
            CODEC.write(1, 116, b"\x00\x02\x00\x00"),
            "ff ff fd 00 01 09 00 03 74 00 00 02 00 00 ca 89",
        ),
        (CODEC.reboot(1), "ff ff fd 00 01 03 00 08 2f 4e"),
        (CODEC.sync_read([1, 2], 132, 4), "ff ff fd 00 fe 09 00 82 84 00 04 00 01 02 ce fa"),
        (
            CODEC.sync_write(116, {1: b"\x96\0\0\0", 2: b"\xaa\0\0\0"}),
            "ff ff fd 00 fe 11 00 83 74 00 04 00 01 96 00 00 00 02 aa 00 00 00 82 87",
        ),
    ],
    ids=["ping", "read", "write", "reboot", "sync read", "sync write"],
)
def test_requests_are_those_of_the_makers_manual(request_bytes: bytes, known: str) -> None:
    assert request_bytes.hex(" ") == known


@pytest.mark.parametrize(
    ("known", "reply"),
    [
        ("ff ff fd 00 01 07 00 55 00 06 04 26 65 5d", Reply(1, 0, b"\x06\x04\x26")),
        ("ff ff fd 00 01 08 00 55 00 a6 00 00 00 8c c0", Reply(1, 0, b"\xa6\0\0\0")),
        ("ff ff fd 00 01 04 00 55 00 a1 0c", Reply(1, 0, b"")),
    ],
    ids=["ping", "read", "write"],
)
def test_the_makers_examples_of_replies_are_read(known: str, reply: Reply) -> None:
    assert DynamixelDecoder().feed(bytes.fromhex(known)) == [reply]


def test_an_fd_follows_what_would_look_like_a_header() -> None:
    assert stuff(b"\x03\xff\xff\xfd\x00") == b"\x03\xff\xff\xfd\xfd\x00"
    assert b"\xff\xff\xfd\x00" not in on_the_wire(Reply(1, 0, b"\xff\xff\xfd\x00"))[1:]


@given(DATA)
def test_stuffing_is_undone(data: bytes) -> None:
    assert unstuff(stuff(data)) == data


@given(st.lists(REPLIES, max_size=5), st.lists(st.integers(0, 400), max_size=5))
def test_replies_come_out_as_they_went_in_however_they_are_cut(
    replies: list[Reply], cuts: list[int]
) -> None:
    assert decoded(b"".join(map(on_the_wire, replies)), cuts) == replies


@given(REPLIES, st.binary(max_size=30).filter(lambda data: b"\xff" not in data), REPLIES)
def test_what_is_no_frame_is_passed_over(before: Reply, noise: bytes, after: Reply) -> None:
    stream = on_the_wire(before) + noise + on_the_wire(after)

    assert decoded(stream, []) == [before, after]


@given(st.lists(st.one_of(HEADERS, st.binary(max_size=20))).map(b"".join), st.data())
def test_noise_is_read_alike_however_it_is_cut(noise: bytes, draw: st.DataObject) -> None:
    cuts = draw.draw(st.lists(st.integers(0, 400), max_size=5))

    assert decoded(noise, cuts) == decoded(noise, [])


@given(REPLIES, st.data())
def test_half_a_frame_is_none_and_the_next_one_is_read(reply: Reply, draw: st.DataObject) -> None:
    whole = on_the_wire(reply)
    cut = draw.draw(st.integers(0, len(whole) - 1))
    after = Reply(7, 0, b"\x01\x02\x03\x04")

    assert decoded(whole[:cut], []) == []
    assert decoded(whole[:cut] + on_the_wire(after), []) == [after]


@given(REPLIES, st.integers(0, 1000), st.integers(1, 255))
def test_no_error_in_one_byte_passes(reply: Reply, place: int, change: int) -> None:
    damaged = bytearray(on_the_wire(reply))
    damaged[place % len(damaged)] ^= change

    assert decoded(bytes(damaged), []) == []


@given(REPLIES, st.data())
def test_two_wrong_bits_never_pass(reply: Reply, draw: st.DataObject) -> None:
    whole = on_the_wire(reply)
    bits = draw.draw(st.sets(st.integers(7 * 8, len(whole) * 8 - 1), min_size=2, max_size=2))
    damaged = bytearray(whole)
    for bit in bits:
        damaged[bit // 8] ^= 1 << bit % 8

    assert decoded(bytes(damaged), []) == []


def test_our_own_requests_are_no_replies() -> None:
    """On an adapter that echoes they come back."""
    assert decoded(CODEC.ping(1) + CODEC.sync_read([1, 2], 132, 4), []) == []


def test_the_crc_of_nothing_is_nothing() -> None:
    assert crc16(b"") == 0
