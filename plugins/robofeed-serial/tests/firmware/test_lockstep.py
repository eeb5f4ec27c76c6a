"""The whole firmware in simavr, in virtual time: the same bytes at the same cycles, each time."""

from __future__ import annotations

import random
import subprocess
from dataclasses import replace
from hashlib import sha256
from itertools import pairwise

import pytest

from robofeed_serial.rfp.config import BoardConfig
from robofeed_serial.rfp.frames import Frame
from robofeed_serial.rfp.messages import (
    BoardFault,
    BoardState,
    Hello,
    Kind,
    Mode,
    ResetCause,
    goals_payload,
)
from robofeed_serial.twin.firmware_board import CLOCK_HZ
from robofeed_serial.twin.firmware_build import FirmwareBuild

from .conftest import CONFIG, MIDDLE, SUPPLY_COUNTS, LockstepBoard, LockstepMaker

pytestmark = pytest.mark.needs("avr-gcc", "gcc", "make", "simavr")
FAR = (4000,) * 6


def hello(board: LockstepBoard) -> Hello:
    (answer,) = board.ask(Kind.HELLO, b"\x01")
    return Hello.from_payload(answer.payload)


def test_the_firmware_fits_its_budget(firmware: FirmwareBuild) -> None:
    # The Makefile refuses more than 8 KB of flash and 1 KB of RAM; the stack needs the other half.
    size = subprocess.run(
        ["avr-size", str(firmware.firmware)], check=True, capture_output=True, text=True
    )
    text, data, bss = map(int, size.stdout.splitlines()[1].split()[:3])

    assert text + data <= 8192
    assert data + bss <= 1024


