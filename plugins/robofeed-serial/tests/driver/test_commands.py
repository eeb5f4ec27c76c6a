"""`robofeed arm ...` in a real terminal, against twins: what an operator types and sees."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from robofeed import HardwareError
from robofeed_serial.arms.arm_file import load_arm
from robofeed_serial.arms.calibration import nominal
from robofeed_serial.bench.bus_scan import Found, arms_like
from robofeed_serial.bench.port_search import gone, line_about
from robofeed_serial.body.tool_box import box_of_turns
from robofeed_serial.buses.servo_bus import ServoModel
from robofeed_serial.twin.process import Twin
from robofeed_serial.wire.port_checks import PortInfo

from .typed import LONG_S, ended, robofeed


@pytest.fixture(scope="module")
def twin() -> Iterator[Twin]:
    with Twin("so101", "--no-gravity") as started:
        yield started


@pytest.fixture(autouse=True)
def own_calibrations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROBOFEED_ARMS", str(tmp_path / "arms"))


def teleop(twin: Twin, *options: str) -> pexpect.spawn:
    child = robofeed(
        "teleop", "so101", "--port", str(twin.port), "--calibration", "nominal", *options
    )
    child.expect("cm/s")
    return child


def ticks(twin: Twin, servo: int) -> int:
    found: int = twin.state()["servos"][servo]["present_ticks"]
    return found


def holds(twin: Twin) -> None:
    """All joints stand still, their torque on."""
    time.sleep(0.4)
    before = [each["present_ticks"] for each in twin.state()["servos"]]
    time.sleep(0.3)
    servos = twin.state()["servos"]
    assert [each["present_ticks"] for each in servos] == pytest.approx(before, abs=3)
    assert all(each["torque_on"] for each in servos)


def press(child: pexpect.spawn, keys: str, times: int = 1) -> None:
    """As a keyboard repeats a key that is held."""
    for _ in range(times):
        child.send(keys)
        time.sleep(0.04)


def test_teleop_moves_with_keys_and_stops_on_space(twin: Twin) -> None:
    child = teleop(twin)
    before = ticks(twin, 0)
    press(child, "a", 15)
    child.send(" ")
    child.expect("the arm holds: stopped by hand")
    after = ticks(twin, 0)
    assert abs(after - before) > 20
    press(child, "a", 5)  # nobody has said to go on
    holds(twin)
    assert abs(ticks(twin, 0) - after) <= 3

    child.send("\r")
    child.expect("4 cm/s")
    press(child, "d", 10)
    assert abs(ticks(twin, 0) - after) > 10
    child.send("q")
    status, said = ended(child)
    assert status == 0, said
    assert "robofeed arm park so101" in said
    holds(twin)


def test_in_teleop_nothing_turns_by_itself_and_a_tap_turns_no_joint_far(twin: Twin) -> None:
    """What the tool's place leaves free of the joints would else unfold towards the home pose."""
    child = teleop(twin)
    before = [each["present_ticks"] for each in twin.state()["servos"]]
    time.sleep(0.5)
    assert [each["present_ticks"] for each in twin.state()["servos"]] == before
    press(child, "r", 2)
    time.sleep(0.5)
    child.send("q")
    assert ended(child)[0] == 0

    after = [each["present_ticks"] for each in twin.state()["servos"]]
    assert after != before
    assert after == pytest.approx(before, abs=200)


def test_teleop_opens_the_gripper_and_ignores_keys_it_does_not_know(twin: Twin) -> None:
    child = teleop(twin)
    before = [each["present_ticks"] for each in twin.state()["servos"]]
    child.send("\x1b[15~\x1b[1;5Aw\x1b[B")  # F5, Ctrl and an arrow, then there and back
    end_s = time.monotonic() + LONG_S
    while ticks(twin, 5) - before[5] < 100:
        assert time.monotonic() < end_s
        press(child, "o")
    child.send("q")
    assert ended(child)[0] == 0

    after = [each["present_ticks"] for each in twin.state()["servos"]]
    assert after[:5] == pytest.approx(before[:5], abs=60)


@pytest.mark.parametrize(("signal_", "status"), [(signal.SIGINT, 130), (signal.SIGHUP, 129)])
def test_however_teleop_ends_the_arm_holds(
    twin: Twin, signal_: signal.Signals, status: int
) -> None:
    child = teleop(twin)
    press(child, "d", 5)
    child.kill(signal_)
    assert ended(child)[0] == status
    holds(twin)


