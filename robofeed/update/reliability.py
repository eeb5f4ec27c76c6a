"""How much each person's answers can be relied on, told from answers a network did not train on.

A person's choices are taken as a mixture: with probability `1 - noise` they follow the reward, as
everybody's do, otherwise they are made at random. Which of the two explains a choice is judged by
members that never saw it, or a network that has learned somebody's random answers by heart would
vouch for them. The noise of each person is the mixture's by expectation-maximisation (Dempster,
Laird and Rubin 1977; for annotators Dawid and Skene 1979), with a prior that trusts people.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from robofeed.data.batch import PersonWeight
from robofeed.update.ranked_clips import RankedClips
from robofeed.update.ranking_likelihood import choice_log_probabilities

if TYPE_CHECKING:
    from robofeed.update.reward_model import PreferenceEnsemble

PRIOR_RELIABLE, PRIOR_RANDOM = 2.0, 0.5
"""choices that every person is credited with beforehand, of either kind"""
MOST_NOISE_OF_BEST = 0.3
"""If everybody seems to answer at random it is the network that knows nothing yet: the most
reliable person is never thought noisier than this, and the others are judged beside them."""
TEMPERATURES = tuple(2.0**power for power in range(-2, 8))
_ITERATIONS = 30


def fold_of(query_id: str, folds: int) -> int:
    """Which member does not train on answers to this query: the same in every session."""
    digest = hashlib.sha256(b"fold" + query_id.encode()).digest()
    return int.from_bytes(digest[:8], "big") % folds


@dataclass(frozen=True, slots=True)
class Choices:
    """What was chosen, and how likely that was, [N, S] each."""

    scores: Tensor
    """[N, K]: of the clips of each ranking, by a network that did not train on it"""
    train: RankedClips
    tie_weights: Tensor

    def log_probabilities(self, temperature: float) -> tuple[Tensor, Tensor]:
        """By the scores divided by `temperature`, and by chance."""
        train = self.train
        return choice_log_probabilities(
            self.scores / temperature,
            train.offered,
            train.chosen,
            self.tie_weights,
            train.largest_tie,
        )


def noise_of_people(choices: Choices, person: Tensor, people: int) -> Tensor:
    """Share of choices made at random, [people]; `person`, int64 [N], says who made a ranking.

    Networks that have learned little are sure of themselves nevertheless, so the temperature at
    which all choices together are likeliest is found as well: without it, whoever disagrees with
    such a network would seem to answer at random.
    """
    made = (choices.train.offered > 0).to(choices.scores.dtype)
    best, noise = float("-inf"), choices.scores.new_zeros(people)
    for temperature in TEMPERATURES:
        fitted, likelihood = _mixture(choices.log_probabilities(temperature), made, person, people)
        if likelihood > best:
            best, noise = likelihood, fitted
    trust = 1 - noise
    return 1 - trust * (1 - MOST_NOISE_OF_BEST) / trust.max().clamp(max=1 - MOST_NOISE_OF_BEST)


def _mixture(
    log_probabilities: tuple[Tensor, Tensor], made: Tensor, person: Tensor, people: int
) -> tuple[Tensor, float]:
    """The noise of each person under one temperature, and the log-likelihood reached."""
    by_scores, by_chance = log_probabilities
    count = _by_person(made.sum(-1), person, people)
    noise = count.new_full((people,), PRIOR_RANDOM / (PRIOR_RANDOM + PRIOR_RELIABLE))
    for _ in range(_ITERATIONS):
        share = noise[person].unsqueeze(-1)
        at_random = share.log() + by_chance
        explained = torch.logaddexp(at_random, (1 - share).log() + by_scores)
        random = _by_person(((at_random - explained).exp() * made).sum(-1), person, people)
        noise = (random + PRIOR_RANDOM) / (count + PRIOR_RANDOM + PRIOR_RELIABLE)
    return noise, float((explained * made).sum())


def _by_person(values: Tensor, person: Tensor, people: int) -> Tensor:
    return values.new_zeros(people).index_add_(0, person, values)


class Reliability:
    """The noise of the people behind `train`, estimated now and then while a fit goes on.

    With one person, or one network, nothing can be told apart: all count alike, and every network
    trains on every answer.
    """

    def __init__(self, model: PreferenceEnsemble, train: RankedClips) -> None:
        self._model, self._train = model, train
        members, device = model.config.members, model.device
        self.people = tuple(sorted(set(train.people)))
        place = {name: index for index, name in enumerate(self.people)}
        self._person = torch.tensor([place[name] for name in train.people], device=device)
        self.told_apart = len(self.people) > 1 and members > 1
        noise = torch.full((len(self.people),), model.config.label_noise, device=device)
        self._noise = noise
        folds = [fold_of(query_id, members) for query_id in train.query_ids]
        self._fold = torch.tensor(folds, device=device)

    def trained_on(self) -> Tensor:
        """Which rankings each member trains on, [members, N]: all but one fold's."""
        members = torch.arange(self._model.config.members, device=self._model.device)
        if not self.told_apart:
            return torch.ones(len(members), len(self._train), device=self._model.device)
        return (self._fold != members.unsqueeze(-1)).float()

    def noise(self, rows: Tensor) -> Tensor | float:
        """Share of choices taken to be random in these rankings; of one shape with `rows`."""
        if not self.told_apart:
            return self._model.config.label_noise
        return self._noise[self._person[rows]]

    def estimate(self) -> None:
        """Take stock, by the networks as they are."""
        if not self.told_apart:
            return
        train, model = self._train, self._model
        clip_scores = model.clip_scores(train.inputs, train.mask)
        scores = clip_scores[self._fold.unsqueeze(-1), train.clips]
        choices = Choices(scores, train, model.parameters.extra)
        self._noise = noise_of_people(choices, self._person, len(self.people))

    def weights(self) -> tuple[PersonWeight, ...]:
        """What the answers of each person count for, 1 = fully; empty where none can be told."""
        if not self.told_apart:
            return ()
        counts = torch.bincount(self._person, minlength=len(self.people)).tolist()
        return tuple(
            PersonWeight(name, count, 1.0 - noise)
            for name, count, noise in zip(self.people, counts, self._noise.tolist(), strict=True)
        )
