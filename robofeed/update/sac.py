"""Soft actor-critic on a replay that is relabelled whenever the reward model changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from robofeed.data.batch import Resolved, StepBatch
from robofeed.data.errors import DataError
from robofeed.data.policy_spec import PolicySpec
from robofeed.data.spec import BackendSpec, FloatArray
from robofeed.interfaces import Needs, RewardModel
from robofeed.update import saved_state
from robofeed.update.actor import actor_shape, describe_policy
from robofeed.update.behaviour_cloning import BehaviourCloning
from robofeed.update.config import BehaviourCloningConfig, SacConfig
from robofeed.update.device import choose_device
from robofeed.update.exploration import EntropyBonus, stratified_index
from robofeed.update.flat_adam import FlatAdam
from robofeed.update.graphed import Repeated
from robofeed.update.normalise import continuous_action
from robofeed.update.pools import Pool, Pools
from robofeed.update.sac_gradients import Tapes, actor_gradient, backup, critic_gradient
from robofeed.update.stacked_mlp import MlpShape, Parameters, Tape


class SacLearner:
    """Soft actor-critic (Haarnoja et al. 2018).

    Until the first `relabel` it learns to explore (state entropy) or does nothing useful.
    Afterwards each stored and each new transition carries the reward of the newest model.
    """

    def __init__(
        self, config: SacConfig, spec: BackendSpec, seed: int, device: str = "auto"
    ) -> None:
        self.config = config
        self.spec = spec
        self.device = choose_device(device)
        observation, action = spec.observation.size, continuous_action(spec).size
        self.pools = Pools(spec, config.online_capacity, config.prior_capacity, self.device)
        critic = MlpShape(
            config.critics, (observation + action, *config.hidden, 1), config.layer_norm
        )
        self._actor = Parameters(actor_shape(spec, config.hidden), self.device, extra=1)
        self._critic = Parameters(critic, self.device)
        self._target = Parameters(critic, self.device)
        self._target_shape = MlpShape(config.target_subset, critic.sizes, config.layer_norm)
        self._target_entropy = (
            config.target_entropy_per_action * action if config.learn_temperature else None
        )
        self._actor_adam = FlatAdam(self._actor.flat, self._actor.gradient, config.actor_lr)
        self._critic_adam = FlatAdam(self._critic.flat, self._critic.gradient, config.critic_lr)
        self._tapes = Tapes(
            *(
                Tape(shape, config.batch_size, self.device)
                for shape in (self._actor.shape, critic, self._target_shape)
            )
        )

        self._draw = torch.Generator().manual_seed(seed)
        """for fresh networks"""
        self._sampler = torch.Generator(self.device).manual_seed(seed + 1)
        """for batches and noise"""
        self._actor.shape.initialise(self._draw, self._actor.network)
        self._policy = self._actor.network
        if config.policy_follow < 1.0:
            self._policy = self._actor.network.clone()
        self._actor.flat[-1] = float(np.log(config.initial_temperature))
        self._new_critics()

        self._bonus = EntropyBonus(
            config.exploration_neighbour, config.exploration_particles, self.device
        )
        self._labelled = False
        self._updates = 0
        self._counted = 0
        self._sums = torch.zeros(5, config.batch_size, device=self.device)
        """per place in the batch, so that an update needs no reductions for its metrics"""
        self._repeated = Repeated(
            self._update_once, [self._sampler], self.device, config.graph_updates
        )

    # --- transitions and rewards ---

    @property
    def needs(self) -> frozenset[Needs]:
        """Transitions and a reward for them."""
        return frozenset({Needs.TRANSITIONS, Needs.REWARD})

    @property
    def updates(self) -> int:
        """Whole updates done so far."""
        return self._updates

    def add(self, steps: StepBatch, pool: Pool) -> None:
        """Store transitions, labelled by the newest reward model.

        Raises:
            DataError: shapes that do not fit, numbers that are not finite, or true rewards where
                this is not the ground-truth baseline (and the other way round).
        """
        self.pools.add(steps, pool)

    def learn_from(self, labels: Sequence[Resolved]) -> None:
        """Feedback reaches this learner through the reward model only."""

    def relabel(self, reward: RewardModel) -> None:
        """Normalise `reward` over the replay and recompute all stored rewards with it.

        The first time, critics that learned from the exploration reward are replaced by new ones,
        which `updates_after_reset` updates then bring up to date.

        Raises:
            DataError: rewards that are not finite, or a switch to the ground-truth baseline with
                transitions already stored.
        """
        first = not self._labelled
        self.pools.relabel(reward)
        self._labelled = True
        if first and self._updates and self.config.reset_critic_at_first_labels:
            self._new_critics()
            self.update(self.config.updates_after_reset)

    def label_with(self, reward: RewardModel) -> None:
        """Label what is added from now on with `reward`; stored rewards stay (after `load`)."""
        self.pools.reward = reward
        self._labelled = True

    # --- learning ---

    def update(self, n: int) -> None:
        """Do `n` whole updates.

        Raises:
            DataError: there are no transitions yet.
        """
        if n <= 0:
            return
        plan = self.pools.plan(self.config.batch_size, self.config.prior_share)
        with torch.no_grad():
            self._repeated.run(n, (plan, self._labelled))
        self._updates += n
        self._counted += n

    def _noise(self) -> Tensor:
        size = (self.config.batch_size, self.pools.layout.action)
        return torch.randn(size, device=self.device, generator=self._sampler)

    def _update_once(self) -> None:
        """One whole update, as a CUDA graph can record it: no synchronisation, static shapes."""
        layout = self.pools.layout
        plan = self.pools.plan(self.config.batch_size, self.config.prior_share)
        temperature = self._actor.extra.exp()
        for _ in range(self.config.critic_updates):
            rows = self.pools.sample(plan, self._sampler)
            rewards = self._rewards(rows)
            error, q_values = self._improve_critics(rows, rewards, temperature)
        value, log_probability = actor_gradient(
            self._actor,
            self._critic,
            self._tapes,
            layout.observations(rows),
            self._noise(),
            self._target_entropy,
            self.config.target_subset < self.config.critics,
        )
        self._actor_adam.step()
        if self._policy is not self._actor.network:
            self._policy.lerp_(self._actor.network, self.config.policy_follow)
        self._sums += torch.stack(
            [
                error.square().sum(0).squeeze(-1),
                q_values[0].squeeze(-1),
                value,
                log_probability,
                rewards,
            ]
        )

    def _improve_critics(
        self, rows: Tensor, rewards: Tensor, temperature: Tensor
    ) -> tuple[Tensor, Tensor]:
        layout = self.pools.layout
        goal = backup(
            self._actor,
            (self._target_shape, self._target_members()),
            self._tapes,
            layout.next_observations(rows),
            rewards,
            layout.continues(rows),
            self._noise(),
            temperature if self.config.entropy_in_backup else None,
            self.config.gamma,
        )
        error, values = critic_gradient(self._critic, self._tapes, layout.critic_inputs(rows), goal)
        self._critic_adam.step()
        self._target.flat.lerp_(self._critic.flat, self.config.tau)
        return error, values

    def _rewards(self, rows: Tensor) -> Tensor:
        """Stored rewards; before the first labels, the reward for exploring."""
        layout = self.pools.layout
        if self._labelled or self.config.exploration == "none":
            return layout.rewards(rows)
        rings = self.pools.rings
        ring = rings["online" if len(rings["online"]) else "prior"]
        index, usable = stratified_index(self._bonus.particles, ring.device_size, self._sampler)
        stored = self.pools.normalised(ring.rows.index_select(0, index))
        return self._bonus(layout.next_observations(rows), layout.next_observations(stored), usable)

    def _target_members(self) -> list[Tensor]:
        """Parameters of a random subset of the target critics (RLPD)."""
        critics, subset = self.config.critics, self.config.target_subset
        if subset == critics:
            return self._target.views
        keys = torch.rand(critics, device=self.device, generator=self._sampler)
        chosen = keys.argsort()[:subset]
        return [parameter.index_select(0, chosen) for parameter in self._target.views]

    def _new_critics(self) -> None:
        self._critic.shape.initialise(self._draw, self._critic.network)
        self._target.flat.copy_(self._critic.flat)
        self._critic_adam.reset()

    # --- what comes out ---

    def metrics(self) -> Mapping[str, float]:
        """Means since the last call; empty where there was no update. Waits for the device."""
        if self._counted == 0:
            return {}
        means = self._sums.mean(1) / self._counted
        squared, q_mean, value, log_probability, reward_mean = means.tolist()
        temperature = float(self._actor.extra.exp())
        self._sums.zero_()
        self._counted = 0
        return {
            "critic_loss": squared / 2,
            "q_mean": q_mean,
            "actor_loss": temperature * log_probability - value,
            "entropy": -log_probability,
            "temperature": temperature,
            "reward_mean": reward_mean,
        }

    def export(self, out: memoryview | None = None) -> tuple[PolicySpec, FloatArray]:
        """The present policy: how to read its weights, and the weights, also written into `out`."""
        weights: FloatArray = self._policy.cpu().numpy().copy()
        if out is not None:
            np.frombuffer(out, dtype=np.float32)[:] = weights
        return describe_policy(self._actor.shape, self.spec), weights

    def start_actor_from(self, policy: PolicySpec, weights: FloatArray) -> None:
        """Continue from another learner's policy, such as behaviour cloning's.

        Raises:
            DataError: a policy of another form.
        """
        own = describe_policy(self._actor.shape, self.spec)
        if policy != own or weights.shape != (own.weight_count,):
            raise DataError(
                f"a policy with layers {policy.layers} for spec {policy.spec_hash} cannot start an "
                f"actor with layers {own.layers} for spec {own.spec_hash}"
            )
        self._actor.network.copy_(torch.from_numpy(np.array(weights, np.float32)))
        self._policy.copy_(self._actor.network)
        self._actor_adam.reset()

    def imitate_prior(self, updates: int) -> None:
        """Clone the actions of the prior transitions, and let the actor start from there.

        Raises:
            DataError: there are no prior transitions.
        """
        config = BehaviourCloningConfig(
            hidden=self.config.hidden,
            batch_size=self.config.batch_size,
            capacity=self.config.prior_capacity,
            graph_updates=self.config.graph_updates,
        )
        seed = int(torch.randint(2**31, (1,), generator=self._draw))
        cloning = BehaviourCloning(config, self.spec, seed, str(self.device))
        cloning.pools.rings["prior"].add(self.pools.rings["prior"].filled())
        cloning.update(updates)
        self.start_actor_from(*cloning.export())

    # --- checkpoint ---

    def _tensors(self) -> dict[str, Tensor]:
        named = {
            "actor": self._actor.flat,
            "critic": self._critic.flat,
            "target": self._target.flat,
            "exploration": self._bonus.total,
            "metric_sums": self._sums,
        }
        if self._policy is not self._actor.network:
            named["policy"] = self._policy
        for prefix, adam in (("actor_adam", self._actor_adam), ("critic_adam", self._critic_adam)):
            named |= {f"{prefix}.{name}": tensor for name, tensor in adam.tensors().items()}
        return named

    def state(self) -> Mapping[str, Any]:
        """Everything but the reward model, by name."""
        arrays = saved_state.to_arrays(self._tensors()) | self.pools.state()
        arrays["counters"] = np.array([self._updates, self._counted, self._labelled], np.int64)
        arrays["draw"] = self._draw.get_state().numpy().copy()
        arrays["sampler"] = self._sampler.get_state().cpu().numpy().copy()
        return arrays

    def load(self, state: Mapping[str, Any]) -> None:
        """Take back what `state` gave; then `label_with` the reward model, if there was one.

        Raises:
            DataError: a state that does not fit these settings.
        """
        counters = saved_state.array(state, "counters")
        if counters.shape != (3,):
            raise DataError("saved state: the counters are not a SAC learner's")
        self.pools.load(state)
        saved_state.restore(self._tensors(), state)
        saved_state.restore_generator(self._draw, state, "draw")
        saved_state.restore_generator(self._sampler, state, "sampler")
        self._updates, self._counted = int(counters[0]), int(counters[1])
        self._labelled = bool(counters[2])
