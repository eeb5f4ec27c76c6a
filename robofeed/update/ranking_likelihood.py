"""Probability of a ranking given a score for each clip.

Pairs follow Bradley and Terry (1952), ties in pairs Davidson (1970), rankings Plackett and Luce,
and rankings with ties the Davidson-Luce model (Firth, Kosmidis and Turner 2019), which contains
all of them: out of the clips still there, the group T is chosen in proportion to
`exp(tie[|T|] + mean of the scores in T)`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from robofeed.update.ranked_clips import MAX_CLIPS

TIE_SIZES = MAX_CLIPS - 1
"""groups of 2 to MAX_CLIPS clips each have their own weight"""


def log_likelihood(
    scores: Tensor,
    offered: Tensor,
    chosen: Tensor,
    tie_weights: Tensor,
    largest_tie: int,
    noise: Tensor | float = 0.0,
) -> Tensor:
    """Log-probability of each ranking, [..., B].

    Args:
        scores: [..., B, K], one a clip.
        offered: int64 [..., B, S], bit masks; 0 = no choice.
        chosen: int64 [..., B, S], bit masks.
        tie_weights: [TIE_SIZES], log weight of groups of 2, 3, ... clips.
        largest_tie: no group larger than this is thought possible; 1 = no ties.
        noise: share of choices taken to be made at random, for all or [..., B].
    """
    picked, by_chance = choice_log_probabilities(scores, offered, chosen, tie_weights, largest_tie)
    if isinstance(noise, Tensor):
        noise = noise.unsqueeze(-1)
    if isinstance(noise, Tensor) or noise > 0:
        picked = torch.log((1 - noise) * picked.exp() + noise * by_chance.exp())
    return torch.where(offered > 0, picked, 0.0).sum(-1)


def choice_log_probabilities(
    scores: Tensor, offered: Tensor, chosen: Tensor, tie_weights: Tensor, largest_tie: int
) -> tuple[Tensor, Tensor]:
    """Log-probability of each choice by the scores, and by chance, [..., B, S] each.

    Arguments as in `log_likelihood`. Where there is no choice the values are finite and mean
    nothing.
    """
    count, device = scores.shape[-1], scores.device
    groups = torch.arange(1, 2**count, device=device)
    member = (groups.unsqueeze(-1) >> torch.arange(count, device=device)) & 1
    size = member.sum(-1)
    weight = torch.cat([tie_weights.new_zeros(1), tie_weights])[size - 1]
    group_scores = scores @ (member / size.unsqueeze(-1)).T.to(scores.dtype) + weight
    possible = ((groups & offered.unsqueeze(-1)) == groups) & (size <= largest_tie)
    logits = torch.where(possible, group_scores.unsqueeze(-2), -torch.inf)
    # rows without a choice must stay finite, or their gradient would be NaN even at weight 0
    logits = torch.where((offered > 0).unsqueeze(-1), logits, 0.0)
    log_probability = torch.log_softmax(logits, dim=-1)
    picked = log_probability.gather(-1, (chosen - 1).clamp(min=0).unsqueeze(-1)).squeeze(-1)
    return picked, -possible.sum(-1).clamp(min=1).to(scores.dtype).log()
