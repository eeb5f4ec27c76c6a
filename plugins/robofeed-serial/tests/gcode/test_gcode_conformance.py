"""The driver of arms that take G-code keeps the promises of `Backend`, on twins."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from robofeed.kinematics.model import transform
from robofeed.testing.conformance import check_twin
from robofeed.testing.trial import GoldenTool
from robofeed_serial.arms.arm_file import load_any_arm
from robofeed_serial.arms.machine_file import GcodeArmFile
from robofeed_serial.driving.config import SerialConfig
from robofeed_serial.driving.driver import SerialArm
from robofeed_serial.gcode.build import open_machine
from robofeed_serial.gcode.grbl import GrblArm
from robofeed_serial.twin.gcode.witness import MachineWitness
from robofeed_serial.twin.process import Twin

CANNOT_CHECK = {
    "The same seed gives the same start and, in a simulator, the same episode",
    "The specification is the same once opened; simulated time and episodes are as it says",
}


def poses(name: str) -> list[GoldenTool]:
    """Where the makers' own formulas put the tool."""
    place, count = (by_firmware, 3) if name == "uarm" else (by_denavit_hartenberg, 6)
    rng = np.random.default_rng(0)
    drawn = [rng.uniform(-0.5, 1.0, count).tolist() for _ in range(20)]
    return [(joint_rad, place(joint_rad)) for joint_rad in drawn]


def by_firmware(joint_rad: Sequence[float]) -> Sequence[float]:
    """The uArm's: lower arm from the level, upper arm below it."""
    base, lower, upper = joint_rad[0], math.pi / 2 - joint_rad[1], joint_rad[2]
    out = 13.2 + 142.07 * math.cos(lower) + 158.81 * math.cos(upper) + 56.65
    up = 106.6 + 142.07 * math.sin(lower) - 158.81 * math.sin(upper) - 74.55
    return [1e-3 * out * math.cos(base), 1e-3 * out * math.sin(base), 1e-3 * up]


def by_denavit_hartenberg(joint_rad: Sequence[float]) -> Sequence[float]:
    """The Mirobot's, modified: twist and shift along x, then turn and shift along z."""
    right = math.pi / 2
    table = [
        (0.0, 0.0, 127.0, 0.0),
        (-right, 29.69, 0.0, -right),
        (0.0, 108.0, 0.0, 0.0),
        (-right, 20.0, 168.98, 0.0),
        (right, 0.0, 0.0, right),
        (right, 0.0, -24.8, 0.0),
    ]
    pose = np.eye(4)
    for q, (twist, a, d, offset) in zip(joint_rad, table, strict=True):
        pose = pose @ transform((1e-3 * a, 0.0, 0.0), (twist, 0.0, 0.0))
        pose = pose @ transform((0.0, 0.0, 1e-3 * d), (0.0, 0.0, q + offset))
    return [float(value) for value in pose[:3, 3]]


@pytest.mark.timeout(600)
@pytest.mark.soak
@pytest.mark.parametrize("name", ["uarm", "mirobot"])
def test_the_driver_conforms(name: str) -> None:
    arm = load_any_arm(name)
    assert isinstance(arm, GcodeArmFile)
    with Twin(name) as twin:
        if name == "mirobot":
            with open_machine(arm, str(twin.port)) as machine:
                assert isinstance(machine, GrblArm)
                machine.home()
        settings: dict[str, Any] = {
            "arm": name,
            "port": str(twin.port),
            "start": "stay",
            "watchdog_s": 0.5,
            "max_observation_age_s": 0.5,
        }
        report = check_twin(
            lambda: SerialArm(SerialConfig(**settings), "gcode"),
            still_rad=0.02,
            settle_s=0.3,
            witness=MachineWitness(twin, arm),
            golden=poses(name),
        )

    assert report.passed, report.text()
    others = {name: why for name, why in report.not_checked.items() if name not in CANNOT_CHECK}
    reasons = ["this plan leaves"]  # at the reach's end
    if name == "mirobot":
        reasons.append("no motor's torque was switched on")  # there is no command for it
    assert all(any(why.startswith(each) for each in reasons) for why in others.values()), others
