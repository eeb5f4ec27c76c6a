"""`[backend] use = "gcode"` on the real port of a twin: what its log says of moves and of stops."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from robofeed import Backend, ConfigError, Guarded, HardwareError
from robofeed.data.observation import Ended
from robofeed_serial import robofeed_backends
from robofeed_serial.arms.arm_file import load_any_arm
from robofeed_serial.arms.machine_file import GcodeArmFile
from robofeed_serial.driving.config import SerialConfig
from robofeed_serial.driving.driver import SerialArm
from robofeed_serial.gcode.build import make_machine, open_machine
from robofeed_serial.gcode.grbl import GrblArm
from robofeed_serial.twin.process import Twin
from robofeed_serial.wire.errors import PortGone

TOOL_MM_S = 250.0
WATCHDOG_S = 0.2
MOVE_MM = TOOL_MM_S * WATCHDOG_S
"""the one short move: how far an arm goes that cannot be stopped"""
PATIENT: dict[str, Any] = {"start": "stay", "horizon": 100_000, "max_observation_age_s": 0.5}

CLIENT = """
import sys, time
import numpy as np
from robofeed_serial.driving.config import SerialConfig
from robofeed_serial.driving.driver import SerialArm

arm = SerialArm(SerialConfig(arm="uarm", port=sys.argv[1], start="stay", horizon=100000,
                             watchdog_s=0.2, max_observation_age_s=0.5), "gcode")
arm.open()
arm.reset(seed=1)
print("moving", flush=True)
while True:
    arm.send(arm.plan(np.array([0.0, 0.005, 0.0], np.float32)))
    time.sleep(0.02)
    arm.observe()
