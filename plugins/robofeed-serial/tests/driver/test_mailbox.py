"""The newest value between two processes: whole, newest, and never waited for."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robofeed_serial.supervision.mailbox import Mailbox
from robofeed_serial.supervision.messages import Failure, Mode, Order, Report, Request


def test_nothing_is_there_before_the_first_letter() -> None:
    assert Mailbox(memoryview(bytearray(256)), 0, 256).newest() is None


@given(letters=st.lists(st.binary(max_size=100), min_size=1, max_size=8))
def test_the_newest_letter_is_read(letters: list[bytes]) -> None:
    memory = memoryview(bytearray(300))
    writer, reader = Mailbox(memory, 20, 256), Mailbox(memory, 20, 256)
    for letter in letters:
        writer.put(letter)

    assert reader.newest() == (len(letters), letters[-1])


@given(harm=st.integers(0, 40), bit=st.integers(0, 7))
def test_a_half_written_letter_gives_way_to_the_one_before(harm: int, bit: int) -> None:
    memory = memoryview(bytearray(256))
    box = Mailbox(memory, 0, 256)
    box.put(b"older")
    box.put(b"newer, of twenty-five bytes")
    memory[harm] ^= 1 << bit  # the second letter lies in the first half

    found = box.newest()

    assert found in ((1, b"older"), (2, b"newer, of twenty-five bytes"))
    assert found == (1, b"older") or harm >= 16 + 27 or box.newest() == found


def test_a_letter_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="100 bytes"):
        Mailbox(memoryview(bytearray(128)), 0, 128).put(bytes(100))


@given(goal=st.lists(st.floats(allow_nan=False), min_size=6, max_size=6), moving=st.booleans())
def test_an_order_arrives_as_it_was_sent(goal: list[float], moving: bool) -> None:
    order = Order(123, moving, tuple(goal), Request.PARK, 7)

    assert Order.unpack(order.pack(), 6) == order


@settings(max_examples=30)
@given(reason=st.text(max_size=200))
def test_a_report_arrives_as_it_was_sent(reason: str) -> None:
    three = (0.1, -0.2, 0.3)
    report = Report(5, Mode.MOVING, True, Failure.CONFIG, 9, three, three, three, reason, 2, 100)

    assert Report.unpack(report.pack()) == report


@given(letter=st.binary(max_size=60))
def test_garbage_is_no_order(letter: bytes) -> None:
    try:
        Order.unpack(letter, 6)
    except ValueError:
        return
    assert len(letter) == 14 + 48
