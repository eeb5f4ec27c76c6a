"""Dynamixels say with one bit that they have a fault: what is told first is the right one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from robofeed_serial.buses.group_reader import Timed
from robofeed_serial.buses.servo_bus import ServoFault
from robofeed_serial.dynamixel.bus import UNTOLD_READS, DynamixelBus
from robofeed_serial.dynamixel.registers import HARDWARE_ERROR
from robofeed_serial.twin.process import Twin
from robofeed_serial.wire.link import Link

IDS = range(1, 7)


@pytest.fixture(scope="module")
def running() -> Iterator[Twin]:
    with Twin("koch", "--no-gravity", "--seed", "1") as twin:
        yield twin


@pytest.fixture
def twin(running: Twin) -> Iterator[Twin]:
    yield running
    running.clear()


@pytest.fixture
def bus(twin: Twin) -> Iterator[DynamixelBus]:
    opened = DynamixelBus(Link(str(twin.port), 1_000_000))
    opened.open()
    opened.prepare(IDS)
    for _ in range(100):  # those of the test before have rebooted
        faults = [state.faults for state in opened.read_states(IDS, budget_s=0.3).values()]
        if len(faults) == len(IDS) and not any(faults):
            break
        for servo_id in IDS:
            opened.reboot(servo_id)
        time.sleep(0.5)
    yield opened
    opened.close()


def first_faults(bus: DynamixelBus, budget_s: float = 0.3) -> dict[int, ServoFault]:
    """What is said of each servo the first time that anything is."""
    end_s = time.monotonic() + 5.0
    while time.monotonic() < end_s:
        told = {
            each: state.faults for each, state in bus.read_states(IDS, budget_s=budget_s).items()
        }
        if any(told.values()):
            return {each: faults for each, faults in told.items() if faults}
        time.sleep(0.005)
    raise AssertionError("no fault was told of")


def test_a_hot_servo_is_hot_from_the_first_word(bus: DynamixelBus, twin: Twin) -> None:
    twin.fault("hot:servo_id=4")

    assert first_faults(bus) == {4: ServoFault.HEAT}


def test_so_is_one_on_a_line_that_loses_replies(bus: DynamixelBus, twin: Twin) -> None:
    twin.fault("drop:share=0.3")
    twin.fault("hot:servo_id=2")

    assert first_faults(bus) == {2: ServoFault.HEAT}


def test_many_are_asked_at_once(bus: DynamixelBus, twin: Twin) -> None:
    twin.fault("low_voltage")
    told = first_faults(bus)

    assert set(told.values()) == {ServoFault.VOLTAGE}


def test_a_servo_that_never_says_has_an_unknown_fault(
    bus: DynamixelBus, twin: Twin, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = bus._reader
    read = reader.read

    def silent(ids: Any, address: int, *rest: Any, **named: Any) -> dict[int, Timed]:
        return {} if address == HARDWARE_ERROR.address else read(ids, address, *rest, **named)

    monkeypatch.setattr(reader, "read", silent)
    twin.fault("hot:servo_id=4")
    requests = 0
    while not bus._untold and requests < 500:
        bus.read_states(IDS, budget_s=0.3)
        requests += 1
    for _ in range(UNTOLD_READS - 2):
        assert bus.read_states(IDS, budget_s=0.3)[4].faults is ServoFault.NONE
    assert bus.read_states(IDS, budget_s=0.3)[4].faults is ServoFault.UNKNOWN
    monkeypatch.undo()

    assert bus.read_states(IDS, budget_s=0.3)[4].faults is ServoFault.HEAT
