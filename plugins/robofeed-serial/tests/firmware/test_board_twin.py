"""`robofeed arm twin rfp6`: the real firmware behind the driver, with motors at its pins."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest

from robofeed import ConfigError
from robofeed.data.observation import Ended
from robofeed_serial.arms.arm_file import load_arm
from robofeed_serial.bench.bus_scan import arms_like, scan_port
from robofeed_serial.commands.setup import command as setup
from robofeed_serial.driving.config import SerialConfig
from robofeed_serial.driving.driver import SerialArm
from robofeed_serial.rfp.bus import RfpBus
from robofeed_serial.rfp.messages import BoardFault
from robofeed_serial.twin.firmware import FirmwareTwin
from robofeed_serial.twin.process import Twin
from robofeed_serial.wire.link import Link

pytestmark = pytest.mark.needs("avr-gcc", "gcc", "make", "simavr")
IDS = tuple(range(1, 7))


@pytest.fixture(scope="module")
def running() -> Iterator[Twin]:
    with Twin("rfp6") as twin:
        yield twin


@pytest.fixture
def twin(running: Twin) -> Iterator[Twin]:
    yield running
    running.ask("clear")


@pytest.fixture
def bus(twin: Twin) -> Iterator[RfpBus]:
    link = Link(str(twin.port), 500_000)
    bus = RfpBus(link)
    bus.open()
    link.reply_wait_s = 0.1  # the machine may be busy
    yield bus
    bus.close()


def arm_on(twin: Twin) -> SerialArm:
    config = SerialConfig(
        arm="rfp6",
        port=str(twin.port),
        calibration="nominal",
        watchdog_s=0.5,  # of the supervisor, on a machine that is busy with other things
    )
    return SerialArm(config, "rfp")


def moved(arm: SerialArm, steps: int) -> tuple[Ended, str]:
    """Take steps in one direction until the episode ends or the steps are done."""
    action = (0.3 * arm.spec.action.high).astype(np.float32)
    for _ in range(steps):
        arm.send(arm.plan(action))
        time.sleep(arm.spec.period_s)
        seen = arm.observe()
        if seen.ended is not Ended.RUNNING:
            return seen.ended, seen.reason
    return Ended.RUNNING, ""


def sunk(twin: Twin) -> None:
    """Wait until the limp arm lies still: one that still sinks is nowhere for certain."""
    end_s = time.monotonic() + 30
    before: list[int] = []
    while (now := [servo["present_ticks"] for servo in twin.state()["servos"]]) != before:
        assert time.monotonic() < end_s
        before = now
        time.sleep(0.5)


def test_the_driver_moves_the_arm_from_where_it_lies(twin: Twin) -> None:
    # The first test: nothing has moved this twin yet.
    sunk(twin)
    arm = arm_on(twin)
    arm.open()
    try:
        time.sleep(0.3)
        assert not any(entry.what in ("goal", "torque") for entry in twin.log())
        arm.reset(seed=1)
        assert moved(arm, 20) == (Ended.RUNNING, "")
    finally:
        arm.close()
    log = twin.log()
    for servo in IDS:
        on = next(n for n, e in enumerate(log) if e.what == "torque" and e.servo_id == servo)
        stood = next(e.ticks[servo] for e in reversed(log[:on]) if e.what == "positions")
        goals = [e.value for e in log if e.what == "goal" and e.servo_id == servo]
        assert goals[0] is not None
        # A reading of the potentiometer is 5 ticks, the play of the gears 11.
        assert abs(goals[0] - stood) <= 20
        # 25 % more than 3 rad/s, in pulses of 20 ms; the twin may see two of them at once.
        steps = [abs(b - a) for a, b in pairwise(goals) if a is not None and b is not None]
        assert max(steps, default=0) <= 2 * 96


def test_the_board_holds_when_the_ports_owner_is_killed(twin: Twin) -> None:
    arm = arm_on(twin)
    arm.open()
    try:
        arm.reset(seed=1)
        moved(arm, 10)
        assert arm.supervisor_pid is not None
        os.kill(arm.supervisor_pid, signal.SIGKILL)
        time.sleep(1.0)
        before = twin.log()
        time.sleep(0.5)
        after = twin.log()[len(before) :]
    finally:
        arm.close()

    assert not [entry for entry in after if entry.what in ("goal", "torque")]
    assert all(servo["torque_on"] for servo in twin.state()["servos"])


def test_a_board_that_loses_power_is_a_fault_that_says_so(twin: Twin) -> None:
    arm = arm_on(twin)
    arm.open()
    try:
        arm.reset(seed=1)
        twin.fault("brown_out")
        ended, reason = moved(arm, 100)
    finally:
        arm.close()

    assert ended is Ended.FAULT
    assert "restarted" in reason


def test_low_supply_holds(twin: Twin) -> None:
    arm = arm_on(twin)
    arm.open()
    try:
        arm.reset(seed=1)
        twin.fault("low_voltage")
        ended, reason = moved(arm, 100)
    finally:
        arm.close()

    assert ended is Ended.FAULT
    assert "supply" in reason


def test_answers_that_are_lost_or_spoilt_are_asked_for_again(twin: Twin, bus: RfpBus) -> None:
    bus.prepare(IDS)
    twin.fault("corrupt:share=0.2")
    twin.fault("drop:share=0.1")
    before = bus.read_states(IDS)[1].time_ns
    for _ in range(60):
        states = bus.read_states(IDS, budget_s=0.5)
        assert states[1].time_ns > before  # each is a new one
        before = states[1].time_ns
    assert bus.statistics.time_outs > 0
    assert bus.statistics.crc_errors > 0


def test_a_late_answer_is_nobodys(twin: Twin, bus: RfpBus) -> None:
    bus.prepare(IDS)
    bus.set_torque(IDS, False)
    twin.fault("late:late_s=0.2,times=3")
    while twin.hand({1: 1500}):
        time.sleep(0.05)  # a servo lets go a little after its last pulse
    seen = 0
    for ticks in (1500, 1700, 1900):
        twin.hand({1: ticks})
        end_s = time.monotonic() + 20
        while abs(seen - ticks) > 6:  # one reading of a potentiometer is 5 ticks
            assert time.monotonic() < end_s
            seen = bus.read_states(IDS, budget_s=0.5)[1].position_ticks
    # What came too late was thrown away: nobody waited for its number any more.
    assert bus.statistics.misfits + bus.statistics.drained_bytes > 0


def test_it_is_deaf_at_another_rate(twin: Twin, bus: RfpBus) -> None:
    assert bus.ping(1) is not None
    bus.set_baud(115_200)
    assert bus.ping(1) is None


def test_limits_come_from_the_arm_file(twin: Twin, bus: RfpBus) -> None:
    bus.prepare(IDS)
    config = bus.read_config()

    # 1.45 rad of 8000 ticks a turn to either side of 3000; the gripper's 1.4 rad in all.
    assert (config.joints[0].low_ticks, config.joints[0].high_ticks) == (1154, 4846)
    assert config.joints[5].high_ticks - config.joints[5].low_ticks == pytest.approx(1783, abs=1)
    assert config.joints[0].speed_ticks_s == pytest.approx(1.25 * 3.0 * 8000 / (2 * np.pi), abs=1)
    assert bus.board_state().faults == BoardFault.NONE


def test_a_scan_finds_it_and_knows_the_arm(twin: Twin) -> None:
    found = scan_port(str(twin.port), protocols=["rfp"])

    assert [each.model.servo_id for each in found] == list(IDS)
    assert arms_like(found) == ["rfp6"]


def test_setup_stores_the_limits_of_the_arm_file(
    twin: Twin, capsys: pytest.CaptureFixture[str]
) -> None:
    bus = RfpBus(Link(str(twin.port), 500_000))
    bus.open()
    bus.prepare(IDS)
    bus.set_torque(IDS, False)
    bus.write(1, "max_position", 4000)
    bus.close()
    setup(str(twin.port), "rfp6")

    assert "1154 to 4846 ticks, 4775 ticks/s, measured" in capsys.readouterr().out


def test_what_a_board_cannot_have_is_refused(twin: Twin) -> None:
    for fault in ("wrong_baud", "duplicate_id:servo_id=1", "wrong_model:servo_id=1"):
        with pytest.raises(ConfigError, match="of their own"):
            twin.fault(fault)
    with pytest.raises(ConfigError, match="no rate 1000000"):
        FirmwareTwin(load_arm("rfp6"), 1_000_000)


@pytest.mark.soak
def test_the_slow_rate_works_too() -> None:
    with Twin("rfp6", "--baud", "115200") as twin:
        bus = RfpBus(Link(str(twin.port), 115_200))
        bus.open()
        bus.prepare(IDS)
        assert bus.measures
        bus.close()
