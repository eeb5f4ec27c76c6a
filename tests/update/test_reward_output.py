"""A learned distance, inputs shut out, thinned clips: what lets few answers say much."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from robofeed.data.batch import ClipBatch
from robofeed.data.errors import ConfigError
from robofeed.update.config import RewardConfig
from robofeed.update.reward_model import PreferenceEnsemble
from robofeed.update.reward_output import output_gradient, reward_of

QUICK = RewardConfig(
    hidden=(32,),
    output="distance",
    batch_size=16,
    learning_rate=3e-3,
    max_epochs=40,
    patience=1000,
    stop_accuracy=1.0,
)


def made(spec, **changes):
    return PreferenceEnsemble(QUICK.model_copy(update=changes), spec, 0, device="cpu")


def input_lengths(model):
    """Length of each input's weights, the largest of the members, relative to the longest."""
    lengths = model.parameters.views[0].norm(dim=1).amax(0)
    return (lengths / lengths.max()).tolist()


@pytest.mark.parametrize(
    ("kind", "width", "distances"),
    [("tanh", 1, 1), ("linear", 1, 1), ("distance", 5, 1), ("distance", 6, 3)],
)
def test_the_gradient_is_the_one_of_automatic_differentiation(kind, width, distances):
    generator = torch.Generator().manual_seed(0)
    outputs = torch.randn(3, 7, width, generator=generator, dtype=torch.float64)
    by_reward = torch.randn(3, 7, generator=generator, dtype=torch.float64)
    tracked = outputs.clone().requires_grad_()
    rewards = reward_of(kind, tracked, distances)
    assert rewards.shape == (3, 7)
    (wanted,) = torch.autograd.grad(rewards, tracked, by_reward)
    found = output_gradient(kind, outputs, rewards.detach(), by_reward, distances)
    torch.testing.assert_close(found, wanted)


def test_a_distance_has_a_finite_gradient_where_it_is_zero():
    outputs = torch.zeros(1, 1, 4)
    rewards = reward_of("distance", outputs)
    assert torch.isfinite(output_gradient("distance", outputs, rewards, torch.ones(1, 1))).all()


def test_a_distance_finds_what_is_best(spec, labels, rng):
    model = made(spec, input_sparsity=0.5)
    model.fit(labels(30, clips=5), rng)
    first = np.linspace(-1, 3, 81, dtype=np.float32)
    observations = np.ones((81, 4), np.float32)
    observations[:, 0] = first
    rewards = model.step_rewards(observations, np.zeros((81, 2), np.float32)).numpy()
    assert first[rewards.argmax()] == pytest.approx(1.0, abs=0.3)


def test_inputs_that_explain_no_answer_are_shut_out(spec, labels, rng):
    def others(model):
        model.fit(labels(60, clips=5), rng)
        lengths = input_lengths(model)
        assert lengths[0] == 1.0, "the element the hidden reward is about"
        return max(lengths[1:4])

    assert others(made(spec, max_epochs=100, input_sparsity=0.75)) < 0.1
    assert others(made(spec, max_epochs=100)) > 0.2


def test_only_every_nth_step_is_looked_at(spec, labels, rng, random_clip):
    model = made(spec, step_stride=5)
    model.fit(labels(10), rng)
    clips = ClipBatch.stack([random_clip(12), random_clip(7)])
    scores = model.segment_scores(clips)
    clips.observation[:, 1:5] += 1.0
    assert (model.segment_scores(clips) == scores).all()
    clips.observation[:, 5] += 1.0
    assert (model.segment_scores(clips) != scores).all()


@pytest.fixture
def named(spec):
    names = tuple("xyzw")
    return replace(spec, observation=replace(spec.observation, names=names))


def test_a_reward_depends_on_nothing_but_the_inputs_it_may_look_at(named):
    model = made(named, inputs=("x",))
    generator = torch.Generator().manual_seed(1)
    observations = torch.randn(50, 4, generator=generator)
    actions = torch.randn(50, 2, generator=generator)
    elsewhere = torch.randn(50, 4, generator=generator)
    elsewhere[:, 0] = observations[:, 0]
    rewards = model.step_rewards(observations, actions)
    assert torch.equal(rewards, model.step_rewards(elsewhere, -actions))
    assert not torch.equal(rewards, model.step_rewards(-observations, actions))


def test_an_input_that_is_not_observed_is_refused_by_name(named):
    with pytest.raises(ConfigError, match=r"no observed element is called 'q\*'.*x, y, z, w"):
        made(named, inputs=("x", "q*"))