def test_pulses_are_as_wide_and_as_regular_as_commanded(lockstep_board: LockstepMaker) -> None:
    board = lockstep_board()
    board.arm()
    goals = (1200, 2000, 3000, 3333, 4000, 0)
    for _ in range(150):
        board.setpoint(*goals)
        board.tick(15)
    board.simulated.take()
    for _ in range(20):
        board.setpoint(*goals)
        board.tick(15)
    pulses = board.simulated.take().pulses
    for servo in range(5):
        own = [pulse for pulse in pulses if pulse.servo == servo]
        periods = {b.cycle - a.cycle for a, b in pairwise(own)}
        # Commanded in ticks of 8 cycles; interrupts of the serial line may delay an edge by 1 us.
        assert all(abs(pulse.width_cycles - 8 * goals[servo]) <= 16 for pulse in own), servo
        assert all(abs(period - CLOCK_HZ // 50) <= 16 for period in periods), servo
    assert {pulse.servo for pulse in pulses} == set(range(5))


def test_there_is_no_pulse_before_arm_and_after_detach(lockstep_board: LockstepMaker) -> None:
    board = lockstep_board()
    board.tick(200)
    assert board.simulated.take().pulses == []
    board.arm()
    board.tick(100)
    board.state(Kind.DETACH)
    board.tick(20)
    board.simulated.take()
    board.tick(100)
    assert board.simulated.take().pulses == []


def test_silence_holds(lockstep_board: LockstepMaker) -> None:
    board = lockstep_board()
    board.arm()
    board.setpoint(*FAR)
    board.tick(90)
    assert board.state().mode is Mode.ARMED
    board.tick(10)
    state = board.state()
    held = board.pulses()
    board.tick(500)

    assert (state.mode, state.faults) == (Mode.HELD, BoardFault.HEARTBEAT)
    assert 3000 < held[0] < 4000
    assert board.pulses() == held


def test_the_stop_switch_holds_within_a_pulse(lockstep_board: LockstepMaker) -> None:
    board = lockstep_board()
    board.arm()
    for _ in range(10):
        board.setpoint(*FAR)
        board.tick(15)
    board.open_stop_switch()
    held = board.pulses()
    state = board.setpoint(*FAR)

    assert (state.mode, state.stop_open) == (Mode.HELD, True)
    assert board.pulses() == held
    board.open_stop_switch(False)
    board.tick(2)
    assert board.state(Kind.CLEAR).faults == BoardFault.NONE


def test_potentiometers_and_supply_are_measured(lockstep_board: LockstepMaker) -> None:
    board = lockstep_board()
    for channel, counts in enumerate((100, 500, 900)):
        board.set_counts(channel, counts)
    board.set_counts(7, 300)
    board.tick(3)
    state = board.state()

    assert state.positions_ticks[:3] == (1000, 3000, 5000)
    assert state.supply_v == pytest.approx(5.9)
    board.set_counts(7, 200)
    board.tick(30)
    assert BoardFault.SUPPLY in board.state().faults


def test_a_hanging_firmware_is_reset_within_its_watchdog_time(
    lockstep_board: LockstepMaker,
) -> None:
    board = lockstep_board()
    board.arm()
    board.tick(40)
    board.simulated.hang()
    hung_at = board.simulated.stats().cycle
    assert board.ask(Kind.STATE) == []
    board.tick(300)
    told = hello(board)

    assert told.reset_cause is ResetCause.WATCHDOG
    assert (told.mode, told.faults) == (Mode.DISARMED, BoardFault.WATCHDOG)
    ran_ms = (board.simulated.stats().cycle - hung_at) / CLOCK_HZ * 1000 - told.uptime_ms
    assert 200 < ran_ms < 300  # 250 ms, and a watchdog's oscillator is no clock
    assert board.simulated.stats().baud == 500_000
    assert board.state(Kind.CLEAR).faults == BoardFault.NONE


def test_limits_survive_power_loss_but_not_when_it_comes_midway(
    lockstep_board: LockstepMaker,
) -> None:
    board = lockstep_board(None)
    assert BoardFault.CONFIG in hello(board).faults
    for i, joint in enumerate(CONFIG.joints):
        board.ask(Kind.WRITE_JOINT, bytes((i,)) + joint.to_bytes())
    board.ask(Kind.WRITE_BOARD, CONFIG.board_bytes())
    board.sequence += 1
    board.simulated.receive(Frame(Kind.SAVE, board.sequence).to_wire())
    # A byte takes 3.4 ms in hardware and hardly any time in simavr: stop as soon as some are there.
    while board.simulated.eeprom()[40] == 0xFF:
        board.simulated.run(cycles=200)
    assert board.simulated.eeprom()[80:82] == b"\xff\xff"
    board.simulated.power_cycle()
    board.tick(10)
    assert BoardFault.CONFIG in hello(board).faults

    for i, joint in enumerate(CONFIG.joints):
        board.ask(Kind.WRITE_JOINT, bytes((i,)) + joint.to_bytes())
    board.ask(Kind.WRITE_BOARD, CONFIG.board_bytes())
    (answer,) = board.ask(Kind.SAVE)
    assert answer.payload == CONFIG.hash.to_bytes(2, "little")
    assert board.simulated.eeprom()[: BoardConfig.SIZE] == CONFIG.to_eeprom()
    board.simulated.power_cycle()
    board.tick(10)
    told = hello(board)
    assert told.faults == BoardFault.NONE
    assert told.config_hash == CONFIG.hash
    assert ResetCause.WATCHDOG not in told.reset_cause


def test_it_answers_after_any_garbage(lockstep_board: LockstepMaker) -> None:
    board = lockstep_board()
    board.arm()
    noise = random.Random(4).randbytes(20_000)
    board.simulated.receive(noise)
    board.simulated.take()
    board.tick(420)  # 400 ms of noise
    assert board.simulated.happened.data == b""
    board.send(b"\0")  # ends what the noise began; else the first request would be taken with it
    state = board.state()

    assert state.mode is Mode.HELD
    assert state.lost_bytes == 0
    assert state.faults & (BoardFault.LINK | BoardFault.HEARTBEAT)
    assert board.state(Kind.CLEAR).faults == BoardFault.NONE


@pytest.mark.parametrize("kind", [Kind.STATE, Kind.SAVE])
def test_a_host_that_asks_without_end_stops_neither_time_nor_the_stop_switch(
    lockstep_board: LockstepMaker, kind: Kind
) -> None:
    board = lockstep_board(replace(CONFIG, heartbeat_ms=2000))
    board.arm(replace(CONFIG, heartbeat_ms=2000))
    board.setpoint(*FAR)
    flood = b"".join(Frame(kind, number % 256).to_wire() for number in range(4000))
    board.simulated.receive(flood)  # answers are longer than what asks for them: they queue up
    board.tick(100)
    board.open_stop_switch()
    board.tick(30)  # a pulse that has begun is finished
    board.simulated.take()
    board.tick(300)
    widths = {pulse.width_ticks for pulse in board.simulated.take().pulses if pulse.servo == 0}
    board.open_stop_switch(False)
    board.tick(400)
    board.send(b"\0")
    state = board.state()

    assert max(widths) - min(widths) <= 2, "it moved on"  # interrupts delay an edge by 1 us
    assert BoardFault.STOP_PIN in state.faults
    assert state.mode is Mode.HELD
    assert hello(board).reset_cause is not ResetCause.WATCHDOG


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("slow", "rate_hz"), [(True, 200), (False, 500)])
def test_it_keeps_up_for_a_minute_of_its_time(
    lockstep_board: LockstepMaker, load_share: float, slow: bool, rate_hz: int
) -> None:
    board = lockstep_board(slow=slow)
    board.arm()
    simulated = board.simulated
    for number in range(round(60 * rate_hz * load_share)):
        sequence = (board.sequence + 1 + number) % 256
        goals = (3000 + number % 100,) * 6
        simulated.take()
        simulated.receive(Frame(Kind.SETPOINT, sequence, goals_payload(goals)).to_wire())
        simulated.run(cycles=CLOCK_HZ // rate_hz)
        answer = Frame.from_wire(simulated.take().data)  # whole before the next one goes out
        state = BoardState.from_payload(answer.payload)
        assert (state.mode, state.applied_sequence) == (Mode.ARMED, sequence)
    assert (state.bad_frames, state.lost_bytes) == (0, 0)


def test_lockstep_is_the_same_each_time(lockstep_board: LockstepMaker) -> None:
    def run() -> str:
        board = lockstep_board()
        rng = random.Random(7)
        board.arm()
        digest = sha256()
        for _ in range(150):
            goals = tuple(rng.randint(1000, 5000) for _ in MIDDLE)
            if rng.random() < 0.1:
                board.send(rng.randbytes(30))
            board.ask(rng.choice([Kind.SETPOINT, Kind.SETPOINT_QUIET]), goals_payload(goals))
            board.set_counts(rng.randrange(6), rng.randint(300, 700))
            board.set_counts(7, SUPPLY_COUNTS)
            board.tick(rng.randint(1, 20))
            happened = board.simulated.take()
            digest.update(repr(happened).encode())
        return digest.hexdigest()

    assert run() == run()
