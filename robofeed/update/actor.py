"""The tanh-Gaussian policy as torch sees it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from robofeed.data.policy_spec import LOG_STD_MAX, LOG_STD_MIN, PolicySpec
from robofeed.data.spec import BackendSpec
from robofeed.update.normalise import continuous_action, unit_range
from robofeed.update.stacked_mlp import MlpShape

HALF_LOG_TWO_PI = 0.5 * math.log(2 * math.pi)


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


def mean_and_log_std(
    shape: MlpShape, parameters: Sequence[Tensor], observations: Tensor
) -> tuple[Tensor, Tensor]:
    """Mean before the tanh, and log standard deviation, [B, action] each."""
    mean, log_std = shape.forward(parameters, observations)[0].chunk(2, dim=-1)
    return mean, log_std.clamp(LOG_STD_MIN, LOG_STD_MAX)


def sample(mean: Tensor, log_std: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
    """Actions in [-1, 1] [B, action] and their log-probabilities [B], from standard normal `noise`."""
    before = mean + noise * log_std.exp()
    # log(1 - tanh(u)^2), in the form that does not lose precision for large |u|
    shrink = 2 * (math.log(2) - before - functional.softplus(-2 * before))
    log_probability = (-0.5 * noise.square() - log_std - HALF_LOG_TWO_PI - shrink).sum(-1)
    return torch.tanh(before), log_probability
