"""The makers' own libraries drive the twins over a port, unchanged."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import dynamixel_sdk
import pytest
import scservo_sdk

from robofeed_serial.twin.process import Twin

IDS = range(1, 7)


@pytest.fixture(scope="module")
def so101() -> Iterator[Twin]:
    with Twin("so101") as twin:
        yield twin


@pytest.fixture(scope="module")
def koch() -> Iterator[Twin]:
    with Twin("koch") as twin:
        yield twin


def wait_until(holds: Callable[[], bool]) -> None:
    end_s = time.monotonic() + 20.0
    while not holds():
        assert time.monotonic() < end_s
        time.sleep(0.02)


def test_feetechs_library_finds_moves_and_reads_an_so101(so101: Twin) -> None:
    port = scservo_sdk.PortHandler(str(so101.port))
    bus = scservo_sdk.PacketHandler(0)
    assert port.setBaudRate(1_000_000)
    try:
        assert [bus.ping(port, servo)[:2] for servo in IDS] == [(777, 0)] * 6
        assert bus.ping(port, 7)[1] == scservo_sdk.COMM_RX_TIMEOUT
        for servo in IDS:
            assert bus.write2ByteTxRx(port, servo, 42, 2048) == (0, 0)
            assert bus.write1ByteTxRx(port, servo, 40, 1) == (0, 0)
        goals = scservo_sdk.GroupSyncWrite(port, bus, 42, 2)
        states = scservo_sdk.GroupSyncRead(port, bus, 56, 6)
        for servo in IDS:
            goals.addParam(servo, [*(2000 + 50 * servo).to_bytes(2, "little")])
            states.addParam(servo)
        assert goals.txPacket() == 0

        def there() -> bool:
            assert states.txRxPacket() == 0
            places = [states.getData(servo, 56, 2) for servo in IDS]
            return all(abs(p - 2000 - 50 * s) < 12 for s, p in zip(IDS, places, strict=True))

        wait_until(there)
    finally:
        port.closePort()


def test_robotis_library_finds_moves_and_reads_a_koch(koch: Twin) -> None:
    port = dynamixel_sdk.PortHandler(str(koch.port))
    bus = dynamixel_sdk.PacketHandler(2.0)
    assert port.setBaudRate(1_000_000)
    try:
        found, result = bus.broadcastPing(port)
        assert result == 0
        assert {servo: model for servo, (model, _) in found.items()} == {
            **dict.fromkeys((1, 2), 1060),
            **dict.fromkeys((3, 4, 5, 6), 1200),
        }
        for servo in IDS:
            assert bus.write1ByteTxRx(port, servo, 11, 4) == (0, 0)
            assert bus.write1ByteTxRx(port, servo, 64, 1) == (0, 0)
        goals = dynamixel_sdk.GroupSyncWrite(port, bus, 116, 4)
        states = dynamixel_sdk.GroupSyncRead(port, bus, 126, 10)
        for servo in IDS:
            goals.addParam(servo, [*(1900 + 40 * servo).to_bytes(4, "little")])
            states.addParam(servo)
        assert goals.txPacket() == 0

        def there(read: Callable[[], int]) -> bool:
            assert read() == 0
            places = [states.getData(servo, 132, 4) for servo in IDS]
            return all(abs(p - 1900 - 40 * s) < 12 for s, p in zip(IDS, places, strict=True))

        wait_until(lambda: there(states.txRxPacket))
        wait_until(lambda: there(states.fastSyncRead))
    finally:
        port.closePort()


def test_robotis_library_is_told_why_something_is_refused(koch: Twin) -> None:
    port = dynamixel_sdk.PortHandler(str(koch.port))
    bus = dynamixel_sdk.PacketHandler(2.0)
    assert port.setBaudRate(1_000_000)
    try:
        assert bus.write1ByteTxRx(port, 3, 64, 1) == (0, 0)
        assert bus.write1ByteTxRx(port, 3, 11, 3) == (0, 7)  # EEPROM while the torque is on
        assert bus.write1ByteTxRx(port, 3, 146, 9) == (0, 7)  # read only
        assert bus.write1ByteTxRx(port, 3, 98, 128) == (0, 4)  # out of range
        assert bus.write1ByteTxRx(port, 3, 64, 0) == (0, 0)
        assert bus.write1ByteTxRx(port, 3, 11, 3) == (0, 0)
        assert bus.write4ByteTxRx(port, 3, 116, 5000) == (0, 6)  # beyond the position limits
    finally:
        port.closePort()
