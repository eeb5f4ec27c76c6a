"""Ctrl-C at a program that has an arm: before it has it, and while the arm moves."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from robofeed_serial.arms.arm_file import load_arm
from robofeed_serial.arms.calibration import nominal
from robofeed_serial.supervision.uninterrupted import uninterrupted
from robofeed_serial.twin.process import Twin
from robofeed_serial.wire.link import Link


@pytest.fixture
def mute() -> Iterator[tuple[int, str]]:
    """A port behind which nobody answers: looking for servos takes seconds. Its other end first."""
    other, port = pty.openpty()
    yield other, os.ttyname(port)
    os.close(other)
    os.close(port)


def until(what: str, found: object, within_s: float = 30.0) -> None:
    end_s = time.monotonic() + within_s
    assert callable(found)
    while not found():
        assert time.monotonic() < end_s, what
        time.sleep(0.01)


def children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(each) for each in tasks.read_text("ascii").split()] if tasks.exists() else []


def parking(port: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "robofeed", "arm", "park", "so101", "--port", port]
        + ["--calibration", "nominal", "--yes"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # a terminal's foreground job: Ctrl-C is for all of it
    )


@pytest.mark.parametrize("when", ["before it has the port", "while it looks for its servos"])
def test_ctrl_c_leaves_no_process_and_a_free_port(mute: tuple[int, str], when: str) -> None:
    other, port = mute
    program = parking(port)
    owners: list[int] = []

    def owned() -> bool:
        owners[:] = children(program.pid)
        return bool(owners)

    until("the supervisor was started", owned)
    if when != "before it has the port":
        until("it asked for servos", lambda: select.select([other], [], [], 0.0)[0])
    os.killpg(program.pid, signal.SIGINT)
    program.wait(30)
    left = [owner for owner in owners if Path(f"/proc/{owner}").exists()]
    output, told = program.communicate(timeout=30)

    assert program.returncode == 130
    assert "Traceback" not in told
    assert output == ""
    assert left == []
    link = Link(port, 1_000_000)
    link.open()
    link.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_waits_until_what_is_being_started_is_known(number: signal.Signals) -> None:
    known: list[str] = []

    def end(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(number, end)
    try:
        with pytest.raises(KeyboardInterrupt):
            with uninterrupted():
                signal.raise_signal(number)
                known.append("its process")
        assert known == ["its process"]
        assert signal.getsignal(number) is end
    finally:
        signal.signal(number, before)


def test_ctrl_c_on_the_way_to_rest_holds_the_arm_where_it_is() -> None:
    arm = load_arm("so101")
    assert arm.gripper is not None
    home = zip(
        arm.ids, nominal(arm).scales(arm), [*arm.model.home_rad, arm.gripper.shut_rad], strict=True
    )
    start = {servo_id: scale.to_ticks(rad) for servo_id, scale, rad in home}
    with Twin("so101", "--no-gravity") as twin:
        twin.hand(start)
        program = parking(str(twin.port))

        def gone_ticks() -> int:
            now = [each["present_ticks"] for each in twin.state()["servos"]]
            return max(abs(a - b) for a, b in zip(now, start.values(), strict=True))

        until("it was on its way", lambda: gone_ticks() > 100)
        os.killpg(program.pid, signal.SIGINT)
        output, told = program.communicate(timeout=30)
        time.sleep(0.3)
        held = gone_ticks()
        time.sleep(0.5)

        assert program.returncode == 130
        assert "Traceback" not in told and "parked" not in output
        assert gone_ticks() == held
        assert all(each["torque_on"] for each in twin.state()["servos"])
        link = Link(str(twin.port), 1_000_000)
        link.open()
        link.close()
