"""What an operator may do wrong or meet, through the real command on a real port.

Each is refused with a message that names joint, port and next step and with its exit code, and
nothing has moved: no goal, no torque in the twin's log.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from robofeed import ConfigError, Guarded
from robofeed.data.observation import Ended, Gate
from robofeed_serial.arms.arm_file import load_arm
from robofeed_serial.arms.calibration import calibration_path, nominal, save_calibration
from robofeed_serial.commands import calibrate, camera, find, teleop
from robofeed_serial.driving.config import SerialConfig
from robofeed_serial.driving.driver import SerialArm
from robofeed_serial.rfp.messages import Kind, Refusal, Result
from robofeed_serial.rfp.refusals import explained
from robofeed_serial.twin.process import Twin
from robofeed_serial.twin.witness import TwinWitness

HARDWARE, CONFIG = 3, 2


@pytest.fixture(scope="module")
def twin() -> Iterator[Twin]:
    with Twin("so101", "--no-gravity") as started:
        yield started


def park(port: object, arm: str = "so101", calibration: str = "nominal") -> tuple[int, str]:
    """Switch the arm on and park it: the shortest command that moves."""
    command = [sys.executable, "-m", "robofeed", "arm", "park", arm, "--port", str(port), "--yes"]
    done = subprocess.run(
        [*command, "--calibration", calibration],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stderr


def commands_since(twin: Twin, number: int) -> list[str]:
    """Goals, and torque going on; it goes off by itself where a servo protects itself."""
    return [
        e.what for e in twin.log(number) if e.what == "goal" or (e.what == "torque" and e.value)
    ]


@pytest.mark.parametrize(
    ("fault", "phrases"),
    [
        ("mute:servo_id=3", ["elbow_flex (servo 3)", "check the cable to it", "arm scan PORT"]),
        (
            "duplicate_id:servo_id=3,as_id=2",
            ["elbow_flex (servo 3)", "two servos with one id", "arm scan PORT"],
        ),
        ("wrong_baud", ["no servo answers on PORT at 1000000 baud", "arm scan PORT"]),
        (
            "wrong_model:servo_id=3,number=5",
            ["servo 3 on PORT", "elbow_flex", "wrong arm file, or a servo was replaced"],
        ),
        (
            "wrong_firmware:servo_id=3,number=9",
            ["servo 3 (elbow_flex) on PORT", "firmware 3.9, the others 3.10", "maker's program"],
        ),
        ("hot:servo_id=3", ["elbow_flex (servo 3 on PORT)", "heat", "let it cool"]),
        ("overload:servo_id=3", ["elbow_flex (servo 3 on PORT)", "overload", "Take the load off"]),
        ("low_voltage", ["shoulder_pan (servo 1 on PORT)", "V", "check the supply"]),
    ],
)
def test_an_arm_in_trouble_is_not_switched_on(twin: Twin, fault: str, phrases: list[str]) -> None:
    before = len(twin.log())
    twin.fault(fault)
    try:
        status, said = park(twin.port)
    finally:
        twin.clear()
        twin.ask("reboot")

    assert status == HARDWARE, said
    for phrase in phrases:
        assert phrase.replace("PORT", str(twin.port)) in said
    assert commands_since(twin, before) == []


def test_a_joint_outside_its_range_keeps_the_torque_off(twin: Twin, tmp_path: Path) -> None:
    made = nominal(load_arm("so101"))
    servos = tuple(
        each.model_copy(update={"high_ticks": 2800}) if each.name == "elbow_flex" else each
        for each in made.servos
    )
    save_calibration(made.model_copy(update={"servos": servos}), tmp_path / "narrow.toml")
    before = len(twin.log())
    twin.hand({3: 3000})
    try:
        status, said = park(twin.port, calibration=str(tmp_path / "narrow.toml"))
    finally:
        twin.hand({3: 2048})

    assert status == HARDWARE, said
    assert f"joint elbow_flex (servo 3 on {twin.port}) stands at" in said
    assert "Move it back by hand" in said and "robofeed arm calibrate so101" in said
    assert commands_since(twin, before) == []


@pytest.mark.parametrize(
    ("made_for", "offset", "complaint"),
    [
        ("so101", 77, r"servo 1 \(shoulder_pan\) on {port} .* another arm's.* arm calibrate so101"),
        ("koch", None, r"is for koch.* not so101|robofeed arm calibrate so101"),
    ],
)
def test_the_calibration_of_another_arm_is_refused(
    twin: Twin, tmp_path: Path, made_for: str, offset: int | None, complaint: str
) -> None:
    made = nominal(load_arm(made_for))
    if offset is not None:
        servos = tuple(each.model_copy(update={"homing_offset": offset}) for each in made.servos)
        made = made.model_copy(update={"servos": servos})
    save_calibration(made, tmp_path / "other.toml")
    before = len(twin.log())
    status, said = park(twin.port, calibration=str(tmp_path / "other.toml"))

    assert status == CONFIG, said
    assert re.search(complaint.format(port=re.escape(str(twin.port))), said, re.DOTALL), said
    assert commands_since(twin, before) == []


def test_the_wrong_arm_file_says_what_to_look_at(twin: Twin) -> None:
    before = len(twin.log())
    status, said = park(twin.port, arm="koch")

    assert status == HARDWARE, said
    assert f"no servo answers on {twin.port}" in said
    assert f"robofeed arm scan {twin.port}" in said
    assert commands_since(twin, before) == []


def test_a_busy_port_names_who_has_it(twin: Twin) -> None:
    arm = SerialArm(
        SerialConfig(arm="so101", port=str(twin.port), calibration="nominal"), "feetech"
    )
    arm.open()
    try:
        status, said = park(twin.port)
    finally:
        arm.close()

    assert status == HARDWARE, said
    assert f"The port {twin.port} is in use by process {arm.supervisor_pid or ''}" in said
    assert "end the other one" in said


def test_a_missing_port_says_which_there_are(tmp_path: Path) -> None:
    status, said = park(tmp_path / "nowhere")

    assert status == HARDWARE, said
    assert f"There is no port {tmp_path / 'nowhere'}." in said


UNPRIVILEGED = """
import grp, os, sys
from robofeed.cli import main

