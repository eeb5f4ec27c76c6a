"""The port's owner as a process: what happens when its client, its port or itself is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from robofeed import HardwareError, SafetyStop
from robofeed.data.observation import Ended
from robofeed_serial.driving.config import SerialConfig
from robofeed_serial.driving.driver import SerialArm
from robofeed_serial.supervision.client import SupervisorClient
from robofeed_serial.supervision.messages import Mode, Request
from robofeed_serial.supervision.settings import SupervisorSettings
from robofeed_serial.twin.process import Twin

BASE = 1
HORIZON_TICKS = round(3.0 * 0.1 * 4096 / 6.2832) + 10
"""3 rad/s for the watchdog's 0.1 s"""

CLIENT = """
import sys, time
import numpy as np
from robofeed_serial.driving.config import SerialConfig
from robofeed_serial.driving.driver import SerialArm

arm = SerialArm(SerialConfig(arm="so101", port=sys.argv[1], calibration="nominal", start="stay",
                             horizon=100000, watchdog_s=0.1), "feetech")
arm.open()
arm.reset(seed=1)
print("moving", flush=True)
while True:
    arm.send(arm.plan(np.array([0.0, 0.004, 0.0], np.float32)))
    time.sleep(0.02)
    seen = arm.observe()
    if seen.ended:
        print(seen.ended.name, seen.reason, flush=True)
        break
time.sleep(30)
"""


@pytest.fixture(scope="module")
def twin() -> Iterator[Twin]:
    with Twin("so101") as started:
        yield started


@pytest.fixture
def fresh() -> Iterator[Twin]:
    with Twin("so101") as started:
        yield started


@pytest.fixture
def client(twin: Twin) -> Iterator[subprocess.Popen[str]]:
    started = subprocess.Popen(
        [sys.executable, "-c", CLIENT, str(twin.port)], stdout=subprocess.PIPE, text=True
    )
    assert started.stdout is not None
    assert started.stdout.readline() == "moving\n"
    time.sleep(0.4)
    yield started
    started.kill()
    started.wait()
    started.stdout.close()


def travel_after(twin: Twin, then_ns: int) -> int:
    """How far the base joint went on, in ticks."""
    rows = [each for each in twin.log() if each.ticks]
    before = [each.ticks[BASE] for each in rows if each.time_ns <= then_ns]
    return max(
        abs(each.ticks[BASE] - before[-1]) for each in rows if each.time_ns >= then_ns - 10**8
    )


def last_motion_ns(twin: Twin) -> int:
    return max(each.time_ns for each in twin.log() if each.ticks)


def test_a_killed_client_leaves_an_arm_that_holds_and_a_free_port(
    twin: Twin, client: subprocess.Popen[str]
) -> None:
    assert client.poll() is None
    killed_ns = time.monotonic_ns()
    client.kill()
    time.sleep(1.5)

    assert last_motion_ns(twin) - killed_ns < 400e6
    assert travel_after(twin, killed_ns) < HORIZON_TICKS
    torque = [each.value for each in twin.log() if each.what == "torque" and each.servo_id == BASE]
    assert torque[-1] == 1
    arm = SerialArm(
        SerialConfig(arm="so101", port=str(twin.port), calibration="nominal"), "feetech"
    )
    arm.open()
    arm.close()


def test_a_stopped_client_finds_its_arm_held_when_it_goes_on(
    twin: Twin, client: subprocess.Popen[str]
) -> None:
    stopped_ns = time.monotonic_ns()
    client.send_signal(signal.SIGSTOP)
    time.sleep(1.2)

    assert last_motion_ns(twin) - stopped_ns < 500e6
    assert travel_after(twin, stopped_ns) < HORIZON_TICKS
    at_rest_ns = last_motion_ns(twin)
    client.send_signal(signal.SIGCONT)
    assert client.stdout is not None
    told = client.stdout.readline()
    assert "FAULT the program that drives the arm was silent for" in told
    time.sleep(0.3)
    assert last_motion_ns(twin) == at_rest_ns


def opened(twin: Twin) -> SerialArm:
    arm = SerialArm(
        SerialConfig(
            arm="so101",
            port=str(twin.port),
            calibration="nominal",
            start="stay",
            watchdog_s=0.5,
            max_observation_age_s=0.5,
        ),
        "feetech",
    )
    arm.open()
    arm.reset(seed=1)
    return arm


def until_fault(arm: SerialArm, within_s: float) -> tuple[float, str]:
    began_s = time.monotonic()
    while time.monotonic() < began_s + within_s:
        seen = arm.observe()
        if seen.ended is Ended.FAULT:
            return time.monotonic() - began_s, seen.reason
        time.sleep(0.005)
    raise AssertionError("no fault was seen")


def test_an_unplugged_port_is_a_fault_at_once(fresh: Twin) -> None:
    arm = opened(fresh)
    try:
        arm.send(arm.present())
        os.kill(fresh.pid, signal.SIGKILL)
        took_s, reason = until_fault(arm, 2.0)
        assert took_s < 0.25
        assert str(fresh.port) in reason
    finally:
        arm.close()


