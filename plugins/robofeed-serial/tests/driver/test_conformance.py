"""The drivers keep the promises of `Backend`, on twins whose logs are looked at."""

from __future__ import annotations

from typing import Any

import numpy as np
import pybullet
import pytest

from robofeed import SafetyStop
from robofeed.testing.conformance import ALLOW_MOTION, check_bench, check_twin
from robofeed.testing.trial import GoldenTool
from robofeed_serial.arms.arm_file import ArmFile, load_arm
from robofeed_serial.driving.config import SerialConfig
from robofeed_serial.driving.driver import SerialArm
from robofeed_serial.twin.process import Twin
from robofeed_serial.twin.witness import TwinWitness

POSES = 20
CANNOT_CHECK = {
    "The same seed gives the same start and, in a simulator, the same episode",
    "The specification is the same once opened; simulated time and episodes are as it says",
}


def poses_by_bullet(arm: ArmFile) -> list[GoldenTool]:
    """Where PyBullet's own kinematics sees the tool, from the same URDF."""
    client = pybullet.connect(pybullet.DIRECT)
    try:
        body = pybullet.loadURDF(str(arm.geometry().path), useFixedBase=True)
        known = [pybullet.getJointInfo(body, n) for n in range(pybullet.getNumJoints(body))]
        joints = {each[1].decode(): each[0] for each in known}
        links = {each[12].decode(): each[0] for each in known}
        rng = np.random.default_rng(0)
        found = []
        for _ in range(POSES):
            joint_rad = rng.uniform(-1.0, 1.0, len(arm.joints)).tolist()
            for joint, rad in zip(arm.joints, joint_rad, strict=True):
                pybullet.resetJointState(body, joints[joint.name], rad)
            state = pybullet.getLinkState(
                body, links[arm.model.tool_link], computeForwardKinematics=True
            )
            tool_m, _ = pybullet.multiplyTransforms(
                state[4], state[5], arm.model.tool_m, (0, 0, 0, 1)
            )
            found.append((joint_rad, tool_m))
        return found
    finally:
        pybullet.disconnect(client)


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "name",
    [
        "so101",
        pytest.param("so100", marks=pytest.mark.soak),
        pytest.param("koch", marks=pytest.mark.soak),
        pytest.param("omx", marks=pytest.mark.soak),
        pytest.param("rfp6", marks=[pytest.mark.soak, pytest.mark.needs("avr-gcc")]),
    ],
)
def test_a_driver_conforms(name: str) -> None:
    arm = load_arm(name)
    with Twin(name) as twin:
        settings: dict[str, Any] = {
            "arm": name,
            "port": str(twin.port),
            "calibration": "nominal",
            "start": "stay",
            "watchdog_s": 0.5,
            "max_observation_age_s": 0.5,
        }
        report = check_twin(
            lambda: SerialArm(SerialConfig(**settings), arm.protocol),
            still_rad=0.02,
            settle_s=0.5,
            witness=TwinWitness(twin, arm),
            golden=poses_by_bullet(arm),
        )

    assert report.passed, report.text()
    others = {name: why for name, why in report.not_checked.items() if name not in CANNOT_CHECK}
    assert all("this plan leaves" in why for why in others.values()), others  # at the reach's end


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_the_bench_moves_an_arm_gently_where_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    arm = load_arm("so101")
    with Twin("so101") as twin:
        settings: dict[str, Any] = {
            "arm": "so101",
            "port": str(twin.port),
            "calibration": "nominal",
            "start": "stay",
            "speed_share": 0.1,
            "watchdog_s": 0.5,
            "max_observation_age_s": 0.5,
        }

        def make() -> SerialArm:
            return SerialArm(SerialConfig(**settings), arm.protocol)

        witness = TwinWitness(twin, arm)
        monkeypatch.delenv(ALLOW_MOTION, raising=False)
        box = ((-0.5, -0.5, -0.1), (0.5, 0.5, 0.5))
        with pytest.raises(SafetyStop, match="robofeed-allow-motion"):
            check_bench(make, box)
        assert not witness.goals()

        monkeypatch.setenv(ALLOW_MOTION, "yes")
        report = check_bench(make, box)
        began_s = witness.switched_on()[0][0]  # before that it falls
        places = [each for each in witness.places() if each.time_s > began_s]

    assert report.passed, report.text()
    first, fastest = 0, 0.0
    for seen in places:
        while seen.time_s - places[first].time_s > 0.2:
            first += 1
        fastest = max(fastest, np.abs(seen.joint_rad - places[first].joint_rad).max() / 0.2)
    assert 0.0 < fastest < 0.33  # a tenth of 3 rad/s, and what a log's ticks add
