"""The firmware's rules, compiled for the host."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from robofeed_serial.rfp.config import BoardConfig, JointConfig
from robofeed_serial.rfp.messages import (
    BoardFault,
    Hello,
    Kind,
    Mode,
    ResetCause,
    Result,
    goals_payload,
)

from .conftest import CONFIG, MIDDLE, HostMaker

pytestmark = pytest.mark.needs("gcc", "make")
FAR = (4000,) * 6


def test_it_boots_disarmed_with_limp_servos(host_board: HostMaker) -> None:
    board = host_board()
    board.tick(1000)

    assert board.state().mode is Mode.DISARMED
    assert board.pulses() == [0] * 6


def test_nothing_but_hello_state_and_stop_is_heard_before_hello(host_board: HostMaker) -> None:
    board = host_board()
    lengths = {Kind.SETPOINT: 12, Kind.ARM: 14, Kind.READ_JOINT: 1, Kind.WRITE_JOINT: 13}
    lengths[Kind.WRITE_BOARD] = 4
    for kind in set(Kind) - {Kind.HELLO, Kind.STATE, Kind.STOP, Kind.SETPOINT_QUIET}:
        assert board.refusal(kind, bytes(lengths.get(kind, 0))).result is Result.NO_HELLO
    assert board.ask(Kind.SETPOINT_QUIET, bytes(12)) == []
    assert BoardFault.STOP_FRAME in board.state(Kind.STOP).faults


def test_hello_tells_who_why_and_which_limits(host_board: HostMaker) -> None:
    board = host_board(cause=1)
    board.tick(70_000)
    (answer,) = board.ask(Kind.HELLO, b"\x01")
    hello = Hello.from_payload(answer.payload)

    assert (hello.version, hello.joints, hello.mode) == (1, 6, Mode.DISARMED)
    assert hello.config_hash == CONFIG.hash
    assert hello.uptime_ms == 70_000
    assert hello.reset_cause is ResetCause.POWER_ON
    assert board.refusal(Kind.HELLO, b"\x02").result is Result.WRONG_VERSION


def test_arming_starts_where_the_servos_are(host_board: HostMaker) -> None:
    board = host_board()
    board.set_counts(1, 700)
    state = board.arm(start=(4000, 4000, 4000, 2500, 3500, 0))

    assert state.mode is Mode.ARMED
    # Measured where there is a potentiometer, as told where there is none, none where no servo is.
    assert board.pulses() == [3000, 4000, 3000, 2500, 3500, 0]


def test_a_servo_that_nobody_knows_about_is_not_armed(host_board: HostMaker) -> None:
    board = host_board()
    board.hello()
    start = CONFIG.hash.to_bytes(2, "little") + goals_payload((0, 0, 0, 3000, 0, 0))
    refusal = board.refusal(Kind.ARM, start)

    assert (refusal.result, refusal.detail) == (Result.NO_START, 4)


@pytest.mark.parametrize(("counts", "fine"), [(121, True), (119, False), (879, True), (881, False)])
def test_an_arm_outside_its_limits_is_not_armed(
    host_board: HostMaker, counts: int, fine: bool
) -> None:
    board = host_board()
    board.set_counts(2, counts)  # 1100 ticks at 120, 4900 at 880: 100 beyond the limits
    board.hello()
    start = CONFIG.hash.to_bytes(2, "little") + goals_payload(MIDDLE)
    if fine:
        assert board.state(Kind.ARM, start).mode is Mode.ARMED
    else:
        refusal = board.refusal(Kind.ARM, start)
        assert (refusal.result, refusal.detail) == (Result.OUT_OF_RANGE, 2)


def test_a_joint_armed_outside_its_range_stays_until_it_is_told_to_come_back(
    host_board: HostMaker,
) -> None:
    board = host_board()
    board.set_counts(2, 870)  # 4850 ticks, 50 beyond its range
    board.arm()
    for goal, clamped, there in (
        (4850, 0, 4850),
        (5000, 4, 4850),
        (4820, 0, 4820),
        (4850, 4, 4820),
    ):
        state = board.setpoint(0, 0, goal, 0, 0, 0)
        assert state.clamped_range == clamped
        board.tick(60)
        assert board.pulses()[2] == there


def test_a_host_that_means_other_limits_cannot_arm(host_board: HostMaker) -> None:
    board = host_board()
    board.hello()
    wrong = (CONFIG.hash ^ 1).to_bytes(2, "little") + goals_payload(MIDDLE)

    assert board.refusal(Kind.ARM, wrong).result is Result.WRONG_CONFIG


def test_goals_are_reached_no_faster_than_allowed(host_board: HostMaker) -> None:
    board = host_board()
    board.arm()
    before = board.pulses()[0]
    for _ in range(24):  # 480 ms at 2000 ticks/s
        assert board.setpoint(*FAR).applied_sequence == board.sequence
        board.tick(20)
        after = board.pulses()[0]
        assert after - before == 40
        before = after
    assert board.setpoint(*FAR).limited_speed == 0b011111
    board.tick(20)
    assert board.pulses()[0] == 4000
    assert board.setpoint(*FAR).limited_speed == 0


def test_goals_beyond_range_and_step_are_clamped_and_it_says_so(host_board: HostMaker) -> None:
    board = host_board()
    board.arm()
    state = board.setpoint(65_535, 3999, 4001, 1, 3000, 4000)

    assert state.clamped_range == 0b001001
    assert state.clamped_step == 0b001101
    for _ in range(200):
        board.setpoint(65_535, 3999, 4001, 1, 3000, 4000)
        board.tick(20)
    assert board.pulses() == [4800, 3999, 4001, 1200, 3000, 0]


def test_zero_leaves_a_goal_as_it_was(host_board: HostMaker) -> None:
    board = host_board()
    board.arm()
    board.setpoint(3100, 0, 0, 0, 0, 0)
    board.setpoint(0, 3100, 0, 0, 0, 0)
    board.tick(80)

    assert board.pulses()[:3] == [3100, 3100, 3000]


def test_silence_holds_the_arm_and_that_stays(host_board: HostMaker) -> None:
    board = host_board()
    board.arm()
    board.setpoint(*FAR)
    board.tick(99)
    assert board.state().mode is Mode.ARMED
    board.tick(2)
    held = board.pulses()
    state = board.setpoint(*FAR)
    board.tick(1000)

    assert (state.mode, state.faults) == (Mode.HELD, BoardFault.HEARTBEAT)
    assert board.pulses() == held
    assert 3000 < held[0] < 4000


@pytest.mark.parametrize("speed", [50, 99, 2000, 65_535])
@pytest.mark.parametrize("step", [1, 4000])
def test_limits_are_kept_at_their_extremes(host_board: HostMaker, speed: int, step: int) -> None:
    joint = JointConfig(1000, 5000, speed, step, 100, 900)
    config = BoardConfig((joint,) * 6)
    board = host_board(config)
    board.arm(config)
    before = board.pulses()
    for goal in (5000, 5000, 1000, 1000, 65_535, 1):
        for _ in range(4):
            board.setpoint(*(goal,) * 6)
            board.tick(20)
            after = board.pulses()
            assert all(1000 <= pulse <= 5000 for pulse in after)
            moved = max(abs(a - b) for a, b in zip(after, before, strict=True))
            room = min(abs(pulse - min(max(goal, 1000), 5000)) for pulse in before)
            assert moved == min(speed // 50, step, room)
            before = after


def test_only_clear_and_arm_move_a_held_arm_again(host_board: HostMaker) -> None:
    board = host_board()
    board.arm()
    board.setpoint(*FAR)
    board.tick(200)
    held = board.pulses()
    start = CONFIG.hash.to_bytes(2, "little") + goals_payload(MIDDLE)
    assert board.refusal(Kind.ARM, start).result is Result.FAULTY
    assert board.state(Kind.CLEAR).mode is Mode.HELD
    board.setpoint(*FAR)
    board.tick(50)
    assert board.pulses() == held
    state = board.state(Kind.ARM, start)

    assert state.mode is Mode.ARMED
    assert board.pulses() == held  # it begins where it is held, not where the host thinks
    board.setpoint(*FAR)
    board.tick(50)
    assert board.pulses()[0] > held[0]


def test_stop_is_obeyed_however_old_and_without_hello(host_board: HostMaker) -> None:
    board = host_board()
    board.arm()
    board.setpoint(*FAR)
    (answer,) = board.ask(Kind.STOP, sequence=0)

    assert answer.payload[0] == Mode.HELD
    board.tick(20)
    assert board.state().faults == BoardFault.STOP_FRAME
    assert board.pulses() == [3000] * 5 + [0]


def test_the_stop_switch_holds_at_once_until_released_cleared_and_armed(
    host_board: HostMaker,
) -> None:
    board = host_board()
    board.arm()
    board.setpoint(*FAR)
    board.open_stop_switch()
    board.tick()
    state = board.state()
    assert (state.mode, state.stop_open, state.faults) == (Mode.HELD, True, BoardFault.STOP_PIN)
    refusal = board.refusal(Kind.CLEAR)
    assert (refusal.result, refusal.detail) == (Result.FAULTY, BoardFault.STOP_PIN)
    board.open_stop_switch(False)
    board.tick(1000)
    assert board.state().mode is Mode.HELD
    assert board.state(Kind.CLEAR).faults == BoardFault.NONE
    assert board.arm().mode is Mode.ARMED


def test_detach_alone_makes_servos_limp(host_board: HostMaker) -> None:
    board = host_board()
    board.arm()
    assert board.state(Kind.DETACH).mode is Mode.DISARMED
    assert board.pulses() == [0] * 6


def test_old_and_repeated_requests_are_not_obeyed(host_board: HostMaker) -> None:
    board = host_board()
    board.arm()
    newest = board.sequence
    board.setpoint(3100, 0, 0, 0, 0, 0)
    for old in (newest + 1, newest, (newest - 100) % 256):
        refusal = board.refusal(Kind.SETPOINT, goals_payload(FAR), sequence=old % 256)
        assert (refusal.result, refusal.detail) == (Result.OLD_SEQUENCE, newest + 1)
        assert board.ask(Kind.SETPOINT_QUIET, goals_payload(FAR), sequence=old % 256) == []
        assert board.refusal(Kind.DETACH, sequence=old % 256).result is Result.OLD_SEQUENCE
    board.tick(80)

    assert board.pulses()[0] == 3100


def test_sequence_numbers_go_round(host_board: HostMaker) -> None:
    board = host_board()
    board.arm()
    for _ in range(600):
        assert board.setpoint().applied_sequence == board.sequence


def test_a_new_host_takes_over_nothing_that_moves(host_board: HostMaker) -> None:
    board = host_board()
    board.arm()
    board.hello()

    assert (board.state().mode, board.state().faults) == (Mode.HELD, BoardFault.SESSION)


@pytest.mark.soak
@pytest.mark.needs("gcc", "make")
def test_a_million_frames_break_no_rule(
    repository: Path, tmp_path: Path, load_share: float
) -> None:
    make = shutil.which("make")
    assert make is not None
    command = [make, "-s", "-C", str(repository / "hardware/firmware"), f"BUILD={tmp_path}", "fuzz"]
    subprocess.run(command, check=True, capture_output=True)
    frames = round(1_000_000 * load_share)
    done = subprocess.run(
        [str(tmp_path / "fuzz"), "20261123", str(frames)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    counts = dict(zip(done.stdout.split()[1::2], map(int, done.stdout.split()[::2]), strict=True))

    assert counts["whole"] + counts["damaged"] == frames
    assert counts["armed"] > frames // 2  # or the rules of motion were hardly tried
    # A CRC of 16 bits lets one noise frame in 65536 through.
    assert counts["accepted"] <= max(3, 4 * counts["damaged"] / 65536)
