"""Weights through shared memory: the newest whole ones, whatever becomes of their writer."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from robofeed.act.policy_slot import PolicySlot

COUNT = 5


def slots() -> tuple[memoryview, PolicySlot, PolicySlot]:
    memory = memoryview(bytearray(PolicySlot.nbytes(COUNT)))
    return memory, PolicySlot(memory, COUNT), PolicySlot(memory, COUNT)


def weights(value: float) -> np.ndarray:
    return np.full(COUNT, value, np.float32)


def test_an_empty_slot_has_nothing() -> None:
    assert slots()[2].newest() is None


def test_the_newest_is_read_as_often_as_wanted() -> None:
    _, writer, reader = slots()
    for number in (1, 2, 3):
        writer.put(weights(number))
        for _ in range(2):
            newest = reader.newest()
            assert newest is not None and newest[0] == number
            np.testing.assert_array_equal(newest[1], weights(number))


def test_a_reader_that_finds_the_writer_at_both_copies_keeps_the_last() -> None:
    memory, writer, reader = slots()
    writer.put(weights(1))
    writer.put(weights(2))
    before = reader.newest()
    writer.put(weights(3))
    writer.put(weights(4))
    for half in (0, len(memory) // 2):
        memory[half + len(memory) // 2 - 1] ^= 0xFF  # as while it is written
    newest = reader.newest()
    assert before is not None and newest is not None and newest[0] == before[0] == 2
    np.testing.assert_array_equal(newest[1], weights(2))


@given(st.integers(1, 4), st.data())
def test_a_copy_that_was_half_written_is_never_read(published: int, data: st.DataObject) -> None:
    memory, writer, reader = slots()
    for number in range(1, published + 1):
        writer.put(weights(number))
    before = bytes(memory)
    writer.put(weights(published + 1))
    after = bytes(memory)
    changed = [at for at in range(len(after)) if before[at] != after[at]]
    written = data.draw(st.integers(0, len(changed) - 1))
    memory[:] = before
    for at in changed[:written]:
        memory[at] = after[at]

    newest = reader.newest()
    assert newest is not None and newest[0] == published
    np.testing.assert_array_equal(newest[1], weights(published))
