"""Fits a reward ensemble to rankings, and reports how far to believe it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from robofeed.data.batch import FitReport, PersonWeight, Resolved
from robofeed.update.calibration import (
    cross_fitted,
    expected_calibration_error,
    fit_temperature,
    log_loss,
    reliability_table,
)
from robofeed.update.ranked_clips import RankedClips, gather, split
from robofeed.update.ranking_likelihood import log_likelihood
from robofeed.update.reliability import Reliability
from robofeed.update.reward_output import output_gradient, reward_of
from robofeed.update.stacked_mlp import Tape

if TYPE_CHECKING:
    from robofeed.update.reward_model import PreferenceEnsemble

ENOUGH_HELD_OUT = 20
"""pairs below which held-out figures are too noisy to stop a fit or to calibrate by"""


@dataclass(slots=True)
class _Best:
    """The parameters with the lowest held-out loss so far."""

    loss: float = float("inf")
    age: int = 0
    flat: Tensor | None = None

    def offer(self, loss: float, flat: Tensor) -> None:
        self.age += 1
        if loss < self.loss:
            self.loss, self.age, self.flat = loss, 0, flat.clone()


def fit_ensemble(
    model: PreferenceEnsemble, labels: Sequence[Resolved], rng: np.random.Generator
) -> FitReport:
    """Fit `model` to the rankings among `labels` and calibrate it on those held out."""
    config = model.config
    sides = split(labels, config.held_out_share)
    train, held_out = (gather(side, model.device, config.step_stride) for side in sides)
    people: tuple[PersonWeight, ...] = ()
    if train is not None:
        if not config.warm_start:
            model.new_networks()
        model.follow_inputs(train)
        people = _train(model, train, held_out, rng)
    return replace(_report(model, sum(map(len, sides)), train, held_out), people=people)


@torch.no_grad()
def _train(
    model: PreferenceEnsemble,
    train: RankedClips,
    held_out: RankedClips | None,
    rng: np.random.Generator,
) -> tuple[PersonWeight, ...]:
    """Improve the members in place; return what they make of the people who answered."""
    config = model.config
    reliability = Reliability(model, train)
    normalised = model.normalised(train.inputs)
    weights = _label_weights(model, train) * reliability.trained_on()
    watch = held_out if held_out is not None and len(held_out.pairs) >= ENOUGH_HELD_OUT else None
    best = _Best()
    size = _batch_size(len(train), config.batch_size)
    tape = Tape(model.shape, size * train.per_ranking * normalised.shape[1], model.device)
    for epoch in range(config.max_epochs):
        if epoch in _stocktakings(config.max_epochs):
            reliability.estimate()
        right = torch.zeros(2, device=model.device)
        for index, valid in _batches(len(train), config.members, size, rng):
            rows = torch.from_numpy(index).to(model.device)
            weight = weights.gather(1, rows) * torch.from_numpy(valid).to(model.device)
            scores = _gradient(
                model, train, normalised, rows, weight, reliability.noise(rows), tape
            )
            right += _count_right(scores, train.offered[rows], train.chosen[rows], weight)
            model.adam.step()
            model.shut_out_inputs()
        if watch is not None:
            best.offer(log_loss(_log_odds(model, watch)), model.parameters.flat)
            if best.age >= config.patience and best.flat is not None:
                model.parameters.flat.copy_(best.flat)
                break
        if bool(right[0] >= config.stop_accuracy * right[1].clamp(min=1.0)):
            break
    reliability.estimate()
    return reliability.weights()


def _stocktakings(epochs: int) -> tuple[int, ...]:
    """The epochs at which people are judged: not before there is something to judge them by."""
    return tuple(epochs * share // 4 for share in (1, 2, 3) if epochs * share // 4 > 0)


def _gradient(
    model: PreferenceEnsemble,
    train: RankedClips,
    normalised: Tensor,
    rows: Tensor,
    weight: Tensor,
    noise: Tensor | float,
    tape: Tape,
) -> Tensor:
    """Fill the gradient of each member's loss on its `rows` [members, B]; return clip scores."""
    clips = train.clips[rows]
    inputs = normalised[clips.flatten(1)].flatten(1, 2)
    mask = train.mask[clips.flatten(1)].flatten(1, 2)
    outputs = model.parameters.forward(inputs, tape)
    steps = reward_of(model.config.output, outputs, model.config.distances)
    scores = model.total(steps, mask, train.mask.shape[1]).view(clips.shape)
    with torch.enable_grad():
        scores.requires_grad_()
        ties = model.parameters.extra.detach().requires_grad_()
        likelihood = log_likelihood(
            scores,
            train.offered[rows],
            train.chosen[rows],
            ties,
            train.largest_tie,
            noise,
        )
        # members share no parameters, so the sum over them trains each on its own mean
        loss = -((likelihood * weight).sum(1) / weight.sum(1).clamp(min=1.0)).sum()
    by_score, by_tie = torch.autograd.grad(loss, [scores, ties], materialize_grads=True)
    by_step = by_score.flatten(1).unsqueeze(-1).expand(-1, -1, train.mask.shape[1]).flatten(1)
    by_step = by_step * model.step_weight(mask, train.mask.shape[1])
    by_output = output_gradient(
        model.config.output, outputs, steps, by_step, model.config.distances
    )
    model.parameters.backward(inputs, tape, by_output)
    model.parameters.extra_gradient.copy_(by_tie)
    return scores.detach()


