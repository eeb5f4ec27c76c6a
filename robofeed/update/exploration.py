"""Reward for states unlike those seen before: unsupervised exploration before the first labels.

PEBBLE (Lee et al. 2021), after the particle estimate of state entropy of Singh et al. (2003): the
distance of a state to its k-th nearest neighbour among the stored ones. Measured against a random
part of the replay of fixed size, so that shapes stay static.
"""

from __future__ import annotations

import torch
from torch import Tensor


def neighbour_distances(
    observations: Tensor, particles: Tensor, usable: Tensor, neighbour: int
) -> Tensor:
    """Distance of each of [B, D] to its `neighbour`-th nearest among `particles` [M, D], [B].

    Particles where `usable` [M] is false are infinitely far away.
    """
    squared = (
        observations.square().sum(-1, keepdim=True)
        - 2 * observations @ particles.T
        + particles.square().sum(-1)
    )
    squared = torch.where(usable, squared.clamp(min=0.0), torch.inf)
    nearest = squared.topk(neighbour, dim=-1, largest=False, sorted=True).values[:, -1]
    return torch.where(nearest.isinf(), 0.0, nearest.sqrt())


def stratified_index(count: int, size: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """`count` distinct rows spread over `size` rows, and which of them exist: [count] each."""
    device = size.device
    offset = torch.rand(1, device=device, generator=generator)
    spread = torch.clamp(size, min=float(count)) / count
    index = ((torch.arange(count, device=device) + offset) * spread).long()
    usable = index < size
    return torch.where(usable, index, 0), usable


class EntropyBonus:
    """Neighbour distances over their running mean, so that the reward keeps its scale."""

    def __init__(self, neighbour: int, particles: int, device: torch.device) -> None:
        self.neighbour = neighbour
        self.particles = particles
        self.total = torch.zeros(2, device=device)
        """sum of the distances seen, and their number"""

    def __call__(self, observations: Tensor, particles: Tensor, usable: Tensor) -> Tensor:
        """Reward [B] of having reached `observations` [B, D]."""
        distances = neighbour_distances(observations, particles, usable, self.neighbour)
        self.total[0] += distances.sum()
        self.total[1] += len(distances)
        return distances * (self.total[1] / self.total[0].clamp(min=1e-6))
