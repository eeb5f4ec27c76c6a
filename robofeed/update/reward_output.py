"""How the last layer of a reward network makes a reward, and the gradient back through it."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

RewardOutput = Literal["tanh", "linear", "distance"]

_ROUNDING = 1e-4
"""keeps the gradient of a distance finite where it is zero"""


def reward_of(kind: RewardOutput, outputs: Tensor, distances: int = 1) -> Tensor:
    """Rewards [members, N] of a last layer's outputs [members, N, width].

    `tanh` and `linear` have one output. `distance` takes the outputs as a point in a learned space
    and gives minus its distance from the origin: a prior that something is best and that reward
    falls off around it, which a few dozen answers can place much more exactly than a free function.
    With more `distances` the outputs are as many points, and their distances add up: one for each
    thing that is judged, such as how far off a goal is and whether a hand touches something.
    """
    if kind == "tanh":
        return torch.tanh(outputs.squeeze(-1))
    if kind == "linear":
        return outputs.squeeze(-1)
    return -_lengths(outputs, distances).sum(-1)


def _points(outputs: Tensor, distances: int) -> Tensor:
    return outputs.view(*outputs.shape[:-1], distances, -1)


def _lengths(outputs: Tensor, distances: int) -> Tensor:
    return (_points(outputs, distances).square().sum(-1) + _ROUNDING).sqrt()


def output_gradient(
    kind: RewardOutput, outputs: Tensor, rewards: Tensor, by_reward: Tensor, distances: int = 1
) -> Tensor:
    """Gradient by `outputs`, of their shape, from that by the `rewards` they gave."""
    if kind == "tanh":
        return (by_reward * (1 - rewards.square())).unsqueeze(-1)
    if kind == "linear":
        return by_reward.unsqueeze(-1)
    pull = by_reward.unsqueeze(-1) / -_lengths(outputs, distances)
    return (_points(outputs, distances) * pull.unsqueeze(-1)).flatten(-2)
