"""The commands with arms that take G-code: what works, and what is refused with a reason."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from robofeed_serial.commands import home
from robofeed_serial.gcode.grbl import GrblArm
from robofeed_serial.twin.process import Twin


@pytest.fixture(scope="module")
def uarm() -> Iterator[Twin]:
    with Twin("uarm") as started:
        yield started


@pytest.fixture(scope="module")
def mirobot() -> Iterator[Twin]:
    with Twin("mirobot") as started:
        yield started


def robofeed(*arguments: object) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "robofeed", "arm", *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )
    return done.returncode, done.stdout + done.stderr


def test_scan_says_what_it_is_and_that_there_are_no_servos(uarm: Twin) -> None:
    before = len(uarm.log())
    status, said = robofeed("scan", uarm.port)

    assert status == 0, said
    assert "SwiftPro V4.9.0 at 115200 bit/s" in said
    assert "profile uarm): no servos" in said
    assert [e for e in uarm.log(before) if e.what in ("goal", "torque", "stop")] == []


def test_what_needs_servos_is_refused(uarm: Twin) -> None:
    for command in (
        ("calibrate", "uarm", "--port", uarm.port),
        ("setup", uarm.port, "--arm", "uarm"),
    ):
        status, said = robofeed(*command)

        assert status == 2
        assert "arm 'uarm' takes G-code: it has no servos" in said


def test_parking_ends_at_rest_and_lets_go(uarm: Twin) -> None:
    status, said = robofeed("park", "uarm", "--port", uarm.port, "--yes")

    assert status == 0, said
    assert "parked: torque off" in said
    x, y, z = uarm.state()["places"].values()
    assert (x, y, z) == pytest.approx((150_000, 0, 30_000), abs=25_000)  # within 0.1 rad
    torque = [e.value for e in uarm.log() if e.what == "torque"]
    assert torque[0] == 1 and torque[-1] == 0


def test_a_mirobot_is_homed_on_request_and_cannot_let_go(mirobot: Twin) -> None:
    status, said = robofeed("scan", mirobot.port)
    assert status == 0 and "Mirobot at 115200 bit/s" in said and "locked" in said

    status, said = robofeed("home", "mirobot", "--port", mirobot.port)
    assert status == 2 and "standard input has ended" in said
    status, said = robofeed("home", "mirobot", "--port", mirobot.port, "--yes")
    assert status == 0 and "homed" in said

    status, said = robofeed("relax", "mirobot", "--port", mirobot.port, "--yes")
    assert status == 3
    assert "no command that switches its motors off" in said

    status, said = robofeed("park", "mirobot", "--port", mirobot.port)
    assert status == 2 and "standard input has ended" in said
    assert "nothing keeps the links of mirobot from each other or the table" in said


@pytest.mark.soak
def test_the_selftest_turns_each_joint_and_reports(uarm: Twin, tmp_path: Path) -> None:
    status, said = robofeed("selftest", "uarm", "--port", uarm.port, "--yes", "--out", tmp_path)

    assert status == 0, said
    (report,) = tmp_path.glob("selftest-uarm-*.md")
    text = report.read_text("utf-8")
    for joint in ("base_turn", "lower_arm", "upper_arm"):
        assert f"| turning {joint} | ok |" in text


def test_homing_that_is_broken_off_says_that_the_place_is_lost(
    mirobot: Twin, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(self: GrblArm) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(GrblArm, "home", interrupted)
    with pytest.raises(KeyboardInterrupt):
        home.command("mirobot", str(mirobot.port), yes=True)
    assert "does not know any more where it is" in capsys.readouterr().out
