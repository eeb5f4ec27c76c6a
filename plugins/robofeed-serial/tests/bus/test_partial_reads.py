"""Group reads where not everybody answers: whoever does counts, and waits for nobody."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import pytest

from robofeed_serial.dynamixel.bus import DynamixelBus
from robofeed_serial.feetech.bus import FeetechBus
from robofeed_serial.wire.link import Link

from .conftest import Answer, PtyPeer
from .counting_servos import CountingServos, dynamixel_reply, feetech_reply

MakePeer = Callable[[Answer], PtyPeer]
BUSES = {"feetech": FeetechBus, "dynamixel": DynamixelBus}
IDS = (1, 2, 3, 4, 5, 6)
BUDGET_S = 0.2
"""Generous, so that a busy machine does not decide these tests."""


@pytest.fixture(params=BUSES)
def protocol(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def servos(protocol: str) -> CountingServos:
    return CountingServos(protocol, lambda number: [0.0005])


@pytest.fixture
def bus(protocol: str, servos: CountingServos, peer: MakePeer) -> FeetechBus | DynamixelBus:
    opened = BUSES[protocol](Link(peer(servos).url, 1_000_000))
    opened.open()
    return opened


def without(*mute: int) -> Callable[[Sequence[int]], Sequence[int]]:
    return lambda ids: [servo_id for servo_id in ids if servo_id not in mute]


def test_a_mute_servo_keeps_its_last_state_with_its_age(
    bus: FeetechBus, servos: CountingServos
) -> None:
    first = bus.read_states(IDS, budget_s=BUDGET_S)
    servos.order = without(3)
    second = bus.read_states(IDS, budget_s=BUDGET_S)

    assert second[3] == first[3]
    assert all(second[i].time_ns > first[i].time_ns for i in IDS if i != 3)
    assert bus.statistics.time_outs > 0


def test_one_that_never_answered_is_missing(bus: FeetechBus, servos: CountingServos) -> None:
    servos.order = without(3)

    assert sorted(bus.read_states(IDS, budget_s=BUDGET_S)) == [1, 2, 4, 5, 6]


def test_those_behind_a_mute_servo_are_asked_again(bus: FeetechBus, servos: CountingServos) -> None:
    """As where each servo waits for the one before it."""

    def until_the_mute_one(ids: Sequence[int]) -> Sequence[int]:
        return ids[: ids.index(3)] if 3 in ids else ids

    servos.order = until_the_mute_one
    for _ in range(2):
        states = bus.read_states(IDS, budget_s=BUDGET_S)

    assert sorted(states) == [1, 2, 4, 5, 6]


def test_a_mute_servo_does_not_slow_down_the_others(
    bus: FeetechBus, servos: CountingServos
) -> None:
    servos.order = without(3)
    for _ in range(5):
        bus.read_states(IDS)
    before = bus.statistics.time_outs
    started_s = time.monotonic()
    for _ in range(100):
        bus.read_states(IDS)
    took_s = time.monotonic() - started_s

    # It is asked every 0.1 s, and each time costs one time-out with its retry.
    assert bus.statistics.time_outs - before <= 3 * (took_s / 0.1 + 1)


def test_a_servo_that_answers_again_is_back(bus: FeetechBus, servos: CountingServos) -> None:
    servos.order = without(3)
    for _ in range(5):
        bus.read_states(IDS)
    servos.order = lambda ids: ids
    time.sleep(0.15)
    started_ns = time.monotonic_ns()
    states = bus.read_states(IDS, budget_s=BUDGET_S)

    assert states[3].time_ns >= started_ns


def test_nobody_answering_is_no_error_and_ends_in_time(
    bus: FeetechBus, servos: CountingServos
) -> None:
    servos.order = lambda ids: []
    started_s = time.monotonic()

    assert bus.read_states(IDS, budget_s=0.02) == {}
    assert time.monotonic() - started_s < 0.2


def test_after_a_silence_of_all_everybody_is_asked_at_once(
    bus: FeetechBus, servos: CountingServos
) -> None:
    servos.order = lambda ids: []
    for _ in range(5):
        bus.read_states(IDS, budget_s=0.01)
    servos.order = lambda ids: ids

    assert sorted(bus.read_states(IDS, budget_s=BUDGET_S)) == list(IDS)


def test_a_spoilt_reply_is_asked_for_again_within_the_budget(protocol: str, peer: MakePeer) -> None:
    servos = CountingServos(protocol, lambda number: [0.0005])

    def spoilt_once(heard: bytes) -> Sequence[tuple[float, bytes]]:
        answers = servos(heard)
        if servos.count == 2:
            ((after_s, data),) = answers
            return [(after_s, data[:-3] + bytes([data[-3] ^ 1]) + data[-2:])]
        return answers

    bus = BUSES[protocol](Link(peer(spoilt_once).url, 1_000_000))
    bus.open()
    bus.read_states(IDS, budget_s=BUDGET_S)
    started_ns = time.monotonic_ns()
    states = bus.read_states(IDS, budget_s=BUDGET_S)
    bus.close()

    assert all(states[servo_id].time_ns >= started_ns for servo_id in IDS)
    assert states[6].position_ticks > 2  # told by the second request, not the spoilt one
    assert bus.statistics.crc_errors == 1
    assert bus.statistics.retries >= 1


def test_replies_of_servos_nobody_asked_are_thrown_away(
    bus: FeetechBus, servos: CountingServos
) -> None:
    servos.order = lambda ids: [9, *ids]
    states = bus.read_states(IDS, budget_s=BUDGET_S)

    assert sorted(states) == list(IDS)
    assert bus.statistics.misfits >= 1


def test_a_reply_of_another_length_is_no_reply(protocol: str, peer: MakePeer) -> None:
    """The answer to an earlier, shorter read of the same servo."""
    servos = CountingServos(protocol, lambda number: [0.0005])

    def short_first(heard: bytes) -> Sequence[tuple[float, bytes]]:
        answers = servos(heard)
        if servos.count != 1:
            return answers
        make = feetech_reply if protocol == "feetech" else dynamixel_reply
        return [(0.0, make(1, b"\x07")), *answers]

    bus = BUSES[protocol](Link(peer(short_first).url, 1_000_000))
    bus.open()

    assert bus.read(1, "present_position") == 1
    assert bus.statistics.misfits == 1
    bus.close()


@pytest.mark.parametrize("known", [True, False])
def test_what_a_servo_said_before_it_refused_is_no_news(
    known: bool, protocol: str, servos: CountingServos, peer: MakePeer
) -> None:
    """The newest reply counts, also where it says only that something is wrong."""
    make = feetech_reply if protocol == "feetech" else dynamixel_reply

    def refusing(heard: bytes) -> Sequence[tuple[float, bytes]]:
        answers = servos(heard)
        if known and servos.count == 1:
            return answers
        return [(0.0005, make(1, bytes(21 if protocol == "dynamixel" else 15), 0x80) + refusal)]

    refusal = make(1, b"", 0x80)
    bus = BUSES[protocol](Link(peer(refusing).url, 1_000_000), full_every=1)
    bus.open()
    before = bus.read_states([1], budget_s=BUDGET_S) if known else {}

    assert bus.read_states([1], budget_s=BUDGET_S) == before
    assert bus.statistics.replies >= 1
    bus.close()


def test_statistics_tell_what_happened(bus: FeetechBus) -> None:
    for _ in range(20):
        bus.read_states(IDS, budget_s=BUDGET_S)
    counts = bus.statistics

    assert counts.requests >= 20
    assert counts.replies >= 120
    low, high = counts.latency_s(0.0), counts.latency_s(1.0)
    assert low is not None and high is not None and 0.0005 <= low <= high


def test_there_is_no_latency_before_the_first_reply(protocol: str) -> None:
    assert BUSES[protocol](Link("/dev/null", 9600)).statistics.latency_s(0.5) is None


@pytest.mark.parametrize("before", [b"", b"\xff\xff\x01", b"\xff\xff\x01\x04\x00\x09\x09\xe8"])
def test_our_own_request_is_no_reply_whatever_comes_before_it(
    before: bytes, peer: MakePeer
) -> None:
    """A Feetech read of two bytes, heard again, has the form of its reply."""
    servos = CountingServos("feetech", lambda number: [0.0005])

    def echoing(heard: bytes) -> Sequence[tuple[float, bytes]]:
        return [(0.0, before + heard), *servos(heard)]

    bus = FeetechBus(Link(peer(echoing).url, 1_000_000))
    bus.open()

    bus.read(1, "present_position")  # by which the echo is learned
    for _ in range(5):
        assert bus.read(1, "present_position") == servos.count  # told by the newest request
    bus.close()