"""


@pytest.fixture(scope="module")
def twin() -> Iterator[Twin]:
    with Twin("uarm") as started:
        yield started


@pytest.fixture(scope="module")
def mirobot() -> Iterator[Twin]:
    with Twin("mirobot") as started:
        yield started


def uarm(port: object, **settings: Any) -> SerialArm:
    return SerialArm(
        SerialConfig(**{"arm": "uarm", "port": str(port), **PATIENT, **settings}), "gcode"
    )


def places(twin: Twin, since: int = 0) -> list[tuple[int, list[float]]]:
    """When, and where the machine was: mm or degrees."""
    return [
        (each.time_ns, [value / 1000 for value in each.ticks.values()])
        for each in twin.log(since)
        if each.ticks
    ]


def travel_after(twin: Twin, then_ns: int) -> float:
    """How far it went on."""
    rows = places(twin)
    before = [place for time_ns, place in rows if time_ns <= then_ns][-1]
    return max(
        (math.dist(place, before) for time_ns, place in rows if time_ns > then_ns), default=0.0
    )


def middle(twin: Twin) -> None:
    """Back to where there is room on every side, once its last owner has given the port back."""
    arm = load_any_arm("uarm")
    assert isinstance(arm, GcodeArmFile)
    machine = make_machine(arm.gcode.profile, str(twin.port), arm.baud, answer_s=2.0)
    end_s = time.monotonic() + 10.0
    while True:
        try:
            machine.open()
            break
        except PortGone:
            assert time.monotonic() < end_s
            time.sleep(0.05)
    try:
        machine.move({"X": 200.0, "Y": 0.0, "Z": 120.0}, 200.0)
        while math.dist(machine.state().place.values(), (200.0, 0.0, 120.0)) > 0.1:
            time.sleep(0.02)
    finally:
        machine.close()


def drive(guarded: Guarded, action: tuple[float, float, float], steps: int) -> None:
    for _ in range(steps):
        guarded.apply(np.array(action, np.float32))
        time.sleep(guarded.spec.period_s)
        guarded.observe()


def test_the_provider_makes_it_and_the_other_protocols_refuse_it() -> None:
    made = {each.name: each for each in robofeed_backends()}
    config = SerialConfig(arm="uarm")

    arm = made["gcode"].create(config, None)

    assert isinstance(arm, SerialArm) and not arm.spec.simulated
    assert arm.spec.observation.names[:3] == (
        "base_turn.position",
        "lower_arm.position",
        "upper_arm.position",
    )
    assert arm.spec.limits is not None and arm.spec.limits.tool_speed_m_s == 0.25
    with pytest.raises(ConfigError, match=r'set backend.use = "gcode"'):
        made["feetech"].create(config, None)
    with pytest.raises(ConfigError, match='set action = "end_effector"'):
        uarm("nowhere", action="joint")


def test_the_expert_reaches_in_moves_none_longer_or_faster_than_allowed(twin: Twin) -> None:
    arm = uarm(twin.port, start="home", horizon=0, watchdog_s=WATCHDOG_S)
    before = len(twin.log())
    guarded = Guarded(as_backend(arm))
    guarded.open()
    try:
        assert [e for e in twin.log(before) if e.what in ("goal", "torque", "stop")] == []
        first = guarded.reset(seed=3)
        while first.ended is Ended.RUNNING:
            guarded.apply(arm.expert_action())
            time.sleep(arm.spec.period_s)
            first = guarded.observe()
            assert arm.spec.observation.contains(first.state)
        assert first.ended is Ended.TRUNCATED, first.reason
        assert arm.truth().reward > -0.5
    finally:
        guarded.close()
    rows = places(twin, before)
    for (time_ns, place), (next_ns, next_place) in pairwise(rows):
        assert math.dist(place, next_place) <= 1.02 * TOOL_MM_S * (next_ns - time_ns) / 1e9 + 0.01
    lengths = move_lengths(twin, before)
    assert len(lengths) > 5
    assert max(lengths) <= MOVE_MM


def move_lengths(twin: Twin, since: int) -> list[float]:
    """Of each goal, from where the machine was when it came."""
    here: list[float] = []
    goal: dict[int, float] = {}
    found = []
    for each in twin.log(since):
        if each.ticks:
            here = [value / 1000 for value in each.ticks.values()]
        elif each.what == "goal" and each.servo_id and each.value is not None:
            goal[each.servo_id] = each.value / 1000
            if each.servo_id == 3 and here:
                found.append(math.dist([goal[1], goal[2], goal[3]], here))
    return found


def test_a_stop_leaves_the_one_short_move_and_nothing_is_sent_after_it(twin: Twin) -> None:
    middle(twin)
    arm = uarm(twin.port, watchdog_s=WATCHDOG_S)
    guarded = Guarded(as_backend(arm))
    guarded.open()
    try:
        guarded.reset(seed=1)
        drive(guarded, (0.0, 0.02, 0.0), 15)
        stopper = threading.Thread(target=guarded.stop)
        stopper.start()
        stopper.join()
        stopped_ns = time.monotonic_ns()
        time.sleep(0.5)
        seen = guarded.observe()
        assert (seen.ended, seen.reason) == (Ended.FAULT, "stopped by hand")
        assert travel_after(twin, stopped_ns) <= MOVE_MM
        # What was on the wire at that moment, at the most.
        goals = [e.time_ns for e in twin.log() if e.what == "goal"]
        assert max(goals) - stopped_ns < 50e6
        assert guarded.apply(np.zeros(3, np.float32)).target is None
        stood = places(twin)[-1]
        last = {e.servo_id: e.value for e in twin.log() if e.what == "goal" and e.value is not None}
        assert stood[1] == pytest.approx([last[axis] / 1000 for axis in (1, 2, 3)], abs=0.01)
        time.sleep(0.3)
        assert places(twin)[-1] == stood
        guarded.acknowledge()
        assert guarded.reset(seed=2).ended is Ended.RUNNING
    finally:
        guarded.close()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_without_its_client_it_goes_no_further_than_two_moves(twin: Twin, how: int) -> None:
    """The one that is under way, and one that was decided on before the supervisor looked."""
    middle(twin)
    client = subprocess.Popen(
        [sys.executable, "-c", CLIENT, str(twin.port)], stdout=subprocess.PIPE, text=True
    )
    assert client.stdout is not None
    try:
        assert client.stdout.readline() == "moving\n"
        time.sleep(0.4)
        ended_ns = time.monotonic_ns()
        client.send_signal(how)
        time.sleep(1.0)
        assert travel_after(twin, ended_ns) <= 2 * MOVE_MM
        moved_ns = max(time_ns for time_ns, _ in places(twin))
        assert moved_ns - ended_ns < 600e6
    finally:
        client.kill()
        client.wait()
        client.stdout.close()


def test_without_its_supervisor_it_ends_the_move_that_it_is_making(twin: Twin) -> None:
    middle(twin)
    arm = uarm(twin.port, watchdog_s=WATCHDOG_S)
    guarded = Guarded(as_backend(arm))
    guarded.open()
    try:
        guarded.reset(seed=1)
        drive(guarded, (0.0, -0.02, 0.0), 15)
        assert arm.supervisor_pid is not None
        killed_ns = time.monotonic_ns()
        os.kill(arm.supervisor_pid, signal.SIGKILL)
        time.sleep(0.6)
        assert travel_after(twin, killed_ns) <= MOVE_MM
        assert "dead" in guarded.observe().reason
    finally:
        guarded.close()


def test_a_locked_arm_is_not_moved_and_the_message_says_what_to_do(mirobot: Twin) -> None:
    arm = SerialArm(SerialConfig(arm="mirobot", port=str(mirobot.port), **PATIENT), "gcode")
    arm.open()
    try:
        with pytest.raises(
            HardwareError, match=r"locked \(alarm\).*robofeed arm home mirobot --port"
        ):
            arm.reset(seed=1)
        assert [e for e in mirobot.log() if e.what in ("goal", "stop")] == []
    finally:
        arm.close()


def test_a_grbl_arm_is_stopped_in_its_move(mirobot: Twin) -> None:
    file = load_any_arm("mirobot")
    assert isinstance(file, GcodeArmFile)
    with open_machine(file, str(mirobot.port)) as machine:
        assert isinstance(machine, GrblArm)
        machine.home()
    arm = SerialArm(
        SerialConfig(arm="mirobot", port=str(mirobot.port), watchdog_s=0.5, **PATIENT), "gcode"
    )
    guarded = Guarded(as_backend(arm))
    guarded.open()
    try:
        guarded.reset(seed=1)
        drive(guarded, (0.0, 0.02, 0.0), 15)
        guarded.stop()
        stopped_ns = time.monotonic_ns()
        time.sleep(0.6)
        assert guarded.observe().ended is Ended.FAULT
        stops = [e for e in mirobot.log() if e.what == "stop" and e.time_ns > stopped_ns - 10**8]
        assert stops, "no hold was seen"
        moved_ns = max(time_ns for time_ns, _ in places(mirobot))
        assert moved_ns - stopped_ns < 300e6
    finally:
        guarded.close()


def as_backend(arm: Backend) -> Backend:
    """Checked by mypy: the driver is a `Backend`."""
    return arm
