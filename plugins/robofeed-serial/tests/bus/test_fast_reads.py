"""Dynamixels that answer a group reading in one frame: damage, who cannot, who is mute."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robofeed_serial.buses.reply import Reply
from robofeed_serial.dynamixel.bus import DynamixelBus
from robofeed_serial.dynamixel.frames import DynamixelDecoder
from robofeed_serial.twin.arm import TwinArm
from robofeed_serial.twin.dynamixel_line import DynamixelLine, checksum
from robofeed_serial.twin.dynamixel_servo import XL330_M288, DynamixelServo
from robofeed_serial.twin.supply import Supply
from robofeed_serial.wire.link import Link

from .conftest import Answer, PtyPeer

IDS = (1, 2, 3)
SIZE = 10
FAST, ORDINARY = b"\xfe\x0a\x00\x8a", b"\xfe\x0a\x00\x82"
"""The id, length and instruction of such a request to three servos."""
BUDGET_S = 0.2

BLOCKS = st.lists(
    st.builds(
        Reply,
        st.integers(0, 252),
        st.integers(0, 255),
        st.one_of(
            st.binary(min_size=SIZE, max_size=SIZE),
            st.just(b"\xff\xff\xfd\x00\xff\xff\xfd\xfd\x00\x55"),  # nothing is stuffed here
        ),
    ),
    min_size=1,
    max_size=8,
)


def single_frame(replies: list[Reply]) -> bytes:
    """As the maker's manual has it."""
    total = 1 + len(replies) * (SIZE + 4)
    whole = b"\xff\xff\xfd\x00\xfe" + total.to_bytes(2, "little") + b"\x55"
    for reply in replies:
        whole += bytes([reply.error, reply.servo_id]) + reply.data
        whole += checksum(whole).to_bytes(2, "little")
    return whole


@given(replies=BLOCKS, cut=st.integers(0, 200), noise=st.binary(max_size=5))
def test_a_fast_answer_is_understood_wherever_it_is_cut(
    replies: list[Reply], cut: int, noise: bytes
) -> None:
    stream = noise + single_frame(replies)
    decoder = DynamixelDecoder(SIZE)

    found = decoder.feed(stream[:cut]) + decoder.feed(stream[cut:]) + decoder.finish()

    assert found == replies
    assert decoder.crc_errors == 0


@given(replies=BLOCKS, where=st.integers(0, 10**6), turned=st.integers(1, 255))
def test_damage_costs_the_servos_from_there_on(
    replies: list[Reply], where: int, turned: int
) -> None:
    stream = bytearray(single_frame(replies))
    place = 8 + where % (len(stream) - 8)
    stream[place] ^= turned
    intact = (place - 8) // (SIZE + 4)

    decoder = DynamixelDecoder(SIZE)
    found = decoder.feed(bytes(stream)) + decoder.finish()

    assert found == replies[:intact]
    assert decoder.crc_errors > 0


@given(replies=BLOCKS, length=st.integers(0, 200))
def test_what_came_of_a_frame_that_broke_off_counts(replies: list[Reply], length: int) -> None:
    stream = single_frame(replies)
    whole = max(0, min(length, len(stream)) - 8) // (SIZE + 4)
    decoder = DynamixelDecoder(SIZE)

    assert decoder.feed(stream[:length]) + decoder.finish() == replies[:whole]


class Servos:
    """Three servos in memory behind a pty, powered and at once ready to answer."""

    def __init__(self, make_peer: Callable[[Answer], PtyPeer]) -> None:
        self.servos = [
            DynamixelServo(number, number + 1, XL330_M288, 0.1 * number) for number in range(3)
        ]
        TwinArm(self.servos, Supply(5.0)).advance(2_000_000_000)
        self.mute: set[int] = set()
        self.asked: list[bytes] = []
        """the group readings they heard, by their kind"""
        self._line = DynamixelLine(self.servos)
        self.port = make_peer(self._answer).url

    def _answer(self, heard: bytes) -> list[tuple[float, bytes]]:
        self.asked += [kind for kind in (FAST, ORDINARY) if kind in heard]
        awake = [servo for servo in self.servos if servo.servo_id not in self.mute]
        self._line.servos = awake
        return [(0.0, reply.frame) for reply in self._line.receive(heard, 0)]


@pytest.fixture
def servos(peer: Callable[[Answer], PtyPeer]) -> Servos:
    return Servos(peer)


def opened(servos: Servos, *, fast: bool = True) -> DynamixelBus:
    bus = DynamixelBus(Link(servos.port, 1_000_000), fast=fast)
    bus.open()
    bus.prepare(IDS)
    return bus


def test_servos_that_can_are_read_in_one_frame(servos: Servos) -> None:
    bus = opened(servos)
    states = bus.read_states(IDS, budget_s=BUDGET_S)
    bus.close()

    assert {i: state.position_ticks for i, state in states.items()} == {1: 2048, 2: 2113, 3: 2178}
    assert servos.asked == [FAST, FAST]  # the trial in `prepare`, and this one


def test_one_of_them_with_older_firmware_is_read_the_ordinary_way(servos: Servos) -> None:
    servos.servos[1].registers["firmware"] = 45
    bus = opened(servos)

    states = bus.read_states(IDS, budget_s=BUDGET_S)
    bus.close()

    assert sorted(states) == [1, 2, 3]
    assert servos.asked == [FAST, ORDINARY]


def test_it_can_be_left_out(servos: Servos) -> None:
    bus = opened(servos, fast=False)
    assert sorted(bus.read_states(IDS, budget_s=BUDGET_S)) == [1, 2, 3]
    bus.close()
    assert servos.asked == [ORDINARY]


def test_while_one_is_mute_each_of_the_others_answers_for_itself(servos: Servos) -> None:
    bus = opened(servos)
    first = bus.read_states(IDS, budget_s=BUDGET_S)
    servos.mute = {1}
    bus.read_states(IDS, budget_s=BUDGET_S)
    during = bus.read_states(IDS, budget_s=BUDGET_S)
    servos.mute = set()
    after = bus.read_states(IDS, budget_s=BUDGET_S)
    bus.read_states(IDS, budget_s=BUDGET_S)
    bus.close()

    assert during[1] == first[1]
    assert all(during[i].time_ns > first[i].time_ns for i in (2, 3))
    assert after[1].time_ns > first[1].time_ns
    assert servos.asked[2] == FAST
    assert ORDINARY in servos.asked
    assert servos.asked[-1] == FAST
