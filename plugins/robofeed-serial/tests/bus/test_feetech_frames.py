"""Frames of Feetech's protocol: known bytes, round trips, damage."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robofeed_serial.buses.reply import Reply
from robofeed_serial.feetech.frames import FeetechCodec, FeetechDecoder, frame

CODEC = FeetechCodec()
IDS = st.integers(0, 253)
DATA = st.binary(max_size=40)
REPLIES = st.builds(Reply, IDS, st.integers(0, 255), DATA)


def on_the_wire(reply: Reply) -> bytes:
    return frame(reply.servo_id, reply.error, reply.data)


def decoded(stream: bytes, cuts: list[int]) -> list[Reply]:
    decoder = FeetechDecoder()
    found = []
    edges = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    for start, end in itertools.pairwise(edges):
        found += decoder.feed(stream[start:end])
    return found + decoder.finish()


@pytest.mark.parametrize(
    ("request_bytes", "known"),
    [
        (CODEC.ping(1), "ff ff 01 02 01 fb"),
        (CODEC.read(1, 56, 2), "ff ff 01 04 02 38 02 be"),
        (CODEC.write(0xFE, 5, b"\x01"), "ff ff fe 04 03 05 01 f4"),
        (CODEC.sync_read([1, 2], 56, 8), "ff ff fe 06 82 38 08 01 02 36"),
    ],
    ids=["ping", "read", "write", "sync read"],
)
def test_requests_are_those_of_the_makers_manual(request_bytes: bytes, known: str) -> None:
    assert request_bytes.hex(" ") == known


def test_the_makers_example_of_a_reply_is_read() -> None:
    (reply,) = FeetechDecoder().feed(bytes.fromhex("ff ff 01 04 00 18 05 dd"))

    assert reply == Reply(1, 0, b"\x18\x05")


def test_a_sync_write_has_a_row_for_each_servo() -> None:
    sent = CODEC.sync_write(42, {1: b"\x00\x08", 2: b"\x64\x00"})

    assert sent == frame(0xFE, 0x83, bytes([42, 2, 1, 0, 8, 2, 100, 0]))


@given(st.lists(REPLIES, max_size=5), st.lists(st.integers(0, 300), max_size=5))
def test_replies_come_out_as_they_went_in_however_they_are_cut(
    replies: list[Reply], cuts: list[int]
) -> None:
    assert decoded(b"".join(map(on_the_wire, replies)), cuts) == replies


@given(REPLIES, st.binary(max_size=30).filter(lambda data: b"\xff" not in data), REPLIES)
def test_what_is_no_frame_is_passed_over(before: Reply, noise: bytes, after: Reply) -> None:
    stream = on_the_wire(before) + noise + on_the_wire(after)

    assert decoded(stream, []) == [before, after]


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=5))
def test_noise_is_read_alike_however_it_is_cut(noise: bytes, cuts: list[int]) -> None:
    assert decoded(noise, cuts) == decoded(noise, [])


@given(REPLIES, st.data())
def test_half_a_frame_is_none_and_costs_the_next_nothing(reply: Reply, draw: st.DataObject) -> None:
    whole = on_the_wire(reply)
    cut = draw.draw(st.integers(0, len(whole) - 1))
    after = Reply(7, 0, b"")  # shorter than whatever the half frame still claims

    assert decoded(whole[:cut], []) == []
    found = decoded(whole[:cut] + on_the_wire(after), [])
    assert after in found or reply in found  # the bytes that follow may happen to complete it


@given(REPLIES, st.integers(0, 1000), st.integers(1, 255))
def test_no_error_in_one_byte_passes_as_an_answer_of_the_same_length(
    reply: Reply, place: int, change: int
) -> None:
    damaged = bytearray(on_the_wire(reply))
    damaged[place % len(damaged)] ^= change

    found = decoded(bytes(damaged), [])

    assert [other for other in found if len(other.data) == len(reply.data)] == []


def test_a_header_inside_a_damaged_frame_does_not_hide_the_next_frame() -> None:
    decoder = FeetechDecoder(longest=6)

    found = decoder.feed(
        b"\xff\xff\xff\x01\x04\x00\xff\xff" + on_the_wire(Reply(2, 0, b"\x10\x00"))
    )

    assert found == [Reply(2, 0, b"\x10\x00")]
    assert decoder.crc_errors == 1


def test_a_decoder_waits_no_longer_than_the_longest_reply_takes() -> None:
    decoder = FeetechDecoder(longest=2)
    claims_250_bytes = b"\xff\xff\x01\xfa"

    assert decoder.feed(claims_250_bytes + on_the_wire(Reply(2, 0, b"\x10\x00"))) == [
        Reply(2, 0, b"\x10\x00")
    ]


def test_the_last_byte_of_a_frame_does_not_begin_another() -> None:
    """A checksum of FF, and a frame behind it that lost the first byte of its header."""
    reply = Reply(1, 0, b"\xfc")
    assert on_the_wire(reply)[-1] == 255
    beheaded = on_the_wire(Reply(10, 0, b"\x01"))[1:]
    decoder = FeetechDecoder()

    assert decoder.feed(on_the_wire(reply)) + decoder.feed(beheaded) == [reply]
