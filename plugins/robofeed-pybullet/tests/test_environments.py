"""The Gymnasium environments, and that importing the plugin is light."""

from __future__ import annotations

import subprocess
import sys

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import robofeed_pybullet  # noqa: F401 - registers the environments
from robofeed.data.errors import ConfigError
from robofeed_pybullet.arms import ARMS
from robofeed_pybullet.registration import environment_ids

REGISTERS = """
{first}
{second}
assert "robofeed/So101Reach-v0" in gymnasium.envs.registration.registry
"""


def test_every_arm_with_every_task_is_registered_with_both_rewards() -> None:
    assert len(environment_ids()) == len(ARMS) * 4 * 2
    assert set(environment_ids()) <= set(gymnasium.envs.registration.registry)


@pytest.mark.parametrize("name", environment_ids())
def test_gymnasium_accepts_the_environment(name: str) -> None:
    env = gymnasium.make(name, disable_env_checker=True).unwrapped
    check_env(env)
    env.close()


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("import robofeed_pybullet", "import gymnasium"),
        ("import gymnasium", "import robofeed_pybullet"),
    ],
)
def test_the_order_of_imports_does_not_matter(first: str, second: str) -> None:
    code = REGISTERS.format(first=first, second=second)
    subprocess.run([sys.executable, "-c", code], check=True)


def test_importing_the_plugin_loads_nothing_heavy() -> None:
    code = "import sys, robofeed_pybullet; print(*{name.split('.')[0] for name in sys.modules})"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    heavy = {"numpy", "pybullet", "pybullet_data", "pydantic", "gymnasium", "torch"}
    assert not heavy & set(loaded)


def test_a_seed_determines_a_row_of_episodes() -> None:
    rows = []
    for _ in range(2):
        env = gymnasium.make("robofeed/So101Reach-v0")
        first, _ = env.reset(seed=5)
        second, _ = env.reset()
        rows.append(np.stack([first, second]))
        env.close()
    assert np.array_equal(*rows)
    assert not np.array_equal(rows[0][0], rows[0][1])


def test_an_episode_is_truncated_at_the_horizon_and_an_option_sets_it() -> None:
    env = gymnasium.make("robofeed/So101Reach-v0", horizon=7)
    env.reset(seed=0)
    ends = [env.step(np.zeros(3, np.float32))[2:4] for _ in range(7)]
    env.close()
    assert ends == [(False, False)] * 6 + [(False, True)]


def test_an_action_that_is_not_a_number_is_refused_and_ends_the_episode() -> None:
    env = gymnasium.make("robofeed/So101Reach-v0", disable_env_checker=True)
    before, _ = env.reset(seed=0)
    after, _, terminated, truncated, info = env.step(np.full(3, np.nan, np.float32))
    assert (terminated, truncated, info["refused"]) == (False, True, True)
    assert np.allclose(after[:5], before[:5], atol=1e-3), "the arm holds"
    env.reset(seed=1)
    assert env.step(np.zeros(3, np.float32))[4]["refused"] is False
    env.close()


def test_the_sparse_reward_is_the_success_of_the_dense_one() -> None:
    dense = gymnasium.make("robofeed/So101Reach-v0").unwrapped
    sparse = gymnasium.make("robofeed/So101ReachSparse-v0").unwrapped
    dense.reset(seed=2)
    sparse.reset(seed=2)
    rewards = []
    for _ in range(50):
        action = dense._backend.expert_action()
        _, dense_reward, _, _, info = dense.step(action)
        _, sparse_reward, _, _, _ = sparse.step(action)
        assert dense_reward <= 0.0
        assert sparse_reward == float(info["is_success"])
        rewards.append(sparse_reward)
    assert (rewards[0], rewards[-1]) == (0.0, 1.0)
    dense.close()
    sparse.close()


def test_an_unknown_arm_is_named_with_the_nearest_match() -> None:
    with pytest.raises(ConfigError, match="did you mean 'so101'"):
        gymnasium.make("robofeed/So101Reach-v0", arm="so110")
