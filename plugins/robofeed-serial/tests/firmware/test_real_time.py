"""The real driver and the real firmware, against the clock."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from robofeed import ConfigError
from robofeed_serial.buses.servo_bus import ServoBus, ServoFault, ServoRefused
from robofeed_serial.rfp.bus import RfpBus
from robofeed_serial.rfp.config import BoardConfig
from robofeed_serial.rfp.messages import BoardFault, Mode
from robofeed_serial.twin.firmware_board import SimulatedBoard, write_eeprom
from robofeed_serial.twin.firmware_build import FirmwareBuild
from robofeed_serial.wire.link import Link

from .conftest import CONFIG, POT, SUPPLY_COUNTS

pytestmark = pytest.mark.needs("avr-gcc", "gcc", "make", "simavr")
# A machine that is busy with other things may stop everything for a while.
PATIENT = replace(CONFIG, heartbeat_ms=2000)
IDS = (1, 2, 3, 4, 5)
MakeBus = Callable[..., tuple[RfpBus, SimulatedBoard]]


@pytest.fixture
def start(firmware: FirmwareBuild, tmp_path: Path) -> Iterator[MakeBus]:
    """A bus with the board's port open, and the board."""
    with ExitStack() as stack:

        def make(
            config: BoardConfig | None = PATIENT, *, slow: bool = False, baud: int = 0
        ) -> tuple[RfpBus, SimulatedBoard]:
            eeprom = tmp_path / "eeprom"
            if config is not None:
                write_eeprom(eeprom, config)
            port = tmp_path / "port"
            board = SimulatedBoard(firmware, link=port, eeprom=eeprom, slow=slow)
            stack.enter_context(board)
            for channel in range(6):
                board.set_counts(channel, 500)
            board.set_counts(7, SUPPLY_COUNTS)
            link = Link(str(port), baud or (115_200 if slow else 500_000))
            link.reply_wait_s = 0.25
            bus = RfpBus(link)
            bus.open()
            link.reply_wait_s = 0.25
            stack.callback(bus.close)
            return bus, board

        yield make


def armed(bus: RfpBus) -> None:
    bus.prepare(IDS)
    bus.write_goals(dict.fromkeys(IDS, 3000))
    bus.set_torque(IDS, True)


def until(bus: RfpBus, mode: Mode) -> None:
    end_s = time.monotonic() + 20
    while bus.board_state().mode is not mode:
        assert time.monotonic() < end_s
        time.sleep(0.02)


def test_it_fits_what_drivers_need(start: MakeBus) -> None:
    bus, _ = start()
    anybody: ServoBus = bus
    anybody.prepare(IDS)

    assert all(anybody.ping(servo_id) for servo_id in IDS)
    assert not anybody.measures  # two of the servos have no potentiometer
    assert anybody.has_watchdog
    states = anybody.read_states(IDS, budget_s=1.0)
    assert [states[i].position_ticks for i in (1, 2, 3)] == [3000] * 3
    assert states[1].voltage_v == pytest.approx(7.0)
    assert anybody.read(1, "present_voltage") == 7000
    assert anybody.read(1, "watchdog") == 2000
    assert anybody.read(1, "torque") == 0
    assert anybody.ping(6) is None
    assert anybody.ping(7) is None


def test_goals_move_the_servos(start: MakeBus) -> None:
    bus, board = start()
    armed(bus)
    for _ in range(100):
        bus.write_goals({1: 3200, 4: 2900})
        time.sleep(0.01)
    board.take()
    time.sleep(0.1)
    board.poll()
    newest = {pulse.servo + 1: pulse.width_ticks for pulse in board.take().pulses}

    assert newest == {1: 3200, 2: 3000, 3: 3000, 4: 2900, 5: 3000}
    assert bus.read_states(IDS, budget_s=1.0)[4].position_ticks == 2900


def test_a_silent_host_is_held_and_must_acknowledge(start: MakeBus) -> None:
    bus, _ = start(CONFIG)
    armed(bus)
    until(bus, Mode.HELD)
    assert bus.read(1, "watchdog") == -1
    assert bus.read(1, "torque") == 1
    with pytest.raises(ServoRefused, match="no goal came in time"):
        bus.set_torque(IDS, True)
    bus.acknowledge()
    bus.set_torque(IDS, True)
    bus.set_torque(IDS, False)
    assert bus.board_state().mode is Mode.DISARMED


def test_stop_stays_until_it_is_acknowledged(start: MakeBus) -> None:
    bus, board = start()
    armed(bus)
    board.open_stop_switch(True)
    until(bus, Mode.HELD)
    bus.write_goals({1: 3500})
    state = bus.board_state()
    assert (state.mode, state.faults) == (Mode.HELD, BoardFault.STOP_PIN)
    with pytest.raises(ServoRefused, match="stop switch"):
        bus.acknowledge()
    board.open_stop_switch(False)
    time.sleep(0.05)
    bus.board_state()
    assert "stop switch" in bus.latched()  # open no more, but that stays
    bus.acknowledge()
    assert bus.latched() == ""


