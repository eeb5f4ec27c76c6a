"""Learners get better at something, beyond what chance explains."""

import subprocess
import sys
from itertools import combinations

import numpy as np
import pytest

from robofeed.act.policies import MlpPolicy, RandomPolicy
from robofeed.data.batch import Clip, Resolved, StepBatch
from robofeed.data.feedback import Ranking
from robofeed.data.spec import ArraySpec, BackendSpec
from robofeed.update.config import RewardConfig, SacConfig
from robofeed.update.reward_model import PreferenceEnsemble
from robofeed.update.sac import SacLearner
from robofeed.update.truth_reward import TruthReward

ACTION = ArraySpec((2,), -0.2, 0.2)
POINT = BackendSpec(ArraySpec((4,), -2.0, 2.0), ACTION, 0.04)
STEPS = 15
SIGNIFICANT = 1 / 20
"""three seeds, all better than the three others: the least chance such a test can show"""
QUICK = SacConfig(
    hidden=(32, 32), batch_size=64, gamma=0.9, tau=0.02, actor_lr=1e-3, critic_lr=1e-3
)


def episodes(policy, count, rng, seed=None):
    """`count` points on a plane, each with a goal of its own; the true reward is -distance."""
    start = np.random.default_rng(seed) if seed is not None else rng
    place, goal = start.uniform(-1, 1, (2, count, 2)).astype(np.float32)
    observations, actions, rewards = [np.concatenate([place, goal - place], 1)], [], []
    for _ in range(STEPS):
        actions.append(policy.act(observations[-1], rng))
        place = np.clip(place + actions[-1], -1, 1)
        observations.append(np.concatenate([place, goal - place], 1))
        rewards.append(-np.linalg.norm(place - goal, axis=1).astype(np.float32))
    return np.stack(observations, 1), np.stack(actions, 1), np.stack(rewards, 1)


def transitions_of(observations, actions, rewards, truth):
    return StepBatch(
        observations[:, :-1].reshape(-1, 4),
        actions.reshape(-1, 2),
        observations[:, 1:].reshape(-1, 4),
        np.zeros(rewards.size, bool),
        rewards.reshape(-1) if truth else None,
    )


def returns_of(policy):
    return episodes(policy, 60, None, seed=1234)[2].sum(1)


class Still:
    """Random, but as `act(..., None)` can be asked of any policy."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)

    def act(self, observations, _):
        return RandomPolicy(ACTION).act(observations, self.rng)


def p_value(better, worse):
    """One-sided permutation test of the difference of means, over all regroupings of the seeds."""
    pooled, count = np.concatenate([better, worse]), len(better)
    observed = np.mean(better) - np.mean(worse)
    splits = list(combinations(range(len(pooled)), count))
    at_least = 0
    for split in splits:
        chosen = np.isin(np.arange(len(pooled)), split)
        at_least += pooled[chosen].mean() - pooled[~chosen].mean() >= observed - 1e-12
    return at_least / len(splits)


def trained_on_truth(seed):
    rng = np.random.default_rng(seed)
    learner = SacLearner(QUICK, POINT, seed, device="cpu")
    learner.relabel(TruthReward())
    policy = RandomPolicy(ACTION)
    for _ in range(12):
        learner.add(transitions_of(*episodes(policy, 4, rng), truth=True), "online")
        learner.update(40)
        policy = MlpPolicy(*learner.export(), version=0)
    return returns_of(policy).mean()


def test_sac_beats_chance_on_a_plane():
    learned = [trained_on_truth(seed) for seed in range(3)]
    random = [returns_of(Still(seed)).mean() for seed in range(3)]
    assert p_value(learned, random) <= SIGNIFICANT, (learned, random)
    assert np.mean(learned) > 0.5 * np.mean(random), "the distance is not even halved"


def asked(recorded, count, rng, stamp, first):
    """Which part of an episode was better? Answered by true return, as a simulated person would."""
    observations, actions, rewards = recorded
    labels = []
    for number in range(first, first + count):
        episode = rng.integers(len(rewards))
        starts = rng.permutation(STEPS - 5)[:2]
        clips = tuple(
            Clip(observations[episode, s + 1 : s + 6], actions[episode, s : s + 5]) for s in starts
        )
        worth = [rewards[episode, s : s + 5].sum() for s in starts]
        order = ((0,), (1,)) if worth[0] > worth[1] else ((1,), (0,))
        labels.append(Resolved(number, Ranking(stamp(number), f"q{number}", order), clips))
    return labels


def trained_on_preferences(seed, stamp):
    rng = np.random.default_rng(seed)
    learner = SacLearner(QUICK, POINT, seed, device="cpu")
    config = RewardConfig(hidden=(32, 32), learning_rate=3e-3, output="distance", max_epochs=30)
    reward = PreferenceEnsemble(config, POINT, seed, device="cpu")
    policy, labels = RandomPolicy(ACTION), []
    for _ in range(10):
        recorded = episodes(policy, 6, rng)
        learner.add(transitions_of(*recorded, truth=False), "online")
        labels += asked(recorded, 20, rng, stamp, len(labels))
        reward.fit(labels, rng)
        learner.relabel(reward)
        learner.update(100)
        policy = MlpPolicy(*learner.export(), version=0)
    return returns_of(policy).mean()


def test_preferences_alone_beat_chance_on_a_plane(stamp):
    learned = [trained_on_preferences(seed, stamp) for seed in range(3)]
    random = [returns_of(Still(seed)).mean() for seed in range(3)]
    assert p_value(learned, random) <= SIGNIFICANT, (learned, random)


def test_the_entropy_bonus_spreads_the_states_visited():
    """A walk from the middle that seeks the unseen ends further out than random steps do."""
    spread = {"entropy": [], "none": []}
    for exploration in spread:
        config = QUICK.model_copy(update={"exploration": exploration, "exploration_particles": 256})
        for seed in range(3):
            rng = np.random.default_rng(seed)
            learner = SacLearner(config, POINT, seed, device="cpu")
            policy, visited = RandomPolicy(ACTION), None
            for _ in range(8):
                observations, actions, rewards = walk_from_the_middle(policy, rng)
                steps = transitions_of(observations, actions, rewards, truth=False)
                learner.add(steps, "online")
                learner.update(30)
                policy = MlpPolicy(*learner.export(), version=0)
                visited = observations[:, -1, :2]
            spread[exploration].append(np.abs(visited).max(1).mean())
    assert p_value(spread["entropy"], spread["none"]) <= SIGNIFICANT, spread


def walk_from_the_middle(policy, rng):
    place = np.zeros((8, 2), np.float32)
    goal = np.zeros((8, 2), np.float32)
    observations, actions = [np.concatenate([place, goal], 1)], []
    for _ in range(STEPS):
        actions.append(policy.act(observations[-1], rng) * 0.5)
        place = np.clip(place + actions[-1], -1, 1)
        observations.append(np.concatenate([place, goal], 1))
    return np.stack(observations, 1), np.stack(actions, 1), np.zeros((8, STEPS), np.float32)


@pytest.mark.parametrize("module", ["config", "checkpoint"])
def test_settings_and_checkpoints_need_no_torch(module):
    code = f"import sys, robofeed.update.{module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
