"""The tanh-Gaussian policy as torch sees it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from robofeed.data.policy_spec import LOG_STD_MAX, LOG_STD_MIN, PolicySpec
from robofeed.data.spec import BackendSpec
from robofeed.update.normalise import continuous_action, unit_range
from robofeed.update.stacked_mlp import MlpShape

CONSTANT = 0.5 * math.log(2 * math.pi) + 2 * math.log(2)


def actor_shape(spec: BackendSpec, hidden: Sequence[int]) -> MlpShape:
    """The actor's network: observation in, mean and log standard deviation of the action out."""
    return MlpShape(1, (spec.observation.size, *hidden, 2 * continuous_action(spec).size))


def describe_policy(shape: MlpShape, spec: BackendSpec) -> PolicySpec:
    """What is needed to act with the actor's flat weights."""
    centre, scale = unit_range(spec.observation)
    action = continuous_action(spec)
    return PolicySpec(
        kind="tanh_gaussian_mlp",
        layers=shape.sizes,
        observation_centre=tuple(centre.tolist()),
        observation_scale=tuple(scale.tolist()),
        action_low=tuple(action.low.reshape(-1).tolist()),
        action_high=tuple(action.high.reshape(-1).tolist()),
        spec_hash=spec.hash(),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Draw:
    """Actions drawn from the policy, with what their gradient needs: [B, action] but the last."""

    action: Tensor
    """in [-1, 1]"""
    noise: Tensor
    unlimited: Tensor
    """the log standard deviation before its limits"""
    log_std: Tensor
    std: Tensor
    log_probability: Tensor
    """[B]"""


def draw(outputs: Tensor, noise: Tensor) -> Draw:
    """Actions for the network's `outputs` [1, B, 2 x action] and standard normal `noise`."""
    mean, unlimited = outputs[0].chunk(2, dim=-1)
    log_std = unlimited.clamp(LOG_STD_MIN, LOG_STD_MAX)
    std = log_std.exp()
    before = torch.addcmul(mean, noise, std)
    # minus the log-probability of u, and log(1 - tanh(u)^2) = 2 (log 2 - u - softplus(-2 u)), the
    # form that does not lose precision for large |u|; constants follow after the sum
    surprise = torch.add(log_std, before + functional.softplus(-2 * before), alpha=-2)
    surprise = torch.addcmul(surprise, noise, noise, value=0.5).sum(-1)
    log_probability = -noise.shape[-1] * CONSTANT - surprise
    return Draw(torch.tanh(before), noise, unlimited, log_std, std, log_probability)


def draw_gradient(drawn: Draw, by_action: Tensor, by_log_probability: float | Tensor) -> Tensor:
    """Gradient [1, B, 2 x action] by the network's outputs, through actions and log-probabilities.

    With u the value before the tanh: d action / d u = 1 - action^2, d log-probability / d u =
    2 action; and u grows with the log standard deviation as noise x std.
    """
    action = drawn.action
    by_before = by_action * (1 - action.square()) + 2 * by_log_probability * action
    by_log_std = by_before * drawn.noise * drawn.std - by_log_probability
    by_log_std = torch.where(drawn.log_std == drawn.unlimited, by_log_std, 0.0)
    return torch.cat([by_before, by_log_std], dim=-1).unsqueeze(0)
