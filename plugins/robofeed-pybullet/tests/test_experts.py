"""Scripted experts solve every task on every arm, through the gates and a policy's actions."""

from __future__ import annotations

import numpy as np
import pytest

from robofeed.data.observation import Ended
from robofeed.data.spec import ArraySpec
from robofeed.data.tasks import TASKS
from robofeed.safety import Guarded
from robofeed_pybullet.arms import ARMS
from robofeed_pybullet.backend import PybulletBackend
from robofeed_pybullet.config import PybulletConfig


def successes(
    arm_name: str, task: str, controller: str, seeds: range, action: str = "end_effector"
) -> tuple[int, int]:
    """How many episodes succeeded, and in how many the arm touched an obstacle."""
    backend = PybulletBackend(
        PybulletConfig.model_validate({"arm": arm_name, "task": task, "action": action})
    )
    arm = Guarded(backend)
    arm.open()
    spec, bounds = backend.spec, backend.spec.action
    assert isinstance(bounds, ArraySpec)
    rng = np.random.default_rng(seeds.start)
    idle = np.zeros(bounds.shape, np.float32)
    idle[3:] = 1.0
    way = [
        index
        for index, name in enumerate(spec.observation.names)
        if name.startswith("target_from_tool")
    ]
    won = touched = 0
    try:
        for seed in seeds:
            observation = arm.reset(seed)
            collided = False
            while observation.ended is Ended.RUNNING:
                if controller == "expert":
                    wanted = backend.expert_action()
                    assert bounds.contains(wanted)
                elif controller == "random":
                    wanted = bounds.sample(rng)
                elif controller == "straight":
                    apart = observation.state[way]
                    wanted = (apart * min(1.0, bounds.high[0] / np.abs(apart).max())).astype(
                        np.float32
                    )
                else:
                    wanted = idle
                assert arm.apply(wanted).target is not None
                observation = arm.observe()
                assert spec.observation.contains(observation.state)
                collided |= backend.truth().collided
            won += backend.truth().success
            touched += collided
    finally:
        arm.close()
    return won, touched


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("arm", ARMS)
def test_the_expert_succeeds(arm: str, task: str) -> None:
    """At a true rate of 0.98, 3 failures of 12 are one chance in 600."""
    episodes = 12 if arm == "so101" else 5
    won, touched = successes(arm, task, "expert", range(300, 300 + episodes))
    assert won >= episodes - 2
    assert touched <= 1


@pytest.mark.parametrize("task", TASKS)
def test_the_expert_succeeds_with_joint_actions(task: str) -> None:
    won, _ = successes("so101", task, "expert", range(400, 405), "joint")
    assert won >= 4


@pytest.mark.parametrize("task", TASKS)
def test_neither_chance_nor_waiting_succeeds(task: str) -> None:
    for controller in ("random", "nothing"):
        won, _ = successes("so101", task, controller, range(500, 512))
        assert won <= 1


def test_the_straight_line_reaches_a_free_target_and_touches_a_block_otherwise() -> None:
    assert successes("so101", "reach", "straight", range(600, 612))[0] >= 11
    won, touched = successes("so101", "obstacles", "straight", range(600, 612))
    assert won <= 2
    assert touched >= 10
