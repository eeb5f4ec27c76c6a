"""Both buses against twins of an SO-101 and a Koch: every item of the contract, over real bytes."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from robofeed import ConfigError
from robofeed_serial.buses.servo_bus import (
    Item,
    ServoBus,
    ServoFault,
    ServoMode,
    ServoModel,
    ServoRefused,
)
from robofeed_serial.dynamixel.bus import DynamixelBus
from robofeed_serial.feetech.bus import FeetechBus
from robofeed_serial.twin.process import Twin
from robofeed_serial.wire.errors import BusTimeout, PortGone
from robofeed_serial.wire.link import Link

IDS = range(1, 7)
ARMS = {"so101": FeetechBus, "koch": DynamixelBus}


def over(twin: Twin, arm: str) -> ServoBus:
    bus: ServoBus = ARMS[arm](Link(str(twin.port), 1_000_000))
    bus.open()
    return bus


def true_ticks(twin: Twin) -> dict[int, int]:
    """Where the servos really are, by the twin's own account."""
    return {servo["servo_id"]: servo["present_ticks"] for servo in twin.state()["servos"]}


def inwards(ticks: int, by: int) -> int:
    """`by` ticks away, towards the middle of the joint's range."""
    return ticks + by if ticks < 2048 else ticks - by


@pytest.fixture(params=ARMS, scope="module")
def arm(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def twin(arm: str) -> Iterator[Twin]:
    """For tests that leave no trace, or one that the others do not mind."""
    with Twin(arm, "--no-gravity") as running:
        yield running


@pytest.fixture
def bus(arm: str, twin: Twin) -> Iterator[ServoBus]:
    opened = over(twin, arm)
    yield opened
    opened.close()


@pytest.fixture
def new_twin(arm: str) -> Iterator[Twin]:
    """As it comes from the factory, to be changed or ended."""
    with Twin(arm, "--no-gravity") as running:
        yield running


@pytest.fixture
def new_bus(arm: str, new_twin: Twin) -> Iterator[ServoBus]:
    opened = over(new_twin, arm)
    yield opened
    opened.close()


def test_opening_and_reading_write_nothing(new_bus: ServoBus, new_twin: Twin) -> None:
    new_bus.read_states(IDS, budget_s=0.5)
    new_bus.ping(1)
    new_bus.read(2, "goal_position")

    assert {entry.what for entry in new_twin.log()} <= {"positions"}
    assert not any(servo["torque_on"] for servo in new_twin.state()["servos"])


def answering(bus: ServoBus, ids: Iterable[int]) -> list[ServoModel]:
    return [model for each in ids if (model := bus.ping(each)) is not None]


def test_a_ping_tells_who_is_there(bus: ServoBus, arm: str) -> None:
    found = answering(bus, range(10))

    names = {"so101": ["STS3215"] * 6, "koch": ["XL430-W250"] * 2 + ["XL330-M288"] * 4}[arm]
    firmware = {"so101": "3.10", "koch": "46"}[arm]
    assert [model.servo_id for model in found] == list(IDS)
    assert [model.name for model in found] == names
    assert {model.firmware for model in found} == {firmware}
    assert {model.ticks_per_turn for model in found} == {4096}
    assert bus.ping(99) is None


def test_servos_at_another_rate_are_found_at_theirs(bus: ServoBus) -> None:
    bus.set_baud(115_200)
    assert answering(bus, [1, 2]) == []

    bus.set_baud(1_000_000)
    assert [model.baud for model in answering(bus, [1, 2])] == [1_000_000] * 2
    assert 1_000_000 in bus.bauds


def test_states_are_fresh_and_whole(bus: ServoBus, twin: Twin, arm: str) -> None:
    bus.prepare(IDS)
    true = true_ticks(twin)
    started_ns = time.monotonic_ns()
    states = bus.read_states(IDS, budget_s=0.5)

    assert sorted(states) == list(IDS)
    for servo_id, state in states.items():
        assert state.servo_id == servo_id
        assert started_ns < state.time_ns <= time.monotonic_ns()
        assert abs(state.position_ticks - true[servo_id]) < 5
        assert state.speed_ticks_s == pytest.approx(0.0, abs=50)
        assert state.voltage_v is not None and 4.0 < state.voltage_v < 13.0
        assert state.temperature_c is not None and 20 < state.temperature_c < 40
        assert state.faults == ServoFault.NONE
    assert (states[1].load_share is None) == (states[1].current_a is not None) or arm == "so101"
    assert states[6].current_a is not None


def test_quick_states_keep_what_only_full_ones_tell(bus: ServoBus) -> None:
    full, quick = bus.read_states(IDS, budget_s=0.5), bus.read_states(IDS)

    assert all(quick[servo_id].time_ns > full[servo_id].time_ns for servo_id in IDS)
    assert all(quick[servo_id].voltage_v == full[servo_id].voltage_v for servo_id in IDS)


def test_preparing_makes_servos_answer_at_once(new_bus: ServoBus, new_twin: Twin) -> None:
    assert new_bus.read(1, "return_delay") == 500

    new_bus.prepare(IDS)

    assert [new_bus.read(servo_id, "return_delay") for servo_id in IDS] == [0] * 6
    assert not any(servo["torque_on"] for servo in new_twin.state()["servos"])
    assert (new_bus.read(3, "watchdog") == 200) if new_bus.has_watchdog else True


def test_settings_survive_the_power(new_bus: ServoBus, new_twin: Twin) -> None:
    new_bus.prepare(IDS)
    before = new_bus.read(3, "present_position")
    new_bus.write(3, "homing_offset", -100)
    new_bus.write(3, "min_position", 300)
    new_twin.ask("reboot")
    time.sleep(0.7)

    assert new_bus.read(3, "homing_offset") == -100
    assert new_bus.read(3, "min_position") == 300
    assert new_bus.read(3, "return_delay") == 0
    assert new_bus.read(3, "present_position") == pytest.approx(before - 100, abs=5)


def test_goals_move_what_is_held(new_bus: ServoBus, new_twin: Twin) -> None:
    new_bus.prepare(IDS)
    present = {
        servo_id: s.position_ticks for servo_id, s in new_bus.read_states(IDS, budget_s=0.5).items()
    }
    goals = {servo_id: inwards(ticks, 100) for servo_id, ticks in present.items()}
    new_bus.write_goals(present)
    new_bus.set_torque(IDS, True)
    for servo_id in IDS:
        new_bus.write(servo_id, "goal_speed", 2000)
    end_s = time.monotonic() + 10
    while time.monotonic() < end_s:
        new_bus.write_goals(goals)
        states = new_bus.read_states(IDS, budget_s=0.5)
        if all(abs(states[i].position_ticks - goals[i]) < 25 for i in IDS):
            break
        time.sleep(0.02)
    new_bus.set_torque(IDS, False)

    assert all(abs(states[i].position_ticks - goals[i]) < 25 for i in IDS)
    assert all(abs(true_ticks(new_twin)[i] - goals[i]) < 25 for i in IDS)
    told = [entry.what for entry in new_twin.log() if entry.what in ("goal", "torque")]
    assert told.index("goal") < told.index("torque")


@pytest.mark.parametrize(
    ("item", "value"),
    [
        ("p_gain", 20),
        ("torque_limit", 500),
        ("max_position", 3000),
        ("max_temperature", 60),
        ("acceleration", 0),
        ("goal_speed", 0),
    ],
)
def test_items_keep_what_is_written(item: Item, value: int, bus: ServoBus) -> None:
    bus.write(5, item, value)

    assert bus.read(5, item) == pytest.approx(value, abs=1)


def test_modes_have_the_same_names_everywhere(bus: ServoBus) -> None:
    assert bus.read(2, "mode") == ServoMode.POSITION


def test_a_servo_gets_another_id(new_bus: ServoBus, new_twin: Twin) -> None:
    new_bus.write(6, "id", 42)

    assert [model.servo_id for model in answering(new_bus, [5, 6, 42])] == [5, 42]
    new_twin.ask("reboot")
    time.sleep(0.7)
    assert new_bus.ping(42) is not None


def test_an_id_that_is_taken_is_not_given_again(bus: ServoBus) -> None:
    with pytest.raises(ServoRefused, match="another servo has it"):
        bus.write(6, "id", 5)
    with pytest.raises(ConfigError, match="id is 0 to"):
        bus.write(6, "id", 254)


def test_a_servo_gets_another_rate(new_bus: ServoBus, new_twin: Twin) -> None:
    new_bus.write(6, "baud", 115_200)

    assert new_bus.baud == 1_000_000
    assert new_bus.ping(6) is None
    new_bus.set_baud(115_200)
    assert new_bus.ping(6) is not None
    assert new_bus.read(6, "baud") == 115_200


def test_a_servo_that_is_not_there_is_named_with_the_port_and_what_to_do(bus: ServoBus) -> None:
    with pytest.raises(BusTimeout, match=rf"Servo 77 on {bus.port} does not answer.*arm scan"):
        bus.read(77, "present_position")
    with pytest.raises(BusTimeout, match="Servo 77"):
        bus.write(77, "torque", 0)


def test_the_others_let_go_although_one_does_not_answer(bus: ServoBus, twin: Twin) -> None:
    bus.set_torque(IDS, True)
    with pytest.raises(BusTimeout, match="Servo 77"):
        bus.set_torque([77, *IDS], False)

    assert not any(servo["torque_on"] for servo in twin.state()["servos"])


@pytest.mark.parametrize("item", ["present_position", "present_voltage", "faults"])
def test_what_is_measured_cannot_be_set(item: Item, bus: ServoBus) -> None:
    with pytest.raises(ConfigError, match=f"set {item}"):
        bus.write(1, item, 1)


def test_a_value_that_the_servo_will_not_take_is_refused(bus: ServoBus) -> None:
    with pytest.raises(ServoRefused, match=f"Servo 1 on {bus.port} refused .* max_temperature"):
        bus.write(1, "max_temperature", 200)


def test_an_item_of_other_servos_is_told_to_be_missing(bus: ServoBus, arm: str) -> None:
    missing: Item = "watchdog" if arm == "so101" else "protective_torque"
    with pytest.raises(ConfigError, match=f"has no {missing}"):
        bus.read(1, missing)


def test_a_twin_that_ends_is_a_port_that_is_gone(new_bus: ServoBus, new_twin: Twin) -> None:
    new_bus.read_states(IDS, budget_s=0.5)
    new_twin.close()

    with pytest.raises(PortGone):
        new_bus.read_states(IDS, budget_s=0.5)
    with pytest.raises(PortGone):
        new_bus.write_goals({1: 2048})
    new_bus.close()


# --- Dynamixel alone ------------------------------------------------------------------------------


@pytest.fixture
def koch() -> Iterator[tuple[DynamixelBus, Twin]]:
    with Twin("koch", "--no-gravity") as twin:
        bus = DynamixelBus(Link(str(twin.port), 1_000_000), watchdog_s=0.1)
        bus.open()
        yield bus, twin
        bus.close()


def test_a_silent_host_trips_the_watchdog_until_it_prepares_again(
    koch: tuple[DynamixelBus, Twin],
) -> None:
    bus, twin = koch
    bus.prepare(IDS)
    present = true_ticks(twin)
    bus.write_goals(present)
    bus.set_torque(IDS, True)
    time.sleep(0.5)

    assert all(bus.read(servo_id, "watchdog") < 0 for servo_id in IDS)
    bus.write_goals({1: inwards(present[1], 200)})
    assert bus.read(1, "goal_position") == pytest.approx(present[1], abs=20)
    assert "watchdog" in {entry.what for entry in twin.log()}

    bus.prepare(IDS)
    bus.write_goals({1: inwards(present[1], 50)})
    assert bus.read(1, "goal_position") == inwards(present[1], 50)


def test_settings_cannot_be_written_while_the_motor_holds(koch: tuple[DynamixelBus, Twin]) -> None:
    bus, _ = koch
    bus.set_torque([1], True)

    with pytest.raises(ServoRefused, match="torque off"):
        bus.write(1, "homing_offset", 5)
    with pytest.raises(ServoRefused, match="torque off"):
        bus.write(1, "id", 9)
    bus.set_torque([1], False)


def test_a_homing_offset_that_a_servo_would_ignore_is_refused(
    koch: tuple[DynamixelBus, Twin],
) -> None:
    bus, _ = koch
    before = bus.read(1, "present_position")

    with pytest.raises(ServoRefused, match=r"ignores more than 1024 either way\. Turn its horn"):
        bus.write(1, "homing_offset", 1025)
    assert bus.read(1, "homing_offset") == 0
    bus.write(1, "homing_offset", -1024)
    assert bus.read(1, "present_position") == before - 1024
    bus.write(1, "mode", ServoMode.EXTENDED_POSITION)
    bus.write(1, "homing_offset", 1500)
    assert bus.read(1, "present_position") == before + 1500


def test_rebooting_a_servo_lets_it_go(koch: tuple[DynamixelBus, Twin]) -> None:
    bus, _ = koch
    bus.prepare(IDS)
    bus.set_torque([1], True)
    bus.reboot(1)
    time.sleep(0.7)

    assert bus.read(1, "torque") == 0


@pytest.mark.parametrize("watchdog_s", [0.0, 0.01, 3.0])
def test_a_watchdog_the_servos_do_not_have_is_refused(watchdog_s: float, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"0\.02 to 2\.54 s"):
        DynamixelBus(Link(str(tmp_path), 1_000_000), watchdog_s=watchdog_s)
