"""A twin as a process of its own: its port, its control socket, its command line, its end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import serial

from robofeed import ConfigError, HardwareError
from robofeed_serial.feetech.frames import FeetechCodec
from robofeed_serial.twin.control import ask
from robofeed_serial.twin.process import Twin
from robofeed_serial.twin.terminal import TwinTerminal

CODEC = FeetechCodec()


@pytest.fixture(scope="module")
def twin() -> Iterator[Twin]:
    with Twin("so101", "--no-gravity") as twin:
        yield twin


def wait_until(holds: Callable[[], bool]) -> None:
    end_s = time.monotonic() + 20.0
    while not holds():
        assert time.monotonic() < end_s
        time.sleep(0.02)


def pings(twin: Twin, servo: int = 1, baud: int = 1_000_000) -> bool:
    with serial.Serial(str(twin.port), baud, timeout=0.5, exclusive=True) as port:
        port.write(CODEC.ping(servo))
        return port.read(6) == bytes([255, 255, servo, 2, 0, ~(servo + 2) & 255])


def test_it_answers_at_its_rate_and_no_other(twin: Twin) -> None:
    wait_until(lambda: pings(twin))

    assert not pings(twin, baud=500_000)
    assert twin.state()["baud"] == 500_000


def test_joints_move_by_hand_only_with_the_torque_off(twin: Twin) -> None:
    with serial.Serial(str(twin.port), 1_000_000, timeout=5.0) as port:
        port.write(CODEC.write(1, 42, b"\x00\x08") + CODEC.write(1, 40, b"\x01"))
        assert len(port.read(12)) == 12

        assert twin.hand({1: 1000, 2: 1500}) == [1]
        assert twin.state()["servos"][1]["present_ticks"] == 1500

        port.write(CODEC.write(1, 40, b"\x00"))
        assert len(port.read(6)) == 6
        assert twin.hand({1: 1000}) == []
    entries = twin.log()
    whats = [entry.what for entry in entries if entry.servo_id == 1]
    assert whats == ["goal", "torque", "torque"]
    # There may be more by now: the arm has just gone limp.
    assert twin.log(since=entries[-1].number)[0] == entries[-1]


def test_unplugged_it_is_gone_for_the_host_and_comes_back(twin: Twin) -> None:
    with serial.Serial(str(twin.port), 1_000_000, timeout=5.0) as port:
        twin.fault("unplug")
        with pytest.raises((serial.SerialException, OSError)):
            for _ in range(3):
                port.write(CODEC.ping(1))
                port.read(6)
    assert not os.path.lexists(twin.port)

    twin.clear("unplug")

    assert twin.port.exists()
    wait_until(lambda: pings(twin))


def test_faults_at_run_time(twin: Twin) -> None:
    twin.fault("mute:servo_id=1")
    assert twin.state()["faults"] == ["mute:servo_id=1"]
    assert not pings(twin)

    twin.clear()

    wait_until(lambda: pings(twin))


def test_faults_by_the_command_line(twin: Twin) -> None:
    def fault(*arguments: str) -> list[str]:
        command = [sys.executable, "-m", "robofeed", "arm", "fault", str(twin.control)]
        return subprocess.check_output([*command, *arguments], text=True).split("\n")[:-1]

    assert fault("stuck:servo_id=2", "hot:servo_id=1,for_s=600") == [
        "stuck:servo_id=2",
        "hot:servo_id=1,for_s=600.0",
    ]
    assert fault("--clear") == ["no faults"]


def test_requests_that_make_no_sense_are_refused(twin: Twin) -> None:
    with pytest.raises(ConfigError, match="did you mean 'fault'"):
        twin.ask("faults")
    with pytest.raises(ConfigError, match="no servo with id 9"):
        twin.hand({9: 0})
    with pytest.raises(ConfigError, match="no servo 9"):
        twin.fault({"kind": "mute", "servo_id": 9})
    with pytest.raises(ConfigError, match="KeyError"):
        twin.ask("hand")
    assert pings(twin) or pings(twin)


def test_it_ends_with_its_parent(tmp_path: Path) -> None:
    code = """
import time
from robofeed_serial.twin.process import Twin
from robofeed_serial.twin.terminal import TwinTerminal
twin = Twin("so101"); twin.start()
print(twin.pid, twin.port, flush=True)
time.sleep(60)
"""
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid, path = parent.stdout.readline().split()
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()

    wait_until(lambda: not os.path.lexists(path))
    wait_until(lambda: not Path(f"/proc/{pid}").exists())


def twin_command(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "robofeed", "arm", "twin", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["so102"], "did you mean 'so10"),
        (["so101", "--baud", "12345"], "no rate 12345"),
        (["so101", "--fault", "mute:servo_id=8"], "no servo 8"),
        (["uarm", "--baud", "9600"], "leave out --baud"),
        (["uarm", "--new"], "leave out --new"),
        (["uarm", "--no-gravity", "--baud", "9600"], "leave out --baud, --no-gravity"),
        (["so101", "--task", "push"], "leave out --task"),
    ],
)
def test_what_cannot_be_started_says_why(arguments: list[str], says: str, tmp_path: Path) -> None:
    done = twin_command(*arguments, "--link", str(tmp_path / "port"))

    assert done.returncode == 2
    assert says in " ".join(done.stderr.split())


def test_the_port_of_a_running_twin_is_left_to_it(twin: Twin) -> None:
    done = twin_command("so101", "--link", str(twin.port))

    assert done.returncode == 2
    assert "perhaps of another twin" in " ".join(done.stderr.split())
    wait_until(lambda: pings(twin))


def test_a_link_left_behind_is_replaced(tmp_path: Path) -> None:
    with Twin("uarm") as twin:
        twin.port.unlink()
        twin.port.symlink_to("/dev/pts/99999")
        twin.fault("unplug")
        assert twin.port.is_symlink(), "not the twin's own link any more"

        twin.clear()

        assert twin.port.exists()


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    terminal = TwinTerminal(tmp_path / "ports" / "so101")

    with pytest.raises(ConfigError, match=r"there is no folder .*ports\. Make it"):
        terminal.plug()
    assert not terminal.is_plugged


def test_a_file_in_the_way_of_the_link_stays(tmp_path: Path) -> None:
    path = tmp_path / "port"
    path.write_text("mine", "utf-8")

    done = twin_command("so101", "--link", str(path))

    assert done.returncode == 2
    assert path.read_text("utf-8") == "mine"


def test_the_transcript_has_every_byte(tmp_path: Path) -> None:
    written = tmp_path / "bytes.txt"
    with Twin("so101", "--transcript", str(written), "--fault", "drop:times=1") as twin:
        wait_until(lambda: pings(twin, 2))

    lines = [line.split()[1:] for line in written.read_text("ascii").splitlines()]
    assert lines[:3] == [[">", "ffff020201fa"]] * 2 + [["<", "ffff020200fb"]]


def test_nobody_at_the_socket_is_said(tmp_path: Path) -> None:
    with pytest.raises(HardwareError, match="no twin answers"):
        ask(tmp_path / "none", {"do": "state"})
