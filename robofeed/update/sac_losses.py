"""The losses of soft actor-critic: pure functions of tensors, each compiles into one graph."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from robofeed.update.actor import mean_and_log_std, sample
from robofeed.update.stacked_mlp import MlpShape


def q_values(
    shape: MlpShape, parameters: Sequence[Tensor], observations: Tensor, actions: Tensor
) -> Tensor:
    """Q of each critic, [critics, B]."""
    return shape.forward(parameters, torch.cat([observations, actions], dim=-1)).squeeze(-1)


def backup(
    actor: tuple[MlpShape, Sequence[Tensor]],
    target: tuple[MlpShape, Sequence[Tensor]],
    next_observations: Tensor,
    rewards: Tensor,
    continues: Tensor,
    noise: Tensor,
    temperature: Tensor,
    gamma: float,
    entropy_in_backup: bool,
) -> Tensor:
    """What the critics should say, [B]: reward and discounted soft value of the next state.

    `continues` is 0 only where the task itself ended; time limits are bootstrapped through.
    """
    mean, log_std = mean_and_log_std(*actor, next_observations)
    next_actions, log_probability = sample(mean, log_std, noise)
    value = q_values(*target, next_observations, next_actions).amin(0)
    if entropy_in_backup:
        value = value - temperature * log_probability
    return rewards + gamma * continues * value


def critic_loss(
    shape: MlpShape, parameters: Sequence[Tensor], inputs: Tensor, goal: Tensor
) -> tuple[Tensor, Tensor]:
    """Half the squared error, summed over critics and averaged over the batch; and the mean Q."""
    values = shape.forward(parameters, inputs).squeeze(-1)
    return 0.5 * (values - goal).square().sum(0).mean(), values.detach().mean()


def actor_loss(
    actor: tuple[MlpShape, Sequence[Tensor]],
    critic: tuple[MlpShape, Sequence[Tensor]],
    observations: Tensor,
    noise: Tensor,
    log_temperature: Tensor,
    target_entropy: float | None,
    average_critics: bool,
) -> tuple[Tensor, Tensor]:
    """Soft value to climb, negated; and the mean log-probability of the sampled actions.

    The value is the least of the critics, or their average where targets use a subset (RLPD).
    With a `target_entropy` the loss also moves the temperature towards it.
    """
    mean, log_std = mean_and_log_std(*actor, observations)
    actions, log_probability = sample(mean, log_std, noise)
    values = q_values(*critic, observations, actions)
    value = values.mean(0) if average_critics else values.amin(0)
    loss = (log_temperature.detach().exp() * log_probability - value).mean()
    log_probability = log_probability.detach().mean()
    if target_entropy is not None:
        loss = loss - (log_temperature * (log_probability + target_entropy)).sum()
    return loss, log_probability
