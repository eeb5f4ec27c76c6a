"""Calibrations: ticks and radians, from hand-moved ends, from LeRobot, kept and checked."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robofeed import ConfigError
from robofeed_serial.arms.arm_file import load_arm
from robofeed_serial.arms.calibration import (
    calibration_path,
    from_ends,
    insist_on_room_for,
    load_calibration,
    nominal,
    save_calibration,
)
from robofeed_serial.arms.lerobot_calibration import from_lerobot
from robofeed_serial.arms.ticks import JointScale

ARM = load_arm("so101")


@given(
    zero=st.floats(-1000, 5000),
    sign=st.sampled_from([-1, 1]),
    gear=st.floats(0.2, 20),
    ticks=st.integers(-20000, 20000),
)
def test_ticks_survive_the_way_to_radians_and_back(
    zero: float, sign: int, gear: float, ticks: int
) -> None:
    scale = JointScale(zero, sign, 4096, gear)

    assert scale.to_ticks(scale.to_rad(ticks)) == ticks


def test_a_turn_of_the_servo_is_a_turn_of_the_joint() -> None:
    assert JointScale(2048, 1, 4096).to_rad(2048 + 1024) == pytest.approx(math.pi / 2)
    assert JointScale(2048, -1, 4096).to_rad(2048 + 1024) == pytest.approx(-math.pi / 2)
    assert JointScale(2048, 1, 4096, gear=2.0).to_rad(2048 + 1024) == pytest.approx(math.pi / 4)


def ends_of(**changed: tuple[int, int]) -> dict[str, tuple[int, int]]:
    own = {each.name: (each.low_ticks, each.high_ticks) for each in nominal(ARM).servos}
    return {**own, **changed}


def test_moving_a_joint_the_other_way_finds_its_sign() -> None:
    forwards = from_ends(ARM, ends_of(), {}, "test")
    backwards = from_ends(ARM, ends_of(elbow_flex=(3150, 946)), {}, "test")

    assert forwards.scales(ARM)[2].to_rad(3000) == -backwards.scales(ARM)[2].to_rad(3000)
    assert [each.sign for each in backwards.servos] == [1, 1, -1, 1, 1, 1]


def test_the_grippers_two_ends_are_shut_and_open() -> None:
    for ends in ((1422, 2674), (2674, 1422)):
        scale = from_ends(ARM, ends_of(gripper=ends), {}, "test").scales(ARM)[5]
        assert scale.to_rad(ends[0]) == pytest.approx(-0.1745, abs=0.002)
        assert scale.to_rad(ends[1]) == pytest.approx(1.7453, abs=0.002)


@pytest.mark.parametrize("ends", [(2048, 2050), (2048, 2048), (0, 4095)])
def test_a_joint_that_was_not_moved_to_its_ends_is_named(ends: tuple[int, int]) -> None:
    with pytest.raises(ConfigError, match=r"elbow_flex \(servo 3\) was moved .* both of its ends"):
        from_ends(ARM, ends_of(elbow_flex=ends), {}, "test")


def test_limits_are_the_files_within_what_was_measured() -> None:
    made = from_ends(ARM, ends_of(elbow_flex=(1100, 3000)), {}, "test")
    low, high = made.ranges_rad(ARM)[2]

    assert -1.69 < low < -1.4
    assert 1.4 < high < 1.69


def test_a_calibration_comes_back_from_its_file_and_the_last_one_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROBOFEED_ARMS", str(tmp_path))
    made = from_ends(ARM, ends_of(), {"gripper": -12}, "by hand")
    path = calibration_path("so101")
    save_calibration(nominal(ARM), path)
    save_calibration(made, path)

    assert load_calibration(ARM) == made
    assert path.with_suffix(".toml.old").exists()


def test_no_calibration_says_how_to_make_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROBOFEED_ARMS", str(tmp_path))

    with pytest.raises(ConfigError, match="run robofeed arm calibrate so101 \\(by hand"):
        load_calibration(ARM)
    with pytest.raises(ConfigError, match="run robofeed arm calibrate so101 --name left "):
        load_calibration(ARM, "left")


@pytest.mark.parametrize("where", ["file/so101.toml", "/proc/arms/so101.toml", "folder.toml"])
def test_where_nothing_can_be_written_is_said_before_and_instead_of_a_traceback(
    tmp_path: Path, where: str
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder.toml").mkdir()
    path = tmp_path / where
    with pytest.raises(ConfigError, match=r"cannot be written: .*ROBOFEED_ARMS"):
        insist_on_room_for(path)
    with pytest.raises(ConfigError, match=r"cannot be written: .*ROBOFEED_ARMS"):
        save_calibration(nominal(ARM), path)


def test_a_calibration_that_cannot_be_written_leaves_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "so101.toml"
    save_calibration(nominal(ARM), path)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(ConfigError, match="No space left"):
        save_calibration(from_ends(ARM, ends_of(), {}, "by hand"), path)

    assert load_calibration(ARM, str(path)).source.startswith("nominal")


def test_the_calibration_of_another_arm_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "koch.toml"
    save_calibration(nominal(load_arm("koch")), path)

    with pytest.raises(ConfigError, match=r"koch.toml is of an arm 'koch', not of 'so101'"):
        load_calibration(ARM, str(path))


def test_a_calibration_for_an_arm_file_that_changed_is_refused(tmp_path: Path) -> None:
    changed = tmp_path / "so101.toml"
    changed.write_text(ARM.path.read_text("utf-8").replace("id = 3", "id = 9"), "utf-8")
    path = tmp_path / "calibration.toml"
    save_calibration(nominal(ARM), path)

    with pytest.raises(ConfigError, match="another version"):
        load_calibration(load_arm(str(changed)), str(path))


@pytest.mark.parametrize(
    ("was", "instead", "complaint"),
    [
        (
            "zero_ticks = 2048.0",
            "zero_ticks = nan",
            "servos.0..zero_ticks: Input should be a finite",
        ),
        (
            "zero_ticks = 2048.0",
            "zero_ticks = inf",
            "servos.0..zero_ticks: Input should be a finite",
        ),
        ("high_ticks =", "high_ticks = 1 #", "is not below high_ticks"),
    ],
)
def test_a_calibration_that_makes_no_sense_is_refused(
    tmp_path: Path, was: str, instead: str, complaint: str
) -> None:
    path = tmp_path / "calibration.toml"
    save_calibration(nominal(ARM), path)
    text = path.read_text("utf-8")
    assert was in text
    path.write_text(text.replace(was, instead, 1), "utf-8")

    with pytest.raises(ConfigError, match=complaint):
        load_calibration(ARM, str(path))


def lerobot_file(tmp_path: Path, **changes: dict[str, Any]) -> Path:
    rows = {
        servo.name: {
            "id": servo.id,
            "drive_mode": 0,
            "homing_offset": 100 + servo.id,
            "range_min": 900,
            "range_max": 3200,
        }
        for servo in ARM.servos
    }
    for name, change in changes.items():
        rows[name].update(change)
    path = tmp_path / "my_arm.json"
    path.write_text(json.dumps(rows), "utf-8")
    return path


def test_a_lerobot_calibration_is_taken_over(tmp_path: Path) -> None:
    made = from_lerobot(ARM, lerobot_file(tmp_path, elbow_flex={"drive_mode": 1}))
    scales = made.scales(ARM)

    assert scales[0].to_rad(2050) == pytest.approx(0.0)  # the middle is LeRobot's zero
    assert scales[0].to_rad(2050 + 1024) == pytest.approx(math.pi / 2)
    assert scales[2].to_rad(2050 + 1024) == pytest.approx(-math.pi / 2)
    assert made.servos[0].homing_offset == -101  # Feetech's register is subtracted


def test_a_lerobot_calibration_with_other_ids_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="elbow_flex has servo 7 there"):
        from_lerobot(ARM, lerobot_file(tmp_path, elbow_flex={"id": 7}))


@pytest.mark.parametrize(
    "changed",
    [
        {"range_min": 3200, "range_max": 900},
        {"range_min": 900, "range_max": 900},
        {"range_min": -1},
        {"range_max": 4096},
    ],
)
def test_a_lerobot_range_that_no_servo_has_is_refused(
    tmp_path: Path, changed: dict[str, int]
) -> None:
    with pytest.raises(ConfigError, match=r"elbow_flex goes from .* within a servo's 4096"):
        from_lerobot(ARM, lerobot_file(tmp_path, elbow_flex=changed))


NOT_THOSE = [
    "",
    "[]",
    "{}",
    '{"shoulder_pan": {"id": "x"}}',
    "\x00",
    '{"shoulder_pan": {"id": 1, "range_min": NaN}}',
    '{"shoulder_pan": {"id": 1, "range_min": Infinity}}',
    '{"shoulder_pan": 3}',
    "[" * 100_000,
]


@pytest.mark.parametrize("text", NOT_THOSE, ids=range(len(NOT_THOSE)))
def test_what_is_no_lerobot_calibration_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "file.json"
    path.write_text(text, "utf-8")

    with pytest.raises(ConfigError, match="LeRobot calibration"):
        from_lerobot(ARM, path)
