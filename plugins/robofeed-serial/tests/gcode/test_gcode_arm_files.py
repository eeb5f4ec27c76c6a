"""Arm files of arms that take G-code: the bundled ones make sense, wrong ones are refused."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from robofeed import ConfigError, HardwareError
from robofeed.data.tasks import make_task
from robofeed_serial.arms.arm_file import load_any_arm, load_arm
from robofeed_serial.arms.description import arm_names
from robofeed_serial.arms.machine_file import AXES, GcodeArmFile
from robofeed_serial.body.arm_body import body_of, not_looked_at
from robofeed_serial.body.link_poses import LinkPoses
from robofeed_serial.driving.config import SerialConfig
from robofeed_serial.driving.driver import SerialArm
from robofeed_serial.gcode.coordinates import coordinates_of
from robofeed_serial.gcode.grbl import GRBL, MIROBOT
from robofeed_serial.supervision.goal_gate import GoalGate
from robofeed_serial.supervision.settings import SupervisorSettings, bounds_of, ranges_of

ARMS = [name for name in arm_names() if isinstance(load_any_arm(name), GcodeArmFile)]


def loaded(name: str) -> GcodeArmFile:
    arm = load_any_arm(name)
    assert isinstance(arm, GcodeArmFile)
    return arm


def test_the_bundled_arms_are_all_there() -> None:
    assert ARMS == ["mirobot", "uarm"]


@pytest.mark.parametrize("name", ARMS)
def test_home_and_rest_are_in_range_and_in_the_workspace(name: str) -> None:
    arm = loaded(name)
    figures = arm.geometry().figures()
    kinematics = arm.geometry().kinematics(0.02, hold_posture=False)

    for pose in (arm.model.home_rad, arm.model.rest_rad):
        assert all(low <= q <= high for q, (low, high) in zip(pose, arm.ranges_rad, strict=True))
        tool_m = np.array(kinematics.pose(pose).tool_m)
        assert np.all(tool_m >= figures.workspace_low_m)
        assert np.all(tool_m <= figures.workspace_high_m)


@pytest.mark.parametrize("name", ARMS)
def test_joints_become_axes_and_joints_again(name: str) -> None:
    arm = loaded(name)
    coordinates = coordinates_of(arm)
    rng = np.random.default_rng(1)
    home = arm.model.home_rad
    for _ in range(50):
        joints = [q + float(rng.uniform(-0.2, 0.2)) for q in home]

        back = coordinates.joint_rad(coordinates.place(joints))

        assert back == pytest.approx(joints, abs=1e-9)


@pytest.mark.parametrize(("name", "share"), [("uarm", 1.0), ("mirobot", 0.97)])
def test_the_arm_reaches_what_the_task_asks_for(name: str, share: float) -> None:
    """The uArm's targets are asked of its kinematics; a few of the Mirobot's are too near."""
    arm = loaded(name)
    figures = arm.geometry().figures()
    task = make_task("reach", figures)
    kinematics = arm.geometry().kinematics(0.1, hold_posture=False)
    rng = np.random.default_rng(2)
    reached = []
    for _ in range(100):
        goal_m = task.layout(rng).goal_m
        joints = list(arm.model.home_rad)
        for _ in range(80):
            joints = kinematics.solve(joints, kinematics.pose(joints), goal_m).joint_rad
        reached.append(math.dist(kinematics.pose(joints).tool_m, goal_m) < 0.03 * figures.scale)
    assert sum(reached) >= share * len(reached)


def test_the_uarms_home_is_where_its_firmware_has_it() -> None:
    """X200 Y0 Z150 is 101 degrees of its lower and 7.8 of its upper arm, by its own formulas."""
    joints = coordinates_of(loaded("uarm")).joint_rad({"X": 200.0, "Y": 0.0, "Z": 150.0})

    assert [math.degrees(q) for q in joints] == pytest.approx([0.0, 90.0 - 101.0, 7.8], abs=0.1)


def test_links_that_follow_others_are_where_kinematics_has_them() -> None:
    arm = loaded("uarm")
    poses = LinkPoses(arm.geometry().model, arm.actuators)
    kinematics = arm.geometry().kinematics(0.1, hold_posture=False)
    joints = [0.4, 0.2, 0.7]

    hand = poses.at(np.array([joints]))[0, poses.index["hand"]]

    assert hand[2, :3] == pytest.approx([0.0, 0.0, 1.0], abs=1e-12)  # level
    tool_m = hand[:3, :3] @ np.array(arm.model.tool_m) + hand[:3, 3]
    assert tool_m == pytest.approx(kinematics.pose(joints).tool_m, abs=1e-12)


def test_a_place_that_no_links_reach_is_said_so() -> None:
    with pytest.raises(HardwareError, match=r"X450\.0 Y0\.0 Z150\.0 mm, where its links"):
        coordinates_of(loaded("uarm")).joint_rad({"X": 450.0, "Y": 0.0, "Z": 150.0})


def test_what_needs_servos_says_that_there_are_none() -> None:
    with pytest.raises(ConfigError, match="takes G-code: it has no servos"):
        load_arm("uarm")


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('profile = "uarm"', 'profile = "uram"', r"mine.toml:\d+: gcode.profile"),
        ("near = 0.5", "near = 0.0", r"mine.toml:\d+: gcode.near"),
        ('axes = "tool"', 'axes = "joints"', "every joint needs its axis"),
        ('name = "upper_arm"', 'name = "upper_arm"\nid = 3', r"joints\[2\]\.id: .*not permitted"),
        ('name = "upper_arm"', 'name = "upper_arm"\naxis = "Z"', "no joint has an axis"),
        ('name = "upper_arm"', 'name = "lower_arm"', "same name: lower_arm"),
        ("[0.0, -0.13870, 0.33863]", "[0.0, 0.0]", "home_rad has 2 values for 3 joints"),
    ],
)
def test_a_wrong_file_says_where(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    text = load_any_arm("uarm").path.read_text("utf-8")
    assert old in text
    path = tmp_path / "mine.toml"
    path.write_text(text.replace(old, new, 1), "utf-8")

    with pytest.raises(ConfigError, match=complaint):
        load_any_arm(str(path))


@pytest.mark.parametrize(
    ("name", "old", "new", "complaint"),
    [
        ("mirobot", 'profile = "mirobot"', 'profile = "grbl"', "joint4: its axis A is not in"),
        ("mirobot", 'profile = "mirobot"', 'profile = "uarm"', 'set gcode.axes = "tool"'),
        ("mirobot", 'axis = "C"', 'axis = "D"', "joint6: its axis D .* have A, B, C, X, Y, Z"),
    ],
)
def test_an_axis_that_the_arm_never_reports_is_refused(
    tmp_path: Path, name: str, old: str, new: str, complaint: str
) -> None:
    path = tmp_path / "mine.toml"
    text = load_any_arm(name).path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(ConfigError, match=complaint):
        load_any_arm(str(path))


def test_the_axes_of_an_arm_file_are_those_of_the_reports() -> None:
    assert set(AXES["grbl"]) == set(GRBL.axes)
    assert set(AXES["mirobot"]) == set(MIROBOT.axes) - {"D"}  # its slider


def test_a_calibration_is_refused() -> None:
    with pytest.raises(ConfigError, match="leave the calibration out"):
        ranges_of(loaded("uarm"), "mine")
    assert ranges_of(loaded("uarm"), "nominal") == loaded("uarm").ranges_rad


def test_the_uarms_links_are_kept_from_its_turntable_and_from_the_table() -> None:
    arm = loaded("uarm")
    body = body_of(arm)
    bounds = bounds_of(arm, ranges_of(arm, ""), SupervisorSettings(arm="uarm", port=""))
    kinematics = arm.geometry().kinematics(0.02, hold_posture=False)
    gate = GoalGate(bounds, lambda rad: kinematics.pose(rad).tool_m, body)
    here = [0.12, -0.40, 0.70]
    for _ in range(200):  # drawn in, the upper arm comes down upon the turntable's front
        here = gate.pass_through([0.12, -0.55, 0.80], here, here, 0.02)

    assert gate.too_near == ("turntable", "upper_link")
    assert (body.gaps_m([here])[0] >= body.least_m - 1e-9).all()


def test_what_is_not_looked_at_is_said() -> None:
    assert not_looked_at(load_any_arm("uarm")) == ""
    assert not_looked_at(load_any_arm("so101")) == ""
    assert "links of mirobot from each other or the table" in not_looked_at(load_any_arm("mirobot"))


def test_a_run_says_what_is_not_looked_at(caplog: pytest.LogCaptureFixture) -> None:
    arm = SerialArm(SerialConfig(arm="mirobot", port="/dev/not-there"), "gcode")
    with pytest.raises(HardwareError):
        arm.open()
    assert "nothing keeps the links of mirobot" in caplog.text
