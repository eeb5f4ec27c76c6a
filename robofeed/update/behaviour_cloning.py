"""Imitation of demonstrated actions, for its own sake or as a start for SAC."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from robofeed.data.batch import Resolved, StepBatch
from robofeed.data.errors import DataError
from robofeed.data.policy_spec import LOG_STD_MAX, LOG_STD_MIN, PolicySpec
from robofeed.data.spec import BackendSpec, FloatArray
from robofeed.interfaces import Needs, RewardModel
from robofeed.update import saved_state
from robofeed.update.actor import actor_shape, describe_policy
from robofeed.update.config import BehaviourCloningConfig
from robofeed.update.device import choose_device
from robofeed.update.flat_adam import FlatAdam
from robofeed.update.graphed import Repeated
from robofeed.update.pools import Pool, Pools
from robofeed.update.stacked_mlp import Parameters, Tape

METRICS = ("imitation_error", "std")
NEARLY_ONE = 0.97
"""demonstrated actions at a bound count as this: their inverse tanh is then no outlier"""


def cloning_gradient(
    actor: Parameters, tape: Tape, observations: Tensor, actions: Tensor
) -> tuple[Tensor, Tensor]:
    """Fill the actor's gradient of two losses; return the first one and the mean spread.

    The mean follows the demonstrated `actions` (in [-1, 1]) by squared error, which bounds do not
    upset; the spread follows what the mean leaves over, before the tanh, by likelihood.
    """
    mean, unlimited = actor.forward(observations, tape)[0].chunk(2, dim=-1)
    policy = torch.tanh(mean)
    error = policy - actions
    log_std = unlimited.clamp(LOG_STD_MIN, LOG_STD_MAX)
    left = torch.atanh(actions.clamp(-NEARLY_ONE, NEARLY_ONE)) - mean
    by_mean = 2 * error * (1 - policy.square())
    by_log_std = 1 - left.square() * torch.exp(-2 * log_std)
    # beyond its limits the spread moves only if that leads back inside
    stuck = (unlimited > LOG_STD_MAX) & (by_log_std < 0) | (unlimited < LOG_STD_MIN) & (
        by_log_std > 0
    )
    by_log_std = torch.where(stuck, 0.0, by_log_std)
    gradient = torch.cat([by_mean, by_log_std], dim=-1).unsqueeze(0) / len(actions)
    actor.backward(observations, tape, gradient)
    return error.square().mean(), log_std.exp().mean()


class BehaviourCloning:
    """Learns from the prior pool (demonstrations and corrections) and from nothing else."""

    def __init__(
        self, config: BehaviourCloningConfig, spec: BackendSpec, seed: int, device: str = "auto"
    ) -> None:
        self.config = config
        self.spec = spec
        self.device = choose_device(device)
        self.pools = Pools(spec, 0, config.capacity, self.device)
        shape = actor_shape(spec, config.hidden)
        self._actor = Parameters(shape, self.device)
        self._adam = FlatAdam(
            self._actor.flat, self._actor.gradient, config.learning_rate, config.weight_decay
        )
        self._tape = Tape(shape, config.batch_size, self.device)
        shape.initialise(torch.Generator().manual_seed(seed), self._actor.network)
        self._sampler = torch.Generator(self.device).manual_seed(seed + 1)
        self._counted = 0
        self._sums = torch.zeros(len(METRICS), device=self.device)
        self._repeated = Repeated(
            self._update_once, [self._sampler], self.device, config.graph_updates
        )

    @property
    def needs(self) -> frozenset[Needs]:
        """Demonstrations."""
        return frozenset({Needs.DEMONSTRATIONS})

    def add(self, steps: StepBatch, pool: Pool) -> None:
        """Store demonstrated steps; what the arm did by itself is not imitated.

        Raises:
            DataError: shapes that do not fit, or numbers that are not finite.
        """
        if pool == "prior":
            self.pools.add(replace(steps, true_reward=None), pool)

    def learn_from(self, labels: Sequence[Resolved]) -> None:
        """Demonstrations come as transitions."""

    def relabel(self, reward: RewardModel) -> None:
        """Rewards play no part."""

    def label_with(self, reward: RewardModel) -> None:
        """Rewards play no part."""

    def update(self, n: int) -> None:
        """Do `n` whole updates.

        Raises:
            DataError: there are no demonstrations yet.
        """
        if n <= 0:
            return
        if not len(self.pools.rings["prior"]):
            raise DataError("behaviour cloning has no demonstrations; set prior.demonstrations")
        self._repeated.run(n, None)
        self._counted += n

    @torch.no_grad()
    def _update_once(self) -> None:
        layout = self.pools.layout
        rows = self.pools.sample((0, self.config.batch_size), self._sampler)
        error, std = cloning_gradient(
            self._actor, self._tape, layout.observations(rows), layout.actions(rows)
        )
        self._adam.step()
        self._sums += torch.stack([error, std])

    def metrics(self) -> Mapping[str, float]:
        """Means since the last call; empty where there was no update. Waits for the device."""
        if self._counted == 0:
            return {}
        means = (self._sums / self._counted).tolist()
        self._sums.zero_()
        self._counted = 0
        return dict(zip(METRICS, means, strict=True))

    def export(self, out: memoryview | None = None) -> tuple[PolicySpec, FloatArray]:
        """The present policy: how to read its weights, and the weights, also written into `out`."""
        weights: FloatArray = self._actor.network.cpu().numpy().copy()
        if out is not None:
            np.frombuffer(out, dtype=np.float32)[:] = weights
        return describe_policy(self._actor.shape, self.spec), weights

    def _tensors(self) -> dict[str, Tensor]:
        moments = {f"adam.{name}": tensor for name, tensor in self._adam.tensors().items()}
        return {"actor": self._actor.flat, "metric_sums": self._sums, **moments}

    def state(self) -> Mapping[str, Any]:
        """Everything to go on from, by name."""
        arrays = saved_state.to_arrays(self._tensors()) | self.pools.state()
        arrays["counters"] = np.array([self._counted], np.int64)
        arrays["sampler"] = self._sampler.get_state().cpu().numpy().copy()
        return arrays

    def load(self, state: Mapping[str, Any]) -> None:
        """Take back what `state` gave.

        Raises:
            DataError: a state that does not fit these settings.
        """
        counters = saved_state.array(state, "counters")
        if counters.shape != (1,):
            raise DataError("saved state: the counters are not behaviour cloning's")
        self.pools.load(state)
        saved_state.restore(self._tensors(), state)
        saved_state.restore_generator(self._sampler, state, "sampler")
        self._counted = int(counters[0])