def test_a_dead_supervisor_is_a_fault_that_says_to_cut_the_power(twin: Twin) -> None:
    arm = opened(twin)
    try:
        assert arm.supervisor_pid is not None
        os.kill(arm.supervisor_pid, signal.SIGKILL)
        took_s, reason = until_fault(arm, 2.0)
        assert took_s < 0.1
        assert "supervisor" in reason and "is dead" in reason and "power" in reason
    finally:
        arm.close()


def test_a_stopped_supervisor_is_a_fault_that_names_it(twin: Twin) -> None:
    arm = opened(twin)
    assert arm.supervisor_pid is not None
    try:
        os.kill(arm.supervisor_pid, signal.SIGSTOP)
        took_s, reason = until_fault(arm, 2.0)
        assert 0.4 < took_s < 0.8  # its watchdog_s is 0.5
        assert "has been silent for 5" in reason and str(twin.port) in reason
    finally:
        os.kill(arm.supervisor_pid, signal.SIGCONT)
        arm.close()


def test_ctrl_c_in_the_terminal_does_not_reach_the_port_s_owner(twin: Twin) -> None:
    arm = opened(twin)
    try:
        assert arm.supervisor_pid is not None
        assert os.getpgid(arm.supervisor_pid) != os.getpgid(0)
        os.kill(arm.supervisor_pid, signal.SIGINT)
        time.sleep(0.3)
        assert arm.observe().ended is Ended.RUNNING
    finally:
        arm.close()


def test_closing_gives_the_port_back_and_the_arm_keeps_holding(fresh: Twin) -> None:
    opened(fresh).close()

    torque = [each.value for each in fresh.log() if each.what == "torque" and each.servo_id == BASE]
    assert set(torque) == {1}
    assert Path(fresh.port).exists()
    opened(fresh).close()


def client_of(twin: Twin) -> SupervisorClient:
    return SupervisorClient(
        SupervisorSettings(arm="so101", port=str(twin.port), calibration="nominal", watchdog_s=0.5)
    )


def test_an_arm_that_is_switched_on_anew_does_not_go_to_a_goal_of_before(fresh: Twin) -> None:
    client = client_of(fresh)
    try:
        client.request(Request.ENGAGE)
        here = list(client.report().rad)
        client.order([here[0] + 1.0, *here[1:]])
        time.sleep(0.3)
        client.request(Request.RELAX)
        time.sleep(0.3)
        client.request(Request.ENGAGE)
        engaged_ns = time.monotonic_ns()
        time.sleep(0.3)
        assert client.report().mode is Mode.HOLDING
        assert travel_after(fresh, engaged_ns + 10**8) < 10
    finally:
        client.close()


def test_a_report_that_cannot_be_read_just_now_leaves_the_one_before(
    fresh: Twin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both letters are being written: a program that stood still while it read them."""
    client = client_of(fresh)
    try:
        before = client.report()
        with monkeypatch.context() as torn:
            torn.setattr(client._memory.reports, "newest", lambda: None)
            assert client.report().rad == pytest.approx(before.rad, abs=0.1)
    finally:
        client.close()


def test_what_nobody_waits_for_any_more_is_not_done_later(fresh: Twin) -> None:
    client = client_of(fresh)
    try:
        os.kill(client.pid, signal.SIGSTOP)
        try:
            with pytest.raises(HardwareError, match="does not answer"):
                client.request(Request.ENGAGE, within_s=0.3)
        finally:
            os.kill(client.pid, signal.SIGCONT)
        time.sleep(0.7)
        assert not any(each["torque_on"] for each in fresh.state()["servos"])
        client.acknowledge()
        assert client.request(Request.ENGAGE).mode is Mode.HOLDING
    finally:
        client.close()


def test_a_stop_while_it_parks_is_a_safety_stop(fresh: Twin) -> None:
    client = client_of(fresh)
    try:
        held = client.request(Request.ENGAGE).commanded_rad
        turned = [held[0] + 0.6, *held[1:]]
        until_s = time.monotonic() + 10.0
        while abs(client.report().rad[0] - turned[0]) > 0.05:
            assert time.monotonic() < until_s
            client.order(turned)
            time.sleep(0.02)
        client.request(Request.PARK)
        client.stop()
        with pytest.raises(SafetyStop, match="the arm holds: stopped by hand"):
            client.parked(5.0)
    finally:
        client.close()


def test_a_program_that_lost_its_client_gives_the_port_back(fresh: Twin) -> None:
    client = client_of(fresh)
    client.request(Request.ENGAGE)
    owner = client.pid
    process, client._process = client._process, None
    assert process is not None and process.stdin is not None
    process.stdin.close()  # as when it is collected
    process.wait(5.0)

    torque = [each.value for each in fresh.log() if each.what == "torque" and each.servo_id == BASE]
    assert set(torque) == {1}, "it holds"
    assert not Path(f"/proc/{owner}").exists()
    client_of(fresh).close()
