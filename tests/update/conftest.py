"""Random transitions, and rankings of random clips by a reward the models are not told."""

import uuid

import numpy as np
import pytest
import torch

from robofeed.data.batch import Clip, Resolved, StepBatch
from robofeed.data.feedback import Ranking, Stamp
from robofeed.data.spec import ArraySpec, BackendSpec

OBSERVATION, ACTION = 4, 2


@pytest.fixture(autouse=True)
def one_thread():
    """Networks this small only get slower with more, above all beside other processes."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def spec():
    """Observations in [-1, 3], actions in [-0.2, 0.2]: neither is normalised by nature."""
    return BackendSpec(
        observation=ArraySpec((OBSERVATION,), -1.0, 3.0),
        action=ArraySpec((ACTION,), -0.2, 0.2),
        period_s=0.04,
    )


@pytest.fixture
def rng():
    return np.random.default_rng(7)


@pytest.fixture
def transitions(rng):
    def make(count, truth=False, terminated=False):
        return StepBatch(
            observation=rng.uniform(-1, 3, (count, OBSERVATION)).astype(np.float32),
            action=rng.uniform(-0.2, 0.2, (count, ACTION)).astype(np.float32),
            next_observation=rng.uniform(-1, 3, (count, OBSERVATION)).astype(np.float32),
            terminated=np.full(count, terminated),
            true_reward=rng.normal(size=count).astype(np.float32) if truth else None,
        )

    return make


def hidden(observation, action):
    """A first element near 1 and small actions."""
    return -np.abs(observation[..., 0] - 1.0) - 2.0 * np.square(action).sum(-1)


@pytest.fixture
def hidden_reward():
    return hidden


@pytest.fixture
def random_clip(rng):
    def make(steps=10):
        start = rng.uniform(-1, 3, (1, OBSERVATION))
        wander = rng.normal(0, 0.3, (steps, OBSERVATION))
        action = rng.uniform(-0.2, 0.2, (steps, ACTION))
        return Clip((start + wander).astype(np.float32), action.astype(np.float32))

    return make


@pytest.fixture
def stamp():
    def make(number):
        return Stamp(str(uuid.UUID(int=number)), person="someone", source="test")

    return make


@pytest.fixture
def labels(rng, random_clip, stamp):
    """Rankings by hidden return; neighbours closer than `tie_within` are tied."""

    def order_of(shown, tie_within):
        returns = [float(hidden(clip.observation, clip.action).sum()) for clip in shown]
        groups = []
        for index in sorted(range(len(shown)), key=lambda index: -returns[index]):
            if groups and returns[groups[-1][-1]] - returns[index] < tie_within:
                groups[-1].append(index)
            else:
                groups.append([index])
        return tuple(tuple(group) for group in groups)

    def make(count, clips=2, tie_within=0.0, flipped=0.0, first=0):
        made = []
        for number in range(first, first + count):
            shown = tuple(random_clip() for _ in range(clips))
            order = order_of(shown, tie_within)
            if rng.random() < flipped:
                order = order[::-1]
            made.append(Resolved(number, Ranking(stamp(number), f"q{number:06d}", order), shown))
        return made

    return make
