from __future__ import annotations

import json
from dataclasses import asdict
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from robofeed import HardwareError
from robofeed_serial.rfp.config import BoardConfig, JointConfig
from robofeed_serial.rfp.frames import (
    LONGEST_PAYLOAD,
    LONGEST_WIRE,
    BadFrame,
    Frame,
    FrameReader,
    crc16,
    stuffed,
    unstuffed,
)
from robofeed_serial.rfp.messages import BoardState, Hello, Refusal

VECTORS: dict[str, Any] = json.loads(
    (files("robofeed_hardware") / "vectors" / "rfp_frames.json").read_text("utf-8")
)
FRAMES = {vector["name"]: vector for vector in VECTORS["frames"]}
byte = st.integers(0, 255)
frames = st.builds(Frame, byte, byte, st.binary(max_size=LONGEST_PAYLOAD))


@pytest.mark.parametrize("name", FRAMES)
def test_golden_frames(name: str) -> None:
    vector = FRAMES[name]
    frame = Frame(vector["kind"], vector["sequence"], bytes.fromhex(vector["payload"]))
    wire = bytes.fromhex(vector["wire"])

    assert frame.to_wire() == wire
    assert Frame.from_wire(wire) == frame


@pytest.mark.parametrize("vector", VECTORS["refused_by_both_sides"], ids=lambda v: v["name"])
def test_golden_garbage(vector: dict[str, str]) -> None:
    wire = bytes.fromhex(vector["wire"])
    reader = FrameReader()

    with pytest.raises(BadFrame):
        Frame.from_wire(wire)
    assert list(reader.feed(wire)) == []
    assert reader.bad_frames == 1


@pytest.mark.parametrize(
    ("name", "message"),
    [("hello_answer", Hello), ("state_answer", BoardState), ("refused", Refusal)],
)
def test_golden_answers(name: str, message: type[Hello | BoardState | Refusal]) -> None:
    told = asdict(message.from_payload(bytes.fromhex(FRAMES[name]["payload"])))

    assert json.loads(json.dumps(told)) == FRAMES[name]["fields"]


@pytest.mark.parametrize("vector", VECTORS["eeprom"], ids=lambda v: v["name"])
def test_golden_eeprom(vector: dict[str, Any]) -> None:
    joints = tuple(JointConfig(*values) for values in vector["joints"])
    config = BoardConfig(joints, **vector["board"])

    assert config.to_eeprom().hex() == vector["image"]
    parts = [joint.to_bytes() for joint in config.joints]
    assert BoardConfig.from_parts(config.board_bytes(), parts) == config


@given(frames)
def test_a_frame_survives_the_wire(frame: Frame) -> None:
    wire = frame.to_wire()

    assert wire.index(0) == len(wire) - 1
    assert len(wire) == len(frame.payload) + 6 <= LONGEST_WIRE
    assert Frame.from_wire(wire) == frame


@given(st.lists(frames, max_size=5), st.lists(st.integers(1, 40)), st.binary(max_size=90))
def test_frames_are_found_in_any_pieces_after_any_garbage(
    sent: list[Frame], pieces: list[int], garbage: bytes
) -> None:
    reader = FrameReader()
    stream = garbage + b"\0" + b"".join(frame.to_wire() for frame in sent)
    found: list[Frame] = []
    for size in [*pieces, len(stream)]:
        found += reader.feed(stream[:size])
        stream = stream[size:]

    assert found[len(found) - len(sent) :] == sent


@given(frames, st.data())
def test_a_cut_frame_is_none(frame: Frame, data: st.DataObject) -> None:
    # A checksum of 0000 stays so over zeros: the lengths that belong to the types refuse those.
    assume(crc16(bytes((frame.kind, frame.sequence)) + frame.payload) != 0)
    wire = frame.to_wire()
    cut = data.draw(st.integers(0, len(wire) - 2))

    with pytest.raises(BadFrame):
        Frame.from_wire(wire[:cut])


@given(frames, st.data())
def test_up_to_two_flipped_bits_of_the_unstuffed_frame_are_noticed(
    frame: Frame, data: st.DataObject
) -> None:
    # What the CRC promises. Flips on the wire can also move the stuffing, where 2^-16 get through.
    raw = bytearray(unstuffed(frame.to_wire()[:-1]))
    bits = data.draw(st.sets(st.integers(0, 8 * len(raw) - 1), min_size=1, max_size=2))
    for bit in bits:
        raw[bit // 8] ^= 1 << bit % 8

    with pytest.raises(BadFrame):
        Frame.from_wire(stuffed(bytes(raw)))


@given(st.binary(max_size=300))
def test_garbage_is_counted_and_breaks_nothing(garbage: bytes) -> None:
    reader = FrameReader()
    found = list(reader.feed(garbage + b"\0"))

    assert len(found) + reader.bad_frames == sum(1 for piece in garbage.split(b"\0") if piece)


def test_an_endless_frame_takes_no_memory() -> None:
    reader = FrameReader()
    for _ in range(1000):
        assert list(reader.feed(b"\x11" * 1000)) == []
    assert list(reader.feed(b"\0" + Frame(1, 2).to_wire())) == [Frame(1, 2)]
    assert reader.bad_frames == 1


@pytest.mark.parametrize("message", [Hello, BoardState, Refusal])
@given(payload=st.binary(max_size=40))
def test_answers_of_another_firmware_are_refused_aloud(
    message: type[Hello | BoardState | Refusal], payload: bytes
) -> None:
    try:
        message.from_payload(payload)
    except HardwareError as error:
        assert "firmware" in str(error)


def test_a_payload_that_does_not_fit_is_not_sent() -> None:
    with pytest.raises(ValueError, match="at most 58"):
        Frame(1, 2, bytes(59)).to_wire()
