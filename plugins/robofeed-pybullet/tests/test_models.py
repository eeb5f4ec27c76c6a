"""Arm models: the so101's figures, and what boiling a model down must keep."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pybullet
import pytest

from robofeed.data.errors import ConfigError
from robofeed.kinematics.chain import Chain
from robofeed.kinematics.model import roll_pitch_yaw, transform
from robofeed.kinematics.model_reader import read_model
from robofeed_pybullet.arms import ARMS
from robofeed_pybullet.meshes import extent
from robofeed_pybullet.model_writer import without_meshes, write_urdf
from robofeed_pybullet.world import physics_model


def test_the_so101_has_the_real_arms_figures() -> None:
    arm = ARMS["so101"]
    model = arm.model
    # Origins: sim_assets/README.md.
    assert sum(link.mass_kg for link in model.links.values()) == pytest.approx(0.632, abs=0.001)
    ranges = [
        (round(math.degrees(joint.low)), round(math.degrees(joint.high)))
        for joint in (model.joints[name] for name in arm.joints)
    ]
    assert ranges == [(-110, 110), (-100, 100), (-97, 97), (-95, 95), (-160, 160)]
    for name in arm.joints:
        assert math.radians(60.0) / model.joints[name].speed == pytest.approx(0.192, abs=0.001)
    gripper_frame_m = (0.3525, 0.0, 0.2590)
    tool_m = Chain(arm.chain(), arm.home_rad, 1.0).tool([0.0] * 5)
    assert tool_m[0] == pytest.approx(gripper_frame_m[0] - 0.010, abs=0.001)
    assert tool_m[2] == pytest.approx(gripper_frame_m[2] + 0.0125, abs=0.001)


@pytest.mark.parametrize("name", ARMS)
@pytest.mark.parametrize("gripper", [True, False])
def test_boiling_down_keeps_mass_and_leaves_only_moving_joints(name: str, gripper: bool) -> None:
    arm = ARMS[name]
    small = physics_model(arm, gripper=gripper)
    mass_kg = sum(link.mass_kg for link in arm.model.links.values())
    assert sum(link.mass_kg for link in small.links.values()) == pytest.approx(mass_kg)
    fingers = [finger for finger, _, _ in arm.gripper.driven] if gripper else []
    assert set(small.joints) == {*arm.joints, *fingers}
    assert len(small.links) == len(small.joints) + 1
    shapes = sum(len(link.collision) for link in without_meshes(arm.model).links.values())
    assert sum(len(link.collision) for link in small.links.values()) == shapes


def test_merged_links_move_as_the_separate_ones(tmp_path: Path) -> None:
    """The torque to hold a pose against gravity tells masses, centres and places apart."""
    arm = ARMS["panda"]
    torques = []
    pose = [0.3, -0.4, 0.2, -1.8, 0.1, 1.9, 0.5]
    whole = without_meshes(arm.model).with_fixed(
        {finger: shut for finger, shut, _ in arm.gripper.joints}
    )
    for model in (whole, physics_model(arm, gripper=False)):
        client = pybullet.connect(pybullet.DIRECT)
        pybullet.setGravity(0, 0, -9.81, physicsClientId=client)
        write_urdf(model, tmp_path / "arm.urdf", visuals=False)
        body = pybullet.loadURDF(
            str(tmp_path / "arm.urdf"),
            useFixedBase=True,
            flags=pybullet.URDF_USE_INERTIA_FROM_FILE,
            physicsClientId=client,
        )
        still = [0.0] * len(pose)
        torques.append(
            pybullet.calculateInverseDynamics(body, pose, still, still, physicsClientId=client)
        )
        pybullet.disconnect(client)
    assert torques[0] == pytest.approx(torques[1], abs=1e-3)
    assert max(abs(torque) for torque in torques[0]) > 5.0


def test_angles_survive_the_way_through_a_file() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        turned = transform([0.0] * 3, rng.uniform(-4.0, 4.0, 3).tolist())
        assert np.allclose(transform([0.0] * 3, roll_pitch_yaw(turned)), turned, atol=1e-9)
    for pitch in (math.pi / 2, -math.pi / 2):
        turned = transform([0.0] * 3, [0.3, pitch, -0.8])
        assert np.allclose(transform([0.0] * 3, roll_pitch_yaw(turned)), turned, atol=1e-7)


def test_the_box_round_a_mesh_is_that_of_its_vertices(tmp_path: Path) -> None:
    (tmp_path / "a.obj").write_text("# mesh\nv 0 1 2\nv -1 4 0.5\nvn 9 9 9\nf 1 2 1\n")
    low, high = extent(tmp_path / "a.obj")
    assert (low.tolist(), high.tolist()) == ([-1.0, 1.0, 0.5], [0.0, 4.0, 2.0])
    triangle = np.array([9, 9, 9, 0, 1, 2, -1, 4, 0.5, 0, 0, 0], "<f4").tobytes() + b"\0\0"
    (tmp_path / "a.stl").write_bytes(b" " * 80 + (1).to_bytes(4, "little") + triangle)
    low, high = extent(tmp_path / "a.stl")
    assert (low.tolist(), high.tolist()) == ([-1.0, 0.0, 0.0], [0.0, 4.0, 2.0])


@pytest.mark.parametrize(
    "content", ["", "<robot", "<robot name='a'><joint name='j' type='fixed'/>"]
)
def test_a_file_that_is_no_model_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "arm.urdf"
    path.write_text(content)
    with pytest.raises(ConfigError, match=r"arm\.urdf"):
        read_model(path, file_inertia=False)
