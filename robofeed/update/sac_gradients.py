"""The losses of soft actor-critic and their gradients: tensors in, tensors out, one graph each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from robofeed.update.actor import draw, draw_gradient
from robofeed.update.stacked_mlp import MlpShape, Parameters, Tape


@dataclass(frozen=True, slots=True, eq=False)
class Tapes:
    """Memory for the passes of one update; the target critics never go backwards."""

    actor: Tape
    critic: Tape
    target: Tape


def backup(
    actor: Parameters,
    target: tuple[MlpShape, Sequence[Tensor]],
    tapes: Tapes,
    next_observations: Tensor,
    rewards: Tensor,
    continues: Tensor,
    noise: Tensor,
    temperature: Tensor | None,
    gamma: float,
) -> Tensor:
    """What the critics should say, [B]: reward and discounted value of the next state.

    `continues` is 0 only where the task itself ended; time limits are bootstrapped through. Without
    a `temperature` the entropy to come is not counted.
    """
    following = draw(actor.forward(next_observations, tapes.actor), noise)
    inputs = torch.cat([next_observations, following.action], dim=-1)
    shape, parameters = target
    value = shape.forward(parameters, inputs, tapes.target).amin(0).squeeze(-1)
    if temperature is not None:
        value = value - temperature * following.log_probability
    return torch.addcmul(rewards, continues, value, value=gamma)


def critic_gradient(
    critic: Parameters, tapes: Tapes, inputs: Tensor, goal: Tensor
) -> tuple[Tensor, Tensor]:
    """Fill the critics' gradient of half the squared error, averaged over the batch.

    Returns the error and Q of each critic, [critics, B, 1].
    """
    values = critic.forward(inputs, tapes.critic)
    error = values - goal.unsqueeze(-1)
    critic.backward(inputs, tapes.critic, error / len(goal))
    return error, values


def actor_gradient(
    actor: Parameters,
    critic: Parameters,
    tapes: Tapes,
    observations: Tensor,
    noise: Tensor,
    target_entropy: float | None,
    average_critics: bool,
) -> tuple[Tensor, Tensor]:
    """Fill the actor's gradient of the negated soft value, and that of the log temperature.

    The value is the least of the critics, or their average where targets use a subset (RLPD). The
    temperature follows `target_entropy`; without one it stays. Returns that value and the
    log-probability of the sampled actions, [B].
    """
    batch, size = noise.shape
    drawn = draw(actor.forward(observations, tapes.actor), noise)
    inputs = torch.cat([observations, drawn.action], dim=-1)
    values = critic.forward(inputs, tapes.critic)
    if average_critics:
        value = values.mean(0)
        share = torch.full_like(values, 1 / len(values))
    else:
        value = values.amin(0)
        share = (values == value).to(values.dtype)
        share = share / share.sum(0)
    shape, parameters = critic.shape, critic.views
    first = shape.backward(parameters, inputs, tapes.critic, share / -batch, None)
    by_action = shape.input_gradient(parameters, first, slice(inputs.shape[1] - size, None))
    temperature = actor.extra.exp()
    actor.backward(observations, tapes.actor, draw_gradient(drawn, by_action, temperature / batch))
    if target_entropy is None:
        actor.extra_gradient.zero_()
    else:
        actor.extra_gradient.copy_(-target_entropy - drawn.log_probability.mean())
    return value.squeeze(-1), drawn.log_probability