def scan(port):
    sys.argv = ["robofeed", "arm", "scan", port]
    try:
        return main()
    except SystemExit as end:
        return end.code

port = sys.argv[1]
assert scan("/dev/ttyNOWHERE") == 3
if os.getuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
sys.exit(scan(port))
"""
"""Root may open every port, so it becomes nobody first; once all modules are loaded, which nobody
may not be allowed to read."""


def test_a_forbidden_port_names_its_group_and_the_command() -> None:
    import grp

    master, slave = os.openpty()
    try:
        port = os.ttyname(slave)
        group = grp.getgrnam("dialout")
        if os.getuid() == 0:
            os.chown(port, 0, group.gr_gid)
            os.chmod(port, 0o660)
            advice = (
                "It belongs to the group dialout: join it with `sudo usermod -aG dialout $USER`"
            )
        else:
            os.chmod(port, 0)
            advice = f"`sudo chmod a+rw {port}`"
        done = subprocess.run(
            [sys.executable, "-c", UNPRIVILEGED, port],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        os.close(master)
        os.close(slave)

    assert done.returncode == HARDWARE, done.stderr
    assert f"No permission to open {port}. {advice}" in done.stderr


def test_a_board_of_another_firmware_says_to_flash_it() -> None:
    refusal = Refusal(Kind.HELLO, Result.WRONG_VERSION, 2)

    assert explained(refusal, "/dev/ttyUSB0") == (
        "The servo board on /dev/ttyUSB0 refuses HELLO: it speaks version 2 of the protocol. "
        "Flash the firmware of this version."
    )


def test_a_target_outside_the_workspace_is_not_gone_to(twin: Twin) -> None:
    arm = SerialArm(
        SerialConfig(
            arm="so101",
            port=str(twin.port),
            calibration="nominal",
            horizon=1000,
            watchdog_s=0.5,
            max_observation_age_s=0.5,
        ),
        "feetech",
    )
    guarded = Guarded(arm)
    witness = TwinWitness(twin, arm.arm)
    assert arm.spec.limits is not None
    floor_m = float(arm.spec.limits.workspace_low_m[2])
    gates = Gate.NONE
    guarded.open()
    try:
        guarded.reset(seed=1)
        witness.forget()
        for _ in range(80):  # 0.4 m down
            gates |= guarded.apply(np.array([0.0, 0.0, -0.005], np.float32)).gates
            time.sleep(0.02)
            assert guarded.observe().ended is Ended.RUNNING
    finally:
        guarded.close()

    heights_m = [float(arm.tool_at(each.joint_rad)[2]) for each in witness.places()]
    assert Gate.WORKSPACE in gates
    assert floor_m - 0.005 < min(heights_m) < heights_m[0] - 0.02


def test_an_arm_that_is_not_named_is_asked_for_by_those_there_are() -> None:
    with pytest.raises(ConfigError, match=r"dynamixel\.arm, to koch or koch_leader or omx"):
        SerialArm(SerialConfig(), "dynamixel")


def test_a_folder_that_is_not_there_is_not_an_arm_that_is_not_plugged_in(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no such folder"):
        find.command(list_only=True, folder=tmp_path / "nowhere")


def test_a_camera_is_not_asked_for_what_it_cannot_give_or_nobody_can_keep(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"--width 33: .*multiple of 2"):
        camera.command("0", None, 33, 480)
    with pytest.raises(ConfigError, match="nothing can be written into the folder"):
        camera.command("0", tmp_path / "nowhere" / "a.jpg", 640, 480)


@pytest.mark.parametrize(
    ("arm", "name", "then"),
    [
        ("so101", "", "robofeed arm selftest so101 --port ..."),
        ("so101", "left", "robofeed arm selftest so101 --port ... --calibration left"),
        ("so101", "so101-leader", "robofeed arm teleop so101 --port ... --leader-port ..."),
        ("koch_leader", "", "robofeed arm teleop koch --port ... --leader-port ..."),
    ],
)
def test_after_a_calibration_the_next_step_is_one_that_works(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arm: str,
    name: str,
    then: str,
) -> None:
    monkeypatch.setenv("ROBOFEED_ARMS", str(tmp_path))
    rows = {
        servo.name: {"id": servo.id, "homing_offset": 0, "range_min": 900, "range_max": 3200}
        for servo in load_arm(arm).servos
    }
    file = tmp_path / "theirs.json"
    file.write_text(json.dumps(rows), "utf-8")
    calibrate.command(arm, name=name, source=("lerobot", file))

    assert capsys.readouterr().out.splitlines()[-1] == f"Then: {then}"
    with pytest.raises(ConfigError, match="that name stands for"):
        calibrate.command(arm, name="nominal", source=("lerobot", file))


def test_the_home_of_nobody_is_no_path() -> None:
    for use in (load_arm, calibration_path):
        with pytest.raises(ConfigError, match="there is no such home folder"):
            use("~nobody-of-that-name/a.toml")


def test_a_workspace_without_room_is_refused_when_the_arm_file_is_read(tmp_path: Path) -> None:
    text = load_arm("so101").path.read_text("utf-8")
    file = tmp_path / "mine.toml"
    file.write_text(
        text.replace("[limits]", "[limits]\nworkspace_low_m = [0.0, 0.5, 0.0]"), "utf-8"
    )
    with pytest.raises(ConfigError, match=r"no room along y: it goes from 0.5 to 0.45 m"):
        load_arm(str(file)).geometry()


def test_what_no_leader_leads_is_said_before_anything_else() -> None:
    with pytest.raises(ConfigError, match="uarm takes G-code: no leader arm leads it"):
        teleop.command("uarm", port="x", leader_port="y")
