"""`robofeed arm ...` in a terminal, beside an arm not driven yet: from scan to selftest."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from robofeed_serial.arms.arm_file import load_arm
from robofeed_serial.arms.calibration import load_calibration, nominal, save_calibration
from robofeed_serial.make_bus import make_bus
from robofeed_serial.twin.process import Twin

from .typed import ended, robofeed


@pytest.fixture(scope="module")
def twin() -> Iterator[Twin]:
    with Twin("so101", "--no-gravity") as started:
        yield started


@pytest.fixture(autouse=True)
def own_calibrations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROBOFEED_ARMS", str(tmp_path / "arms"))


def test_scan_says_which_arm_it_is(twin: Twin) -> None:
    status, said = ended(robofeed("scan", str(twin.port)))

    assert status == 0, said
    assert "feetech at 1000000 bit/s" in said
    assert said.count("STS3215") == 6
    assert "so100, so101" in said
    assert f"robofeed arm calibrate so101 --port {twin.port}" in said


def test_scan_of_a_missing_port_ends_with_the_code_for_hardware() -> None:
    status, said = ended(robofeed("scan", "/dev/ttyNOWHERE"))

    assert status == 3
    assert "/dev/ttyNOWHERE" in said


def test_setup_insists_on_one_servo_at_a_time_and_asks_again(twin: Twin) -> None:
    child = robofeed("setup", str(twin.port), "--arm", "so101", "--joint", "elbow_flex")
    for _ in range(2):
        child.expect("Connect the servo of elbow_flex to the adapter, and no other, then press Ent")
        child.sendline()
        child.expect("6 servos answer .* one at a time")
    child.expect("then press Enter")
    child.send("\x03")
    status, said = ended(child)

    assert status == 130
    assert "robofeed arm setup" in said and "--joint elbow_flex" in said


def test_servos_as_they_are_sold_are_told_to_be_connected_one_at_a_time() -> None:
    with Twin("so101", "--no-gravity", "--new") as several:
        child = robofeed("setup", str(several.port), "--arm", "so101")
        child.expect("then press Enter")
        child.sendline()
        child.expect("several servos answer .* with one id: connect one at a time")
        child.expect("Connect the servo of gripper")
        child.send("\x04")
        status, said = ended(child)

    assert status == 2
    assert "--joint gripper --joint wrist_roll" in said


def test_calibrating_by_hand_finds_every_joint_again(twin: Twin) -> None:
    arm = load_arm("so101")
    wanted = nominal(arm)
    child = robofeed("calibrate", "so101", "--port", str(twin.port))
    child.expect("hold it, then press Enter")
    child.sendline()
    child.expect("middle of its range, the gripper half open, then press Enter")
    twin.hand({servo.id: servo.middle_ticks for servo in arm.servos})
    child.sendline()
    for servo, known in zip(arm.servos, wanted.servos, strict=True):
        ways = [("Shut", known.low_ticks), ("Open", known.high_ticks)]
        if servo.name != "gripper":
            ways = [(servo.positive, known.high_ticks), ("the other way", known.low_ticks)]
        for way, ticks in ways:
            child.expect_exact(way)
            child.expect("then press Enter")
            twin.hand({servo.id: ticks})
            child.sendline()
        child.expect(servo.name)
    status, said = ended(child)

    assert status == 0, said
    made = load_calibration(arm)
    assert made.source == "by hand"
    for got, known in zip(made.servos, wanted.servos, strict=True):
        assert got.zero_ticks == pytest.approx(known.zero_ticks, abs=5)
        assert got.sign == known.sign
    twin.hand({servo.id: servo.middle_ticks for servo in arm.servos})


@pytest.mark.parametrize(("key", "code"), [("\x04", 2), ("\x03", 130)], ids=["end", "Ctrl-C"])
def test_a_joint_that_was_not_moved_is_asked_again_and_what_is_broken_off_changes_nothing(
    twin: Twin, key: str, code: int
) -> None:
    def homed() -> list[int]:
        arm = load_arm("so101")
        bus = make_bus(arm.protocol, str(twin.port), arm.baud)
        bus.open()
        try:
            return [bus.read(servo_id, "homing_offset") for servo_id in arm.ids]
        finally:
            bus.close()

    before = homed()
    twin.hand({servo_id: 1900 for servo_id in load_arm("so101").ids})
    child = robofeed("calibrate", "so101", "--port", str(twin.port))
    for _ in range(4):
        child.expect("then press Enter")
        child.sendline()
    child.expect(r"shoulder_pan \(servo 1\) was moved 0.00 rad.*Once more:")
    child.expect("Put shoulder_pan into the middle between its two ends, then press Enter ")
    child.send(key)
    status, _ = ended(child)

    assert status == code
    assert not list(Path(os.environ["ROBOFEED_ARMS"]).glob("*"))
    assert homed() == before
    twin.hand({servo_id: 2048 for servo_id in load_arm("so101").ids})


def test_where_no_calibration_can_be_kept_nobody_is_asked_to_make_one(
    twin: Twin, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("ROBOFEED_ARMS", str(tmp_path / "file"))
    status, said = ended(robofeed("calibrate", "so101", "--port", str(twin.port)))

    assert status == 2
    assert "cannot be written" in said and "torque" not in said


def test_where_no_report_can_be_kept_the_arm_is_not_moved(twin: Twin, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    before = len(twin.log())
    options = ["--port", str(twin.port), "--calibration", "nominal", "--yes"]
    status, said = ended(robofeed("selftest", "so101", *options, "--out", str(tmp_path / "file")))

    assert status == 2 and "no report can be written there" in said
    assert [each for each in twin.log(before) if each.what in ("goal", "torque")] == []


def test_an_arm_unplugged_while_somebody_reads_what_it_will_do_is_not_said_to_hold(
    twin: Twin, tmp_path: Path
) -> None:
    options = ["--port", str(twin.port), "--calibration", "nominal", "--out", str(tmp_path)]
    child = robofeed("selftest", "so101", *options)
    child.expect("Type yes to go on: ")
    twin.fault("unplug")
    try:
        child.sendline("yes")
        status, said = ended(child)
    finally:
        twin.clear()
    until_back(twin)

    assert status == 3 and "was lost" in said
    assert "holds" not in said and not list(tmp_path.glob("selftest*"))


def until_back(twin: Twin) -> None:
    end_s = time.monotonic() + 10.0
    while not twin.port.exists():
        assert time.monotonic() < end_s
        time.sleep(0.05)


def test_a_selftest_that_breaks_off_reports_what_it_found(twin: Twin, tmp_path: Path) -> None:
    options = ["--port", str(twin.port), "--calibration", "nominal", "--yes"]
    child = robofeed("selftest", "so101", *options, "--out", str(tmp_path))
    child.expect("turning shoulder_pan")
    twin.fault("mute:servo_id=3")
    try:
        status, said = ended(child)
    finally:
        twin.clear()

    assert status == 5 and "elbow_flex" in said
    assert "The arm holds where it is, its torque on. robofeed arm park so101" in said
    assert "--calibration nominal" in said
    (report,) = tmp_path.glob("selftest-so101-*.md")
    text = report.read_text("utf-8")
    assert "| turning shoulder_pan | ok |" in text
    assert "| the self-test itself | FAILED |" in text


@pytest.mark.parametrize("command", ["find", "relax so101 --port PORT"])
def test_a_question_to_nobody_ends_on_a_line_of_its_own(
    twin: Twin, tmp_path: Path, command: str
) -> None:
    arguments = command.replace("PORT", str(twin.port)).split()
    if command == "find":
        arguments += ["--folder", str(twin.port.parent)]
    for closed in (False, True):
        done = subprocess.run(
            [sys.executable, "-c", RUN, *arguments],
            stdin=subprocess.DEVNULL,
            env={**os.environ, "CLOSED": "1" if closed else ""},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 2, done.stderr
        assert "standard input has ended" in done.stderr
        assert done.stdout.endswith("\n")


RUN = """
import os, sys
if os.environ["CLOSED"]:
    sys.stdin = None
