"""The wire's clock: every byte takes its time, one after the other, and none comes early."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robofeed_serial.twin.servo import Reply
from robofeed_serial.twin.wire import PACKET_BYTES, SILENCE_NS, Wire

BAUD = 1_000_000
BYTE_NS = 10_000


class Answers:
    """A line of servos that answer everything with these frames."""

    def __init__(self, *replies: Reply) -> None:
        self.replies = list(replies)
        self.forgotten = 0

    def receive(self, data: bytes, baud: int) -> list[Reply]:
        return self.replies

    def forget(self) -> None:
        self.forgotten += 1


def test_request_delay_and_reply_take_their_time() -> None:
    wire = Wire(Answers(Reply(1, bytes(8), delay_ns=500_000)))

    wire.receive(bytes(6), BAUD, 1000)

    due_ns = 1000 + 6 * BYTE_NS + 500_000 + 8 * BYTE_NS
    assert wire.next_due_ns() == due_ns
    assert wire.take(due_ns - 1) == b""
    assert wire.take(due_ns) == bytes(8)
    assert wire.next_due_ns() is None


def test_what_is_sent_meanwhile_waits_for_the_wire() -> None:
    wire = Wire(Answers(Reply(1, bytes(8))))
    wire.receive(bytes(6), BAUD, 0)

    wire.receive(bytes(6), BAUD, 10)

    assert wire.take(2 * 14 * BYTE_NS - 1) == bytes(8)
    assert wire.take(2 * 14 * BYTE_NS) == bytes(8)


def test_frames_that_follow_closely_come_together_up_to_a_packet() -> None:
    wire = Wire(Answers(*(Reply(n, bytes([n] * 12)) for n in range(6))))

    wire.receive(bytes(14), BAUD, 0)
    first_ns = wire.next_due_ns()
    assert first_ns is not None
    first = wire.take(first_ns)
    second_ns = wire.next_due_ns()
    assert second_ns is not None

    assert len(first) == 60 <= PACKET_BYTES
    assert first_ns == (14 + 60) * BYTE_NS
    assert second_ns == (14 + 72) * BYTE_NS


def test_frames_with_a_pause_between_come_one_by_one() -> None:
    wire = Wire(Answers(Reply(1, bytes(8)), Reply(2, bytes(8), delay_ns=500_000)))

    wire.receive(bytes(6), BAUD, 0)

    assert wire.next_due_ns() == 14 * BYTE_NS


@pytest.mark.parametrize("baud", [0, BAUD])
def test_unpaced_nothing_takes_time(baud: int) -> None:
    wire = Wire(Answers(Reply(1, bytes(8))), paced=False)

    wire.receive(bytes(6), baud, 5)

    assert wire.take(5) == bytes(8)


def test_a_silence_makes_servos_forget_half_a_frame() -> None:
    line = Answers()
    wire = Wire(line)
    wire.receive(bytes(3), BAUD, 100)
    forgotten = line.forgotten

    wire.receive(bytes(3), BAUD, SILENCE_NS // 2)
    assert line.forgotten == forgotten
    wire.receive(bytes(3), BAUD, 3 * SILENCE_NS)

    assert line.forgotten == forgotten + 1


@given(
    frames=st.lists(st.tuples(st.binary(min_size=1, max_size=30), st.integers(0, 10**6))),
    asked=st.integers(1, 30),
)
def test_every_byte_comes_once_in_order_and_never_early(
    frames: list[tuple[bytes, int]], asked: int
) -> None:
    wire = Wire(Answers(*(Reply(1, frame, delay) for frame, delay in frames)))
    wire.receive(bytes(asked), BAUD, 0)
    heard, earliest = b"", asked * BYTE_NS
    ends = []
    for frame, delay in frames:
        earliest += delay + len(frame) * BYTE_NS
        ends.append(earliest)
    while (due_ns := wire.next_due_ns()) is not None:
        heard += wire.take(due_ns)
        there = [frame for (frame, _), end in zip(frames, ends, strict=True) if end <= due_ns]
        assert len(heard) == sum(map(len, there))

    assert heard == b"".join(frame for frame, _ in frames)