def test_a_terminal_that_is_closed_holds_the_arm(twin: Twin) -> None:
    ours, theirs = pty.openpty()
    command = ["teleop", "so101", "--port", str(twin.port), "--calibration", "nominal"]
    child = subprocess.Popen(
        [sys.executable, "-m", "robofeed", "arm", *command],
        stdin=theirs,
        stdout=theirs,
        stderr=subprocess.PIPE,
        start_new_session=True,  # no signal tells it
    )
    os.close(theirs)
    shown = b""
    while b"cm/s" not in shown:
        shown += os.read(ours, 1024)
    for _ in range(5):
        os.write(ours, b"d")
        time.sleep(0.04)
    os.close(ours)

    assert child.communicate(timeout=LONG_S)[1] == b""
    holds(twin)


def test_a_teleop_put_to_sleep_holds_the_arm_and_leaves_the_terminal_in_order(twin: Twin) -> None:
    child = teleop(twin)
    before = termios.tcgetattr(child.fileno())[3]
    assert not before & termios.ICANON
    press(child, "a", 5)
    child.send("\x1a")  # Ctrl-Z
    end_s = time.monotonic() + LONG_S
    while not termios.tcgetattr(child.fileno())[3] & termios.ICANON:
        assert time.monotonic() < end_s
        time.sleep(0.05)
    holds(twin)

    child.kill(signal.SIGCONT)
    child.expect("the arm holds: stopped by hand")
    assert not termios.tcgetattr(child.fileno())[3] & termios.ICANON
    child.send("\r")
    child.expect("4 cm/s")
    child.send("q")
    child.expect(pexpect.EOF)
    assert termios.tcgetattr(child.fileno())[3] & termios.ICANON
    child.close()


def test_parking_ends_at_rest_without_torque(twin: Twin) -> None:
    arm = load_arm("so101")
    calibration = ["--calibration", "nominal"]
    status, said = ended(robofeed("park", "so101", "--port", str(twin.port), "--yes", *calibration))

    assert status == 0, said
    servos = twin.state()["servos"]
    assert not any(each["torque_on"] for each in servos)
    scales = nominal(arm).scales(arm)
    for each, scale, rest in zip(servos, scales, arm.model.rest_rad, strict=False):
        assert scale.to_rad(each["present_ticks"]) == pytest.approx(rest, abs=0.15)


def test_teleop_needs_a_terminal(twin: Twin) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "robofeed", "arm", "teleop", "so101", "--port", str(twin.port)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert "terminal" in done.stderr


def port(device: str, path: str = "") -> PortInfo:
    return PortInfo(path or device, device, "USB adapter", "1")


def test_the_port_that_went_is_the_arms() -> None:
    arm, other = port("/dev/ttyACM0", "/dev/serial/by-id/usb-arm"), port("/dev/ttyACM1")

    assert gone([arm, other], [other]) == arm
    assert line_about(arm).startswith("/dev/serial/by-id/usb-arm (/dev/ttyACM0)")


@pytest.mark.parametrize(("left", "complaint"), [(2, "no port went"), (0, "several ports")])
def test_no_port_or_two_ports_gone_is_no_answer(left: int, complaint: str) -> None:
    ports = [port("/dev/ttyACM0"), port("/dev/ttyACM1")]
    with pytest.raises(HardwareError, match=complaint):
        gone(ports, ports[:left])


def test_an_arm_is_recognised_by_ids_and_models() -> None:
    omx = load_arm("omx")
    found = [
        Found(
            "dynamixel",
            ServoModel(servo.id, servo.model_numbers[0], servo.servo, "52", 4096, 1_000_000),
            None,
        )
        for servo in omx.servos
    ]

    assert arms_like(found) == ["omx"]
    assert arms_like(found[:-1]) == []


def test_the_box_holds_every_place_of_the_tool() -> None:
    arm = load_arm("so101")
    low, high = box_of_turns(arm, [*arm.model.home_rad, 0.5], [0.1, -0.1, 0.1, 0.1, 0.1, 0.1])
    home = arm.geometry().figures().home_tool_m

    assert all(a < q < b for a, q, b in zip(low, home, high, strict=True))
    assert all(b - a < 0.2 for a, b in zip(low, high, strict=True))
