"""Ctrl-C while the port's owner is being started: as if nothing had been asked for."""

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


@pytest.mark.parametrize("when", ["before it has the port", "while it looks for its servos"])
def test_ctrl_c_leaves_no_process_and_a_free_port(mute: tuple[int, str], when: str) -> None:
    other, port = mute
    program = subprocess.Popen(
        [sys.executable, "-m", "robofeed", "arm", "park", "so101", "--port", port]
        + ["--calibration", "nominal", "--yes"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # a terminal's foreground job: Ctrl-C is for all of it
    )
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
