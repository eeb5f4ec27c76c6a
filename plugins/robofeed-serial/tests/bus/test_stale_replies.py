"""One late reply must not make every later reading one cycle old.

Positions here are the numbers of the requests that asked for them, so a reading taken now that
holds an earlier request's number is stale, however right its checksum.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import dynamixel_sdk
import pytest
import scservo_sdk

from robofeed_serial.dynamixel.bus import DynamixelBus
from robofeed_serial.feetech.bus import FeetechBus
from robofeed_serial.wire.link import Link

from .conftest import Answer, PtyPeer
from .counting_servos import CountingServos, Delay

MakePeer = Callable[[Answer], PtyPeer]
BUSES = {"feetech": FeetechBus, "dynamixel": DynamixelBus}
IDS = (1, 2, 3)
LATE_S = 0.045
DISTURBED = 5
"""The number of the request whose answer is disturbed."""
CYCLES = 40
USUAL_S = 0.001


def late_once(number: int) -> Sequence[float]:
    return [LATE_S] if number == DISTURBED else [USUAL_S]


def late_and_answered_again(number: int) -> Sequence[float]:
    return [USUAL_S, 1.4 * USUAL_S, 1.8 * USUAL_S] if number == DISTURBED else [USUAL_S]


class Stall:
    """From one request on nothing comes until `LATE_S` later; then all of it, in order."""

    def __init__(self) -> None:
        self._until_s = 0.0

    def __call__(self, number: int) -> Sequence[float]:
        now_s = time.monotonic()
        if number == DISTURBED:
            self._until_s = now_s + LATE_S
        return [max(USUAL_S, self._until_s - now_s)]


def stale_cycles(
    protocol: str, delay: Delay, make_peer: MakePeer, period_s: float
) -> tuple[list[int], FeetechBus | DynamixelBus]:
    """The cycles in which our bus took an older answer for the one to its own request."""
    servos = CountingServos(protocol, delay)
    bus = BUSES[protocol](Link(make_peer(servos).url, 1_000_000))
    bus.open()
    stale = []
    for cycle in range(CYCLES):
        started_ns, before = time.monotonic_ns(), servos.count
        states = bus.read_states(IDS)
        fresh = [state for state in states.values() if state.time_ns >= started_ns]
        if any(state.position_ticks <= before for state in fresh):
            stale.append(cycle)
        time.sleep(period_s)
    bus.close()
    return stale, bus


@pytest.mark.parametrize("protocol", ["feetech", "dynamixel"])
@pytest.mark.parametrize("period_s", [0.0, 0.002, 0.02])
@pytest.mark.parametrize("fault", ["late once", "stall", "answered again"])
def test_a_late_reply_spoils_one_reading_at_most(
    protocol: str, period_s: float, fault: str, peer: MakePeer
) -> None:
    faults = {"late once": late_once, "answered again": late_and_answered_again}
    delay = Stall() if fault == "stall" else faults[fault]

    stale, bus = stale_cycles(protocol, delay, peer, period_s)

    # A busy machine makes replies late as well; each may spoil one reading, none the next ones.
    assert len(stale) <= max(1, bus.statistics.time_outs)
    assert len([cycle for cycle in stale if cycle >= CYCLES - 10]) <= 1
    if fault != "answered again":  # that may all come within one exchange
        assert bus.statistics.time_outs > 0


@pytest.mark.parametrize("protocol", ["feetech", "dynamixel"])
def test_a_single_read_is_not_answered_by_the_read_before(protocol: str, peer: MakePeer) -> None:
    servos = CountingServos(protocol, late_and_answered_again)
    bus = BUSES[protocol](Link(peer(servos).url, 1_000_000))
    bus.open()
    stale = 0
    for _ in range(CYCLES):
        before = servos.count
        stale += bus.read(1, "present_position") <= before
    bus.close()

    assert stale <= 1


# --- the makers' libraries, for comparison --------------------------------------------------------


def feetech_library(url: str) -> Callable[[], int | None]:
    port = scservo_sdk.PortHandler(url)
    packets = scservo_sdk.PacketHandler(0)
    group = scservo_sdk.GroupSyncRead(port, packets, 56, 2)
    assert port.openPort()
    for servo_id in IDS:
        group.addParam(servo_id)

    def read() -> int | None:
        if group.txRxPacket() != scservo_sdk.COMM_SUCCESS:
            return None
        return int(group.getData(1, 56, 2))

    return read


def dynamixel_library(url: str) -> Callable[[], int | None]:
    port = dynamixel_sdk.PortHandler(url)
    group = dynamixel_sdk.GroupSyncRead(port, dynamixel_sdk.PacketHandler(2.0), 132, 4)
    assert port.openPort()
    for servo_id in IDS:
        group.addParam(servo_id)

    def read() -> int | None:
        if group.txRxPacket() != dynamixel_sdk.COMM_SUCCESS:
            return None
        return int(group.getData(1, 132, 4))

    return read


def stale_with(
    library: Callable[[str], Callable[[], int | None]], servos: CountingServos, url: str
) -> int:
    """How many of the last 10 readings, which the library calls a success, are old."""
    read = library(url)
    stale = 0
    for cycle in range(CYCLES):
        before = servos.count
        told = read()
        if told is not None and told <= before and cycle >= CYCLES - 10:
            stale += 1
        time.sleep(0.02)
    return stale


def test_feetechs_library_is_one_cycle_behind_for_ever(peer: MakePeer) -> None:
    """Why there is a bus of our own. If this fails, the library has been mended."""
    servos = CountingServos("feetech", late_once)

    assert stale_with(feetech_library, servos, peer(servos).url) == 10


def test_dynamixels_library_has_been_mended(peer: MakePeer) -> None:
    """4.x throws stale input away; 3.8.4, as LeRobot uses it, stays behind for ever."""
    servos = CountingServos("dynamixel", late_once)

    assert stale_with(dynamixel_library, servos, peer(servos).url) == 0
