"""What the world does to be fast must change nothing."""

from __future__ import annotations

import numpy as np
import pybullet
import pytest

from robofeed_pybullet.arms import ARMS
from robofeed_pybullet.backend import PybulletBackend
from robofeed_pybullet.config import PybulletConfig
from robofeed_pybullet.world import PhysicsWorld

POSES = 500


def motion(
    config: PybulletConfig, monkeypatch: pytest.MonkeyPatch, *, apart: bool
) -> list[list[float]]:
    """Joints and bodies after each period of the expert's episode."""
    backend = PybulletBackend(config)
    backend.open()
    backend.reset(300)
    world = backend.physics
    if apart:

        def step() -> None:
            for _ in range(world.substeps):
                pybullet.stepSimulation(world.client)

        monkeypatch.setattr(world, "step", step)
        world.forces = [force * world.substeps for force in world.forces]
        pybullet.setPhysicsEngineParameter(
            fixedTimeStep=world.timestep_s, numSubSteps=0, physicsClientId=world.client
        )
    rows = []
    for _ in range(backend.spec.horizon or 0):
        backend.send(backend.plan(backend.expert_action()))
        rows.append(backend.scene().tolist())
    backend.close()
    return rows


@pytest.mark.parametrize(
    ("arm", "task", "substeps"),
    [
        ("so101", "reach", 8),
        ("so101", "push", 13),
        ("panda", "pick_place", 20),
        ("kuka_iiwa", "pick_place", 13),
        ("xarm6", "pick_place", 13),
    ],
)
def test_a_period_in_one_call_is_that_of_a_call_a_step(
    arm: str, task: str, substeps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = PybulletConfig.model_validate({"arm": arm, "task": task, "substeps": substeps})
    together, separate = (motion(config, monkeypatch, apart=apart) for apart in (False, True))
    assert np.abs(np.subtract(together, separate)).max() < 1e-6


@pytest.mark.parametrize("name", ARMS)
@pytest.mark.parametrize("gripper", [True, False])
def test_what_is_not_checked_against_the_table_cannot_reach_it(name: str, gripper: bool) -> None:
    arm = ARMS[name]
    world = PhysicsWorld(arm, 0.04, 8, gripper=gripper)
    assert world.above_table
    backend = PybulletBackend(PybulletConfig(arm=name, task="pick_place" if gripper else "reach"))
    backend.open()
    backend.reset(0)
    body, client = backend.physics.body, backend.physics.client
    joints = dict(zip(arm.joints, backend.physics.joints, strict=False))
    rng = np.random.default_rng(0)
    lowest = np.inf
    for _ in range(POSES):
        for joint in joints.values():
            angle = rng.uniform(-np.pi, np.pi)
            pybullet.resetJointState(body, joint, angle, physicsClientId=client)
        pybullet.performCollisionDetection(client)
        boxes = [pybullet.getAABB(body, joints[name], client) for name in world.above_table]
        lowest = min(lowest, *(low[2] for low, _ in boxes))
    backend.close()
    assert lowest > 0.0
