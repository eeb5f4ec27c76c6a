"""Cloning imitates what was shown, also at the bounds, and only what was shown."""

import numpy as np
import pytest
import torch

from robofeed.act.policies import MlpPolicy
from robofeed.data.errors import DataError
from robofeed.data.policy_spec import LOG_STD_MAX, LOG_STD_MIN
from robofeed.interfaces import Needs
from robofeed.update.behaviour_cloning import NEARLY_ONE, BehaviourCloning, cloning_gradient
from robofeed.update.config import BehaviourCloningConfig
from robofeed.update.stacked_mlp import MlpShape, Parameters, Tape

CONFIG = BehaviourCloningConfig(hidden=(32, 32), learning_rate=2e-3, batch_size=64)


def made(spec, seed=0):
    return BehaviourCloning(CONFIG, spec, seed, device="cpu")


def shown(steps):
    """An expert in [-0.2, 0.2] that reaches the bounds in about a third of the steps."""
    steps.action[:] = np.clip(0.15 * (steps.observation[:, :2] - 1.0), -0.2, 0.2)
    return steps


def test_it_imitates_the_demonstrations(spec, transitions):
    learner = made(spec)
    assert learner.needs == {Needs.DEMONSTRATIONS}
    learner.add(shown(transitions(400)), "prior")
    learner.update(1000)
    test = shown(transitions(200))
    policy = MlpPolicy(*learner.export(), version=0)
    error = np.abs(policy.act(test.observation, None) - test.action).mean()
    assert error < 0.02, f"{error:.4f} off in actions of up to 0.2"
    metrics = learner.metrics()
    assert 0 < metrics["imitation_error"] < 0.2
    # a consistent expert leaves no spread to learn
    learner.update(50)
    assert learner.metrics()["std"] < 0.25


def test_its_own_actions_teach_it_nothing(spec, transitions):
    learner = made(spec)
    learner.add(transitions(50), "online")
    with pytest.raises(DataError, match="no demonstrations"):
        learner.update(1)


def test_gradient_is_that_of_the_two_losses():
    generator = torch.Generator().manual_seed(0)
    parameters = Parameters(MlpShape(1, (4, 16, 4)), torch.device("cpu"))
    parameters.shape.initialise(generator, parameters.network)
    observations = torch.randn(8, 4, generator=generator)
    actions = torch.rand(8, 2, generator=generator) * 2 - 1
    flat = parameters.network.clone().requires_grad_()
    outputs = parameters.shape.forward(parameters.shape.views(flat), observations)[0]
    mean, log_std = outputs.chunk(2, dim=-1)
    target = torch.atanh(actions.clamp(-NEARLY_ONE, NEARLY_ONE))
    loss = (torch.tanh(mean) - actions).square() - torch.distributions.Normal(
        mean.detach(), log_std.exp()
    ).log_prob(target)
    (reference,) = torch.autograd.grad(loss.sum() / 8, flat)
    tape = Tape(parameters.shape, 8, torch.device("cpu"))
    error, _ = cloning_gradient(parameters, tape, observations, actions)
    torch.testing.assert_close(parameters.gradient, reference, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(error, (torch.tanh(mean) - actions).square().mean().detach())


@pytest.mark.parametrize(
    "log_std, action, moves",
    [
        (LOG_STD_MAX + 1.0, 0.0, True),
        (LOG_STD_MIN - 1.0, 0.9, True),
        (LOG_STD_MIN - 1.0, 0.0, False),
    ],
)
def test_the_spread_comes_back_from_beyond_its_limits(log_std, action, moves):
    parameters = Parameters(MlpShape(1, (1, 2)), torch.device("cpu"))
    parameters.views[1][0, 0, 1] = log_std
    tape = Tape(parameters.shape, 1, torch.device("cpu"))
    cloning_gradient(parameters, tape, torch.ones(1, 1), torch.full((1, 1), action))
    push = float(parameters.gradient_views[1][0, 0, 1])
    assert (push != 0.0) == moves
    if moves:
        assert (push > 0) == (log_std > 0), "it is pushed further out"


def test_it_goes_on_exactly_where_it_stopped(spec, transitions):
    steps = shown(transitions(100))
    through, stopped = made(spec), made(spec)
    for learner in (through, stopped):
        learner.add(steps, "prior")
        learner.update(20)
    resumed = made(spec, seed=99)
    resumed.load({name: array.copy() for name, array in stopped.state().items()})
    for learner in (through, resumed):
        learner.update(20)
    first, second = through.state(), resumed.state()
    assert [name for name in first if first[name].tobytes() != second[name].tobytes()] == []


def test_a_state_of_another_learner_is_refused(spec):
    state = dict(made(spec).state())
    state["counters"] = np.zeros(3, np.int64)
    with pytest.raises(DataError, match="behaviour cloning"):
        made(spec).load(state)