def test_limits_are_set_over_the_line(start: MakeBus) -> None:
    bus, board = start(None)
    with pytest.raises(ConfigError):
        bus.prepare([1])
    bus.write_config(PATIENT)
    assert bus.read_config() == PATIENT
    assert board.eeprom()[: BoardConfig.SIZE] == PATIENT.to_eeprom()
    bus.write(1, "max_position", 4000)
    assert bus.read(1, "max_position") == 4000
    with pytest.raises(ConfigError, match="low and high"):
        bus.write(1, "min_position", 4500)
    armed(bus)
    with pytest.raises(ServoRefused, match="Only while they are limp"):
        bus.write(1, "max_position", 4500)


def test_all_servos_are_powered_at_once_or_none(start: MakeBus) -> None:
    bus, _ = start()
    bus.prepare(IDS)
    with pytest.raises(ConfigError, match="all its servos at once"):
        bus.set_torque([1], True)
    with pytest.raises(ConfigError, match="no servo 6"):
        bus.prepare([6])


def test_servos_without_potentiometer_need_a_goal_before_torque(start: MakeBus) -> None:
    bus, _ = start()
    bus.prepare(IDS)
    with pytest.raises(ServoRefused, match="servo 4 has no potentiometer"):
        bus.set_torque(IDS, True)


@pytest.mark.parametrize("questions", [100, 130, 200, 300])
def test_it_is_armed_after_any_number_of_questions(start: MakeBus, questions: int) -> None:
    bus, _ = start()
    bus.prepare(IDS)
    for _ in range(questions):
        bus.board_state()
    bus.write_goals(dict.fromkeys(IDS, 3100))
    bus.set_torque(IDS, True)
    bus.write_goals({1: 3200})

    assert bus.board_state().applied_sequence == bus.newest_goal_number


def test_an_arm_outside_its_limits_names_the_servo(start: MakeBus) -> None:
    bus, board = start(BoardConfig((POT,) * 6, heartbeat_ms=2000))
    board.set_counts(2, 950)
    time.sleep(0.05)
    bus.prepare(range(1, 7))
    with pytest.raises(ServoRefused, match="servo 3 stands outside its limits"):
        bus.set_torque(range(1, 7), True)


def test_low_supply_is_told(start: MakeBus) -> None:
    bus, board = start()
    armed(bus)
    board.set_counts(7, 200)
    until(bus, Mode.HELD)

    assert bus.read_states(IDS, budget_s=1.0)[1].faults == ServoFault.VOLTAGE


def test_a_board_that_was_reset_is_noticed(start: MakeBus) -> None:
    bus, board = start()
    armed(bus)
    board.hang()
    end_s = time.monotonic() + 20
    while True:
        assert time.monotonic() < end_s
        states = bus.read_states(IDS, budget_s=0.1)
        if bus.newest is not None and bus.newest.mode is Mode.DISARMED:
            break
    assert set(states) == set(IDS)
    assert bus.newest.faults == BoardFault.WATCHDOG
    assert "hung" in bus.latched()
    with pytest.raises(ServoRefused, match="has restarted"):
        bus.set_torque(IDS, False)
    bus.acknowledge()
    assert bus.latched() == ""
    bus.set_torque(IDS, True)


def test_only_at_its_own_baud_does_it_answer(start: MakeBus) -> None:
    bus, _ = start(baud=115_200)
    assert bus.ping(1) is None
    assert bus.ping(2) is None  # at once: the loader's two seconds are waited for only once
    bus.set_baud(500_000)
    assert bus.ping(1) is not None


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("slow", "rate_hz"), [(True, 200), (False, 500)])
def test_no_frame_is_lost(
    start: MakeBus,
    record_property: Callable[[str, object], None],
    load_share: float,
    slow: bool,
    rate_hz: int,
) -> None:
    # How fast this goes depends on the machine: the rate is told, what is checked is that nothing
    # is lost. benchmarks/servo_board.py measures.
    bus, _ = start(slow=slow)
    bus.prepare(IDS)
    bus.write_goals(dict.fromkeys(IDS, 3000))
    bus.set_torque(IDS, True)
    before = replace(bus.statistics)  # a board that boots may miss the first HELLO
    count = round(rate_hz * 60 * load_share * 0.2)
    begun_s = time.monotonic()
    for number in range(count):
        due_s = begun_s + number / rate_hz
        time.sleep(max(0.0, due_s - time.monotonic()))
        state = bus.exchange_goals(dict.fromkeys(IDS, 3000 + number % 100))
        assert state.mode is Mode.ARMED
    record_property("rate_hz", count / (time.monotonic() - begun_s))
    after = bus.statistics

    assert after.replies - before.replies == count
    assert after.time_outs == before.time_outs
    assert (after.crc_errors, after.misfits) == (before.crc_errors, before.misfits)
    assert (state.bad_frames, state.lost_bytes) == (0, 0)
