"""The makers' own libraries drive the twins over a port, unchanged."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import dynamixel_sdk
import pytest
import scservo_sdk

from robofeed_serial.twin.process import Twin

IDS = range(1, 7)
SAG = 40
"""ticks (3.5 degrees) between goal and place under the arm's own weight"""


@pytest.fixture(scope="module")
def so101() -> Iterator[Twin]:
    with Twin("so101") as twin:
        yield twin


@pytest.fixture(scope="module")
def koch() -> Iterator[Twin]:
    with Twin("koch") as twin:
        yield twin


def answered(port: Any, call: Callable[[], Any]) -> Any:
    """What `call` returns once the twin has answered in time.

    The libraries' time-outs of some 35 ms are short for a busy machine, and what comes later they
    would take for the next answer.
    """
    for _ in range(50):
        result = call()
        code = result if isinstance(result, int) else result[-2]
        if code not in (-6, -7, -3001, -3002):
            return result
        time.sleep(0.05)
        port.ser.reset_input_buffer()
    raise AssertionError(f"no answer: {result}")


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
        for servo in IDS:
            assert answered(port, partial(bus.ping, port, servo)) == (777, 0, 0)
        assert bus.ping(port, 7)[1] == scservo_sdk.COMM_RX_TIMEOUT
        goals = scservo_sdk.GroupSyncWrite(port, bus, 42, 2)
        states = scservo_sdk.GroupSyncRead(port, bus, 56, 6)
        for servo in IDS:
            states.addParam(servo)
        assert answered(port, states.txRxPacket) == 0
        wanted = {servo: states.getData(servo, 56, 2) + 20 * servo - 70 for servo in IDS}
        for servo in IDS:
            goals.addParam(servo, [*wanted[servo].to_bytes(2, "little")])
        assert goals.txPacket() == 0
        for servo in IDS:
            assert answered(port, partial(bus.write1ByteTxRx, port, servo, 40, 1)) == (0, 0)

        def there() -> bool:
            assert answered(port, states.txRxPacket) == 0
            places = {servo: states.getData(servo, 56, 2) for servo in IDS}
            return all(abs(places[servo] - wanted[servo]) < SAG for servo in IDS)

        wait_until(there)
    finally:
        port.closePort()


def test_robotis_library_finds_moves_and_reads_a_koch(koch: Twin) -> None:
    port = dynamixel_sdk.PortHandler(str(koch.port))
    bus = dynamixel_sdk.PacketHandler(2.0)
    assert port.setBaudRate(1_000_000)
    try:
        found, _ = bus.broadcastPing(port)
        assert {servo: model for servo, (model, _) in found.items()} == {
            **dict.fromkeys((1, 2), 1060),
            **dict.fromkeys((3, 4, 5, 6), 1200),
        }
        goals = dynamixel_sdk.GroupSyncWrite(port, bus, 116, 4)
        states = dynamixel_sdk.GroupSyncRead(port, bus, 126, 10)
        for servo in IDS:
            states.addParam(servo)
        assert answered(port, states.txRxPacket) == 0
        wanted = {servo: states.getData(servo, 132, 4) + 20 * servo - 70 for servo in IDS}
        for servo in IDS:
            goals.addParam(servo, [*wanted[servo].to_bytes(4, "little")])
            assert answered(port, partial(bus.write1ByteTxRx, port, servo, 11, 4)) == (0, 0)
            assert answered(port, partial(bus.write1ByteTxRx, port, servo, 64, 1)) == (0, 0)
        assert goals.txPacket() == 0

        def there(read: Callable[[], int]) -> bool:
            assert answered(port, read) == 0
            places = {servo: states.getData(servo, 132, 4) for servo in IDS}
            return all(abs(places[servo] - wanted[servo]) < SAG for servo in IDS)

        wait_until(lambda: there(states.txRxPacket))
        wait_until(lambda: there(states.fastSyncRead))
    finally:
        port.closePort()


def test_robotis_library_is_told_why_something_is_refused(koch: Twin) -> None:
    port = dynamixel_sdk.PortHandler(str(koch.port))
    bus = dynamixel_sdk.PacketHandler(2.0)
    assert port.setBaudRate(1_000_000)

    def write(size: int, address: int, value: int) -> int:
        call = {1: bus.write1ByteTxRx, 4: bus.write4ByteTxRx}[size]
        result, error = answered(port, partial(call, port, 3, address, value))
        assert result == 0
        return int(error)

    try:
        assert write(1, 64, 1) == 0
        assert write(1, 11, 3) == 7, "EEPROM while the torque is on"
        assert write(1, 146, 9) == 7, "read only"
        assert write(1, 98, 128) == 4, "out of range"
        assert write(1, 64, 0) == 0
        assert write(1, 11, 3) == 0
        assert write(4, 116, 5000) == 6, "beyond the position limits"
    finally:
        port.closePort()
