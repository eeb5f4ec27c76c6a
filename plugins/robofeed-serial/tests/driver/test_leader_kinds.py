"""Which arm leads which, and by which calibration."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from robofeed import ConfigError
from robofeed_serial.arms.arm_file import ArmFile, load_arm
from robofeed_serial.driving.leader import Leader, leader_calibration, leader_of


def kind_of(name: str) -> ArmFile:
    return leader_of(load_arm(name))


def test_each_arm_knows_its_leaders_kind_and_calibration() -> None:
    so101, koch = load_arm("so101"), load_arm("koch")

    assert kind_of("so101").name == "so101"
    assert kind_of("koch").name == "koch_leader"
    assert leader_calibration(kind_of("so101"), so101, "") == "so101-leader"
    assert leader_calibration(kind_of("koch"), koch, "") == "koch_leader"
    assert leader_calibration(kind_of("koch"), koch, "mine") == "mine"


def test_a_leader_never_uses_the_calibration_of_the_arm_it_leads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROBOFEED_ARMS", os.fspath(tmp_path))
    with pytest.raises(ConfigError, match=r"calibrate so101 --port tty --name so101-leader"):
        Leader(kind_of("so101"), "tty", "so101-leader")


def test_a_leader_with_other_joints_is_refused(tmp_path: Path) -> None:
    text = load_arm("koch").path.read_text("utf-8")
    urdf = load_arm("koch").path.parent / "koch.urdf"
    (tmp_path / urdf.name).write_bytes(urdf.read_bytes())
    mine, other = tmp_path / "mine.toml", tmp_path / "other.toml"
    mine.write_text(text.replace('leader = "koch_leader"', 'leader = "other.toml"'), "utf-8")
    other.write_text(text.replace('"wrist_roll"', '"twist"'), "utf-8")

    with pytest.raises(ConfigError, match="it cannot lead it"):
        leader_of(load_arm(str(mine)))
