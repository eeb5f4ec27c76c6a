"""SAC's written-out gradients against autograd on the textbook losses; each compiles whole."""

import math

import pytest
import torch
from torch.distributions import Normal, TanhTransform, TransformedDistribution

from robofeed.data.policy_spec import LOG_STD_MAX, LOG_STD_MIN
from robofeed.update.actor import draw
from robofeed.update.sac_gradients import Tapes, actor_gradient, backup, critic_gradient
from robofeed.update.stacked_mlp import MlpShape, Parameters, Tape

CPU = torch.device("cpu")
BATCH, OBSERVATION, ACTION = 16, 5, 3


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)


@pytest.fixture
def actor(generator):
    parameters = Parameters(MlpShape(1, (OBSERVATION, 32, 2 * ACTION)), CPU, extra=1)
    parameters.shape.initialise(generator, parameters.network)
    # far enough out that some log standard deviations reach their limits
    parameters.views[-2].mul_(30.0)
    parameters.flat[-1] = math.log(0.3)
    return parameters


@pytest.fixture
def critic(generator):
    parameters = Parameters(MlpShape(3, (OBSERVATION + ACTION, 32, 1)), CPU)
    parameters.shape.initialise(generator, parameters.network)
    return parameters


@pytest.fixture
def tapes(actor, critic):
    return Tapes(*(Tape(net.shape, BATCH, CPU) for net in (actor, critic, critic)))


@pytest.fixture
def observations(generator):
    return torch.randn(BATCH, OBSERVATION, generator=generator)


@pytest.fixture
def noise(generator):
    return torch.randn(BATCH, ACTION, generator=generator)


def followed(parameters):
    """Views of the parameters that autograd follows."""
    flat = parameters.network.clone().requires_grad_()
    return flat, parameters.shape.views(flat)


def policy(outputs):
    mean, log_std = outputs[0].chunk(2, -1)
    return mean, log_std.clamp(LOG_STD_MIN, LOG_STD_MAX).exp()


def textbook_draw(outputs, noise):
    """Action and log-probability by torch.distributions."""
    mean, std = policy(outputs)
    squashed = TransformedDistribution(Normal(mean, std), [TanhTransform(cache_size=1)])
    before = mean + noise * std
    action = torch.tanh(before)
    log_probability = Normal(mean, std).log_prob(before) - squashed.transforms[
        0
    ].log_abs_det_jacobian(before, action)
    return action, log_probability.sum(-1)


def test_draw_agrees_with_torch_distributions(actor, observations, noise):
    outputs = actor.forward(observations)
    drawn = draw(outputs, noise)
    action, log_probability = textbook_draw(outputs, noise)
    torch.testing.assert_close(drawn.action, action)
    torch.testing.assert_close(drawn.log_probability, log_probability)
    _, log_std = outputs[0].chunk(2, -1)
    limited = (log_std < LOG_STD_MIN) | (log_std > LOG_STD_MAX)
    assert 0 < int(limited.sum()) < limited.numel(), "the limits are not put to the test"
    assert torch.equal(drawn.unlimited, log_std)


@pytest.mark.parametrize("average", [False, True])
def test_actor_gradient(actor, critic, tapes, observations, noise, average):
    flat, views = followed(actor)
    action, log_probability = textbook_draw(actor.shape.forward(views, observations), noise)
    values = critic.forward(torch.cat([observations, action], -1)).squeeze(-1)
    value = values.mean(0) if average else values.amin(0)
    expected = (0.3 * log_probability - value).mean()
    (reference,) = torch.autograd.grad(expected, flat)

    found, found_log_probability = actor_gradient(
        actor, critic, tapes, observations, noise, -2.0, average
    )
    torch.testing.assert_close(found, value.detach())
    torch.testing.assert_close(found_log_probability, log_probability.detach())
    torch.testing.assert_close(actor.gradient[:-1], reference, rtol=1e-4, atol=1e-5)
    # entropy above the target lowers the temperature, entropy below it raises it
    torch.testing.assert_close(actor.extra_gradient[0], 2.0 - found_log_probability.mean())
    assert bool((critic.gradient == 0).all())


def test_without_a_target_the_temperature_stays(actor, critic, tapes, observations, noise):
    actor.gradient.fill_(1.0)
    actor_gradient(actor, critic, tapes, observations, noise, None, False)
    assert actor.extra_gradient.tolist() == [0.0]


def test_critic_gradient(critic, tapes, generator):
    inputs = torch.randn(BATCH, OBSERVATION + ACTION, generator=generator)
    goal = torch.randn(BATCH, generator=generator)
    flat, views = followed(critic)
    values = critic.shape.forward(views, inputs).squeeze(-1)
    expected = sum(0.5 * (member - goal).square().mean() for member in values)
    (reference,) = torch.autograd.grad(expected, flat)
    error, found = critic_gradient(critic, tapes, inputs, goal)
    torch.testing.assert_close(found.squeeze(-1), values.detach())
    torch.testing.assert_close(error.squeeze(-1), (values - goal).detach())
    torch.testing.assert_close(critic.gradient, reference)


@pytest.mark.parametrize("entropy", [False, True])
def test_backup_bootstraps_where_the_task_goes_on(
    actor, critic, tapes, observations, noise, generator, entropy
):
    rewards = torch.randn(BATCH, generator=generator)
    continues = (torch.arange(BATCH) % 2).float()
    temperature = torch.tensor([0.3]) if entropy else None
    target = (critic.shape, critic.views)
    goal = backup(
        actor, target, tapes, observations, rewards, continues, noise, temperature, gamma=0.9
    )
    action, log_probability = textbook_draw(actor.forward(observations), noise)
    value = critic.forward(torch.cat([observations, action], -1)).squeeze(-1).amin(0)
    if entropy:
        value = value - 0.3 * log_probability
    torch.testing.assert_close(goal, rewards + 0.9 * continues * value)
    assert torch.equal(goal[::2], rewards[::2])


def test_losses_compile_into_one_graph_each(actor, critic, tapes, observations, noise, generator):
    inputs = torch.randn(BATCH, OBSERVATION + ACTION, generator=generator)
    goal = torch.randn(BATCH, generator=generator)
    calls = [
        (critic, critic_gradient, (critic, tapes, inputs, goal)),
        (actor, actor_gradient, (actor, critic, tapes, observations, noise, -2.0, False)),
        (
            actor,
            backup,
            (
                actor,
                (critic.shape, critic.views),
                tapes,
                observations,
                goal,
                torch.ones(BATCH),
                noise,
                torch.tensor([0.3]),
                0.9,
            ),
        ),
    ]
    for parameters, function, arguments in calls:
        parameters.gradient.zero_()
        expected = function(*arguments)
        gradient = parameters.gradient.clone()
        parameters.gradient.zero_()
        compiled = torch.compile(function, fullgraph=True, backend="eager")
        torch.testing.assert_close(compiled(*arguments), expected)
        torch.testing.assert_close(parameters.gradient, gradient)
