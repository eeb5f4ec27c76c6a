"""Arm files: the bundled ones make sense, and a wrong one is refused with file, line and key."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from robofeed import ConfigError
from robofeed_serial.arms.arm_file import ArmFile, load_any_arm, load_arm
from robofeed_serial.arms.description import arm_names
from robofeed_serial.arms.toml_file import line_of

ARMS = [name for name in arm_names() if isinstance(load_any_arm(name), ArmFile)]


def test_the_bundled_arms_are_all_there() -> None:
    assert ARMS == ["koch", "koch_leader", "omx", "rfp6", "so100", "so101"]


@pytest.mark.parametrize("name", ARMS)
def test_home_points_down_and_home_and_rest_are_within_reach_and_range(name: str) -> None:
    arm = load_arm(name)
    figures = arm.geometry().figures()
    kinematics = arm.geometry().kinematics(0.02, hold_posture=True)
    low, high = figures.joint_low_rad, figures.joint_high_rad

    for pose in (arm.model.home_rad, arm.model.rest_rad):
        assert all(a <= q <= b for a, q, b in zip(low, pose, high, strict=True))
        tool_m = kinematics.pose(pose).tool_m
        assert np.all(np.array(tool_m) >= figures.workspace_low_m)
        assert np.all(np.array(tool_m) <= figures.workspace_high_m)
    assert sum(arm.model.home_rad[1:4]) == pytest.approx(math.pi / 2, abs=0.01)


@pytest.mark.parametrize("name", ARMS)
def test_a_servo_stays_within_one_turn_of_its_encoder(name: str) -> None:
    arm = load_arm(name)
    for servo in arm.servos:
        low, high = arm.range_rad(servo)
        half_ticks = (high - low) / 2 * servo.ticks_per_turn * servo.gear / math.tau
        assert 0 <= servo.middle_ticks - half_ticks
        assert servo.middle_ticks + half_ticks < servo.ticks_per_turn


def test_an_unknown_arm_is_answered_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'so101'"):
        load_arm("so10l")


def edited(tmp_path: Path, old: str, new: str, count: int = 1) -> ArmFile:
    text = load_arm("so101").path.read_text("utf-8")
    assert old in text
    path = tmp_path / "mine.toml"
    path.write_text(text.replace(old, new, count), "utf-8")
    return load_arm(str(path))


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("id = 3", "id = 300", r"mine.toml:\d+: joints\[2\]\.id: .*less than or equal to 252"),
        ("id = 3", "id = 2", "same id: 2"),
        ("scale = 1.0", "scale = nan", r"mine.toml:\d+: model.scale"),
        ("baud = 1_000_000", "baud = 1_000_000\nbuad = 1", r"mine.toml:\d+: buad: .*not permitted"),
        ("baud = 1_000_000", "baud = ", r"mine.toml:10: not TOML"),
        ("rest_rad = [0.0, -1.6, ", "rest_rad = [-1.6, ", "rest_rad has 4 values for 5 joints"),
        ('protocol = "feetech"', 'protocol = "canbus"', r"mine.toml:9: protocol"),
        ("open_rad = 1.7453", "open_rad = -0.1745", "are the same"),
    ],
)
def test_a_wrong_file_says_where(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        edited(tmp_path, old, new)


def test_the_line_named_is_that_of_the_key(tmp_path: Path) -> None:
    text = load_arm("so101").path.read_text("utf-8").replace("id = 3", "id = 300")

    line = line_of(text, ("joints", 2, "id"))

    assert text.splitlines()[line - 1] == "id = 300"


def test_a_joint_that_the_model_lacks_is_named(tmp_path: Path) -> None:
    arm = edited(tmp_path, 'name = "elbow_flex"', 'name = "ellbow"')

    with pytest.raises(ConfigError, match=r"no joint 'ellbow' .*elbow_flex"):
        arm.geometry().figures()


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('name = "elbow_flex"', 'name = "shoulder_lift"', "two servos have the same name"),
        ("rest_rad = [0.0, -1.6,", "rest_rad = [0.0, -1.8,", "model.rest_rad has joint shoulder_l"),
        (
            'name = "elbow_flex"',
            'name = "elbow_flex"\nrange_rad = [0.2, 0.5]',
            "model.home_rad has",
        ),
    ],
)
def test_a_pose_outside_the_ranges_is_refused(
    tmp_path: Path, old: str, new: str, complaint: str
) -> None:
    with pytest.raises(ConfigError, match=complaint):
        edited(tmp_path, old, new).geometry()


def test_joints_in_another_order_than_the_models_are_refused(tmp_path: Path) -> None:
    text = load_arm("so101").path.read_text("utf-8")
    swapped = text.replace('"shoulder_lift"', '"?"').replace('"elbow_flex"', '"shoulder_lift"')
    path = tmp_path / "mine.toml"
    path.write_text(swapped.replace('"?"', '"elbow_flex"'), "utf-8")

    with pytest.raises(ConfigError, match="the same joints, base first"):
        load_arm(str(path)).geometry()


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('"wrist_roll" type="revolute"', '"wrist_roll" type="prismatic"', "wrist_roll slides"),
        ('"wrist_roll" type="revolute"', '"wrist_roll" type="fixed"', "the same joints"),
        ('lower="-2.9" upper="2.9"', "", "joint wrist_roll needs range_rad"),
        ('"wrist_roll" type="revolute"', '"wrist_roll" type="floating"', "wrist_roll is floating"),
        ('<axis xyz="1 0 0"/>', '<axis xyz="0 0 0"/>', "axis without a direction"),
        ('<origin xyz="0.0450 0 0"/>', '<origin xyz="nan 0 0"/>', "'nan 0 0' holds a number"),
    ],
)
def test_a_model_of_another_kind_of_arm_is_refused(
    tmp_path: Path, old: str, new: str, complaint: str
) -> None:
    koch = load_arm("koch").path
    model = koch.with_suffix(".urdf").read_text("utf-8")
    assert old in model
    (tmp_path / "koch.urdf").write_text(model.replace(old, new), "utf-8")
    (tmp_path / "koch.toml").write_text(koch.read_text("utf-8"), "utf-8")

    with pytest.raises(ConfigError, match=complaint):
        load_arm(str(tmp_path / "koch.toml")).geometry()


def test_a_range_of_ones_own_replaces_the_models(tmp_path: Path) -> None:
    arm = edited(tmp_path, 'name = "elbow_flex"', 'name = "elbow_flex"\nrange_rad = [-1.0, 1.55]')

    assert arm.geometry().figures().joint_low_rad[2] == -1.0
    assert arm.range_rad(arm.joints[2]) == (-1.0, 1.55)
    assert arm.hash() != load_arm("so101").hash()