def _label_weights(model: PreferenceEnsemble, train: RankedClips) -> Tensor:
    """Weight of each ranking for each member, [members, N]: ones, or a Poisson bootstrap.

    The bootstrap depends on record and member only, so that it is the same in every session.
    """
    weights = np.ones((model.config.members, len(train)), np.float32)
    if model.config.bootstrap:
        for member in range(model.config.members):
            for row, sequence in enumerate(train.sequences):
                weights[member, row] = np.random.default_rng((int(sequence), member)).poisson(1.0)
    return torch.from_numpy(weights).to(model.device)


def _batch_size(count: int, most: int) -> int:
    """Size of batches that share `count` labels evenly, at most `most` each."""
    return -(-count // -(-count // most))


def _batches(
    count: int, members: int, size: int, rng: np.random.Generator
) -> list[tuple[NDArray[np.int64], NDArray[np.float32]]]:
    """One epoch: (rows, valid), [members, size] each, every member in its own order."""
    places = -(-count // size) * size
    order = np.zeros((members, places), np.int64)
    order[:, :count] = rng.permuted(np.tile(np.arange(count), (members, 1)), axis=1)
    valid = np.zeros((members, places), np.float32)
    valid[:, :count] = 1.0
    return [
        (order[:, start : start + size], valid[:, start : start + size])
        for start in range(0, places, size)
    ]


def _count_right(scores: Tensor, offered: Tensor, chosen: Tensor, weight: Tensor) -> Tensor:
    """[right, asked]: first choices of a single best clip which the scores agree with, weighted."""
    bits = torch.arange(scores.shape[-1], device=scores.device)
    present = ((offered[..., :1] >> bits) & 1) > 0
    best = torch.where(present, scores, -torch.inf).argmax(-1)
    single = (((chosen[..., :1] >> bits) & 1).sum(-1) == 1) * weight
    return torch.stack([(((1 << best) == chosen[..., 0]) * single).sum(), single.sum()])


def _log_odds(model: PreferenceEnsemble, data: RankedClips) -> NDArray[np.float64]:
    """Log-odds of the better clip of each pair, by the mean over members, before calibration."""
    with torch.no_grad():
        scores = model.clip_scores(data.inputs, data.mask).mean(0)
    values = scores.double().cpu().numpy()
    odds: NDArray[np.float64] = values[data.pairs[:, 1]] - values[data.pairs[:, 2]]
    return odds


def _report(
    model: PreferenceEnsemble, labels: int, train: RankedClips | None, held_out: RankedClips | None
) -> FitReport:
    nan = float("nan")
    train_odds = _log_odds(model, train) if train is not None else np.zeros(0)
    odds = _log_odds(model, held_out) if held_out is not None else np.zeros(0)
    temperature, calibrated = 1.0, odds
    table: tuple[tuple[float, float, int], ...] = ()
    if held_out is not None and len(odds) >= ENOUGH_HELD_OUT:
        temperature = fit_temperature(odds)
        # reported on answers that had no part in choosing the temperature
        calibrated = cross_fitted(odds, held_out.pairs[:, 0] % 2)
    if held_out is not None:
        table = reliability_table(calibrated, held_out.pairs[:, 1] < held_out.pairs[:, 2])
    model.temperature.fill_(temperature)
    return FitReport(
        labels=labels,
        train_accuracy=float((train_odds > 0).mean()) if len(train_odds) else nan,
        held_out_labels=len(held_out) if held_out is not None else 0,
        held_out_accuracy=float((odds > 0).mean()) if len(odds) else nan,
        held_out_log_loss=log_loss(calibrated),
        calibration_error=expected_calibration_error(table),
        temperature=temperature,
        reliability=table,
    )
