"""The simulated arm as a backend: what it promises between open and close."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from pydantic import ValidationError

from robofeed.data.errors import ConfigError, HardwareError
from robofeed.data.observation import Ended, Gate
from robofeed.data.spec import ArraySpec
from robofeed.data.tasks import TASKS
from robofeed.safety import Guarded
from robofeed_pybullet.arms import ARMS
from robofeed_pybullet.backend import PybulletBackend
from robofeed_pybullet.config import PybulletConfig


def opened(**settings: object) -> tuple[PybulletBackend, Guarded]:
    backend = PybulletBackend(PybulletConfig.model_validate(settings))
    guarded = Guarded(backend)
    guarded.open()
    return backend, guarded


@pytest.mark.parametrize("arm", ARMS)
@pytest.mark.parametrize("task", TASKS)
def test_observations_of_random_actions_lie_in_finite_bounds(arm: str, task: str) -> None:
    backend, guarded = opened(arm=arm, task=task)
    bounds = backend.spec.observation
    assert np.isfinite(bounds.low).all() and np.isfinite(bounds.high).all()
    assert (bounds.low < bounds.high).all()
    rng = np.random.default_rng(0)
    assert bounds.contains(guarded.reset(0).state)
    for _ in range(15):
        guarded.apply(backend.spec.action.sample(rng))
        observation = guarded.observe()
        assert bounds.contains(observation.state)
        assert observation.state.dtype == np.float32
        assert backend.scene().shape == (backend.spec.scene_size,)
    guarded.close()


@pytest.mark.parametrize("arm", ARMS)
@pytest.mark.parametrize("action", ["end_effector", "joint"])
def test_the_scripted_expert_reaches(arm: str, action: str) -> None:
    backend, guarded = opened(arm=arm, action=action)
    for seed in range(3):
        guarded.reset(seed)
        for _ in range(backend.spec.horizon or 0):
            guarded.apply(backend.expert_action())
        assert backend.truth().success, f"seed {seed}"
        assert guarded.observe().ended is Ended.TRUNCATED
    guarded.close()


def test_the_spec_and_pictures_need_no_open_but_an_episode_does() -> None:
    backend = PybulletBackend(PybulletConfig())
    assert backend.spec.horizon == 50
    with pytest.raises(HardwareError, match="open"):
        backend.reset(0)
    backend.open()
    with pytest.raises(HardwareError, match="reset"):
        backend.observe()
    with pytest.raises(HardwareError, match="reset"):
        backend.send(backend.present())
    backend.close()
    backend.close()


def test_a_joint_action_moves_that_joint_by_what_it_says() -> None:
    _, guarded = opened(action="joint")
    start = guarded.reset(0).state[:5]
    for _ in range(5):
        guarded.apply(np.array([0.0, 0.05, 0.0, 0.0, 0.0], np.float32))
    for _ in range(3):
        guarded.apply(np.zeros(5, np.float32))
    moved = guarded.observe().state[:5] - start
    assert moved[1] > 0.15
    assert np.abs(np.delete(moved, 1)).max() < 0.02
    guarded.close()


def test_an_end_effector_action_moves_the_tool_where_it_says() -> None:
    _, guarded = opened(task="push")
    start = guarded.reset(0).state[10:13]
    for _ in range(5):
        guarded.apply(np.array([0.0, 0.01, 0.01], np.float32))
    moved = guarded.observe().state[10:13] - start
    assert abs(moved[0]) < 0.003
    assert moved[1] > 0.03 and moved[2] > 0.03
    guarded.close()


def test_the_action_of_a_plan_is_the_action() -> None:
    for action in ("end_effector", "joint"):
        backend, guarded = opened(task="pick_place", action=action)
        guarded.reset(0)
        spec = backend.spec.action
        assert isinstance(spec, ArraySpec)
        asked = (0.3 * spec.high).astype(np.float32)
        assert backend.action_of(backend.plan(asked)) == pytest.approx(asked, abs=5e-4)
        guarded.close()


def test_the_gripper_goes_to_the_opening_asked_for() -> None:
    _, guarded = opened(task="pick_place")
    guarded.reset(0)
    names = guarded.spec.observation.names
    for wanted in (0.2, 0.9):
        for _ in range(25):
            guarded.apply(np.array([0.0, 0.0, 0.0, wanted], np.float32))
        opening = guarded.observe().state[names.index("gripper")]
        assert opening == pytest.approx(wanted, abs=0.05)
    guarded.close()


def test_after_stop_the_arm_holds_whatever_is_sent() -> None:
    backend, guarded = opened()
    guarded.reset(0)
    target = backend.plan(np.full(3, 0.02, np.float32))
    backend.stop()
    before = backend.present().joint_rad
    for _ in range(5):
        backend.send(target)
    assert backend.present().joint_rad == pytest.approx(before, abs=2e-3)
    assert guarded.reset(0).ended is Ended.RUNNING
    backend.send(backend.plan(np.full(3, 0.02, np.float32)))
    assert np.abs(backend.present().joint_rad - before).max() > 0.01
    guarded.close()


def test_without_a_fixed_horizon_success_ends_the_episode() -> None:
    backend, guarded = opened(fixed_horizon=False)
    guarded.reset(0)
    steps = 0
    while guarded.observe().ended is Ended.RUNNING:
        guarded.apply(backend.expert_action())
        steps += 1
    assert guarded.observe().ended is Ended.TERMINATED
    assert backend.truth().success
    assert 5 <= steps < 50
    guarded.close()


def test_actions_inside_their_bounds_seldom_touch_a_gate_near_home() -> None:
    for arm in ARMS:
        backend, guarded = opened(arm=arm, task="push")
        rng = np.random.default_rng(0)
        touched = 0
        for seed in range(4):
            guarded.reset(seed)
            for _ in range(10):
                gates = guarded.apply(backend.spec.action.sample(rng)).gates
                touched += bool(gates & ~Gate.IK_RESIDUAL)
        assert touched <= 2, arm
        guarded.close()


def test_a_window_without_a_display_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    backend = PybulletBackend(PybulletConfig(gui=True))
    with pytest.raises(HardwareError, match=r"gui = false"):
        backend.open()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"substeps": 4}, "at least 8 substeps"),
        ({"action": "torque"}, "action"),
        ({"amr": "so101"}, "amr"),
        ({"randomise": {"mass": 1.5}}, "mass"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        PybulletConfig.model_validate(settings)


def test_unknown_arms_and_tasks_are_named_with_the_nearest_match() -> None:
    with pytest.raises(ConfigError, match="did you mean 'panda'"):
        PybulletBackend(PybulletConfig(arm="pnda"))
    with pytest.raises(ConfigError, match="did you mean 'push'"):
        PybulletBackend(PybulletConfig(task="pus"))


def test_without_pybullet_the_message_says_what_to_install() -> None:
    code = """
import sys
sys.modules["pybullet"] = None
import robofeed_pybullet
provider = robofeed_pybullet.robofeed_backends()[0]
try:
    provider.create(provider.config_type(), None)
except Exception as error:
    print(type(error).__name__, error)
"""
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert said.startswith("ConfigError")
    assert "pip install pybullet==3.2.7" in said
    assert "C++ compiler" in said
