"""What makes the board hold by itself: supply, line, switch, watchdog. Its core, on the host."""

from __future__ import annotations

import pytest

from robofeed_serial.rfp.frames import Frame, FrameReader
from robofeed_serial.rfp.messages import (
    BoardFault,
    BoardState,
    Kind,
    Mode,
    goals_payload,
)

from .conftest import SUPPLY_COUNTS, HostMaker

pytestmark = pytest.mark.needs("gcc", "make")
FAR = (4000,) * 6


def test_half_a_frame_is_no_sign_of_life_and_its_end_comes_too_late(host_board: HostMaker) -> None:
    board = host_board()
    board.arm()
    board.setpoint(*FAR)
    board.tick(90)
    board.sequence += 1
    wire = Frame(Kind.SETPOINT, board.sequence, goals_payload(FAR)).to_wire()
    for at in range(10):
        board.send(wire[at : at + 1])
        board.tick()
    held = board.pulses()
    (answer,) = FrameReader().feed(board.send(wire[10:]))
    state = BoardState.from_payload(answer.payload)
    board.tick(50)

    assert (state.mode, state.faults) == (Mode.HELD, BoardFault.HEARTBEAT)
    assert board.pulses() == held


def test_a_stop_switch_that_bounces_is_open(host_board: HostMaker) -> None:
    board = host_board()
    board.arm()
    for is_open in (True, False, False, True, False):
        board.open_stop_switch(is_open)
        board.tick()
    state = board.setpoint(*FAR)
    held = board.pulses()
    board.tick(50)

    assert (state.mode, state.faults) == (Mode.HELD, BoardFault.STOP_PIN)
    assert board.pulses() == held


def test_low_supply_holds_after_20_ms(host_board: HostMaker) -> None:
    board = host_board()
    board.arm()
    board.set_counts(7, 250)  # 4.9 V
    for _ in range(20):
        board.tick()
        assert board.setpoint().mode is Mode.ARMED
    board.tick()
    state = board.setpoint()
    assert (state.mode, state.faults) == (Mode.HELD, BoardFault.SUPPLY)
    assert state.supply_v == pytest.approx(4.9)
    assert board.refusal(Kind.CLEAR).detail == BoardFault.SUPPLY
    board.set_counts(7, SUPPLY_COUNTS)
    assert board.state(Kind.CLEAR).faults == BoardFault.NONE


@pytest.mark.parametrize("mode", [Mode.ARMED, Mode.HELD])
def test_nothing_jumps_when_the_servos_power_was_cut_and_is_back(
    host_board: HostMaker, mode: Mode
) -> None:
    board = host_board()
    board.arm()
    if mode is Mode.HELD:
        board.state(Kind.STOP)
    board.set_counts(7, 0)
    board.tick(30)
    assert board.pulses() == [0] * 6
    board.set_counts(0, 300)  # the arm has sunk
    board.set_counts(7, SUPPLY_COUNTS)
    board.tick(100)

    assert board.pulses() == [0] * 6
    assert board.state().mode is Mode.DISARMED
    board.state(Kind.CLEAR)
    assert board.arm().mode is Mode.ARMED
    assert board.pulses()[0] == 2000, "it begins where it lies"


@pytest.mark.parametrize("counts", [255, 200, 128])
def test_a_supply_that_is_low_but_there_lets_nothing_go(host_board: HostMaker, counts: int) -> None:
    board = host_board()
    board.arm()
    board.set_counts(7, counts)  # 5 V are 256
    board.tick(1000)

    assert board.state().mode is Mode.HELD
    assert board.pulses()[:3] == [3000] * 3


def test_a_supply_that_is_switched_on_later_is_no_fault(host_board: HostMaker) -> None:
    board = host_board()
    board.set_counts(7, 0)
    board.tick(100)
    assert board.state().faults == BoardFault.SUPPLY
    board.set_counts(7, SUPPLY_COUNTS)
    board.tick()
    assert board.state().faults == BoardFault.NONE


def test_a_link_that_damages_frames_holds_the_arm(host_board: HostMaker) -> None:
    board = host_board()
    board.arm()
    for _ in range(32):
        board.send(b"\x03\x01\x01\x00")
        board.tick()
        assert board.setpoint().mode is Mode.ARMED
    board.send(b"\x03\x01\x01\x00")
    board.tick()
    state = board.setpoint()

    assert (state.mode, state.faults) == (Mode.HELD, BoardFault.LINK)
    assert state.bad_frames == 33


def test_a_few_damaged_frames_a_second_do_not(host_board: HostMaker) -> None:
    board = host_board()
    board.arm()
    for _ in range(300):
        board.send(b"\x03\x01\x01\x00")
        board.tick(40)
        assert board.setpoint().mode is Mode.ARMED


def test_a_watchdog_reset_is_told_and_must_be_cleared(host_board: HostMaker) -> None:
    board = host_board(cause=8)
    board.hello()
    assert board.state().faults == BoardFault.WATCHDOG
    assert board.state(Kind.CLEAR).faults == BoardFault.NONE