from robofeed.__main__ import main
sys.argv = ["robofeed", "arm", *sys.argv[1:]]
main()
"""


def test_the_selftest_asks_moves_and_writes_a_report(twin: Twin, tmp_path: Path) -> None:
    save_calibration(nominal(load_arm("so101")), Path(os.environ["ROBOFEED_ARMS"]) / "so101.toml")
    child = robofeed("selftest", "so101", "--port", str(twin.port), "--out", str(tmp_path))
    child.expect(r"The tool stays within \(m\): x .* Type yes to go on: ")
    before = len(twin.log())
    child.sendline("yes")
    status, said = ended(child)

    assert status == 0, said
    (report,) = tmp_path.glob("selftest-so101-*.md")
    assert "| turning elbow_flex | ok |" in report.read_text("utf-8")
    moved = [each.ticks for each in twin.log(before) if each.ticks]
    for servo in range(1, 7):
        places = [row[servo] for row in moved]
        assert 40 < max(places) - min(places) < 90  # 0.1 rad are 65 ticks


def test_a_selftest_that_is_not_confirmed_moves_nothing(twin: Twin) -> None:
    before = len(twin.log())
    child = robofeed("selftest", "so101", "--port", str(twin.port), "--calibration", "nominal")
    child.expect("Type yes to go on: ")
    child.sendline("no")
    status, said = ended(child)

    assert status == 5, said
    assert [each for each in twin.log(before) if each.what == "goal"] == []
