"""Both buses against twins with the faults of real ports: never a wrong value."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Sequence

import pytest

from robofeed_serial.buses.servo_bus import ServoFault, ServoState
from robofeed_serial.dynamixel.bus import DynamixelBus
from robofeed_serial.feetech.bus import FeetechBus
from robofeed_serial.twin.process import Twin
from robofeed_serial.wire.errors import PortGone
from robofeed_serial.wire.link import Link

IDS = range(1, 7)
ARMS = {"so101": FeetechBus, "koch": DynamixelBus}
Bus = FeetechBus | DynamixelBus


@pytest.fixture(params=ARMS, scope="module")
def arm(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def running(arm: str) -> Iterator[Twin]:
    with Twin(arm, "--no-gravity", "--seed", "1") as twin:
        yield twin


@pytest.fixture
def twin(running: Twin) -> Iterator[Twin]:
    yield running
    running.clear()


@pytest.fixture
def bus(arm: str, twin: Twin) -> Iterator[Bus]:
    opened = ARMS[arm](Link(str(twin.port), 1_000_000))
    opened.open()
    opened.prepare(IDS)
    yield opened
    opened.close()


def read_for(bus: Bus, cycles: int) -> list[dict[int, ServoState]]:
    """States of so many cycles, with time for retries also on a busy machine."""
    found = []
    for _ in range(cycles):
        found.append(bus.read_states(IDS, budget_s=0.3))
        time.sleep(0.005)
    return found


def true_ticks(twin: Twin) -> dict[int, int]:
    return {servo["servo_id"]: servo["present_ticks"] for servo in twin.state()["servos"]}


def fresh(states: Sequence[dict[int, ServoState]]) -> float:
    """The share of readings that brought something new."""
    pairs = [
        (old[i].time_ns, new[i].time_ns)
        for old, new in itertools.pairwise(states)
        for i in IDS
        if i in old and i in new
    ]
    return sum(new > old for old, new in pairs) / len(pairs)


@pytest.mark.parametrize(
    "fault",
    [
        "corrupt:share=0.1",
        "drop:share=0.1",
        "duplicate:share=0.3",
        "truncate:share=0.1",
        "late:times=20,share=0.2",
        "echo",
        "latency",
    ],
)
def test_no_wrong_value_comes_through(fault: str, bus: Bus, twin: Twin) -> None:
    true = true_ticks(twin)
    twin.fault(fault)
    states = read_for(bus, 20)

    for cycle in states:
        for servo_id, state in cycle.items():
            assert abs(state.position_ticks - true[servo_id]) <= 5
            assert state.faults == ServoFault.NONE
    assert fresh(states) > 0.5


def test_a_damaged_frame_is_counted(bus: Bus, twin: Twin) -> None:
    twin.fault("corrupt:share=0.3")
    read_for(bus, 15)

    assert bus.statistics.crc_errors > 0
    assert bus.statistics.retries > 0


def test_an_adapter_that_hears_itself_is_found_out(bus: Bus, twin: Twin) -> None:
    twin.fault("echo")
    true = true_ticks(twin)
    for _ in range(30):
        states = bus.read_states(IDS)
        bus.write_goals(true)
        assert bus.read(3, "goal_position") == true[3]

    assert all(abs(states[i].position_ticks - true[i]) <= 5 for i in IDS)


def test_a_fault_of_a_servo_is_in_its_state(bus: Bus, twin: Twin) -> None:
    twin.fault("hot:servo_id=4")
    time.sleep(0.1)
    states = read_for(bus, 20)[-1]

    assert ServoFault.HEAT in states[4].faults
    assert states[4].temperature_c is not None and states[4].temperature_c > 70
    assert states[1].faults == ServoFault.NONE


def test_another_model_is_told(bus: Bus, twin: Twin) -> None:
    twin.fault("wrong_model:servo_id=5,number=4321")
    model = bus.ping(5)

    assert model is not None
    assert model.name == "unknown model 4321"


def test_two_servos_with_one_id_are_suspected(bus: Bus, twin: Twin) -> None:
    twin.fault("duplicate_id:servo_id=6,as_id=5")
    found = {each: model for each in (4, 5, 6) if (model := bus.ping(each))}

    assert sorted(found) == [4, 5]
    assert "two servos with this id" in found[5].name


def test_a_pulled_cable_is_noticed_and_coming_back_moves_nothing(bus: Bus, twin: Twin) -> None:
    bus.read_states(IDS)
    entries = len(twin.log())
    twin.fault("unplug:for_s=0.3")
    end_s = time.monotonic() + 5.0
    with pytest.raises(PortGone):
        while time.monotonic() < end_s:
            bus.read_states(IDS)

    bus.close()
    twin.mend()
    bus.open()
    states = bus.read_states(IDS, budget_s=0.5)

    assert sorted(states) == list(IDS)
    assert not {"goal", "torque"} & {entry.what for entry in twin.log()[entries:]}
