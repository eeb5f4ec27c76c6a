"""Soft actor-critic on a replay that is relabelled whenever the reward model changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

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
from robofeed.update.config import SacConfig
from robofeed.update.device import choose_device
from robofeed.update.exploration import EntropyBonus, stratified_index
from robofeed.update.flat_adam import FlatAdam
from robofeed.update.graphed import Repeated
from robofeed.update.normalise import continuous_action, unit_range
from robofeed.update.replay import Ring, RowLayout
from robofeed.update.sac_gradients import Tapes, actor_gradient, backup, critic_gradient
from robofeed.update.stacked_mlp import MlpShape, Parameters, Tape
from robofeed.update.truth_reward import TruthReward

RELABEL_CHUNK = 65_536
METRICS = ("critic_loss", "q_mean", "actor_loss", "entropy", "temperature", "reward_mean")


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
        self.layout = RowLayout(observation, action)
        self._rings: dict[str, Ring] = {
            "online": Ring(config.online_capacity, self.layout.width, self.device),
            "prior": Ring(config.prior_capacity, self.layout.width, self.device),
        }
        self._row_scale, self._row_shift = self._row_normalisation()

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
        self._actor.flat[-1] = float(np.log(config.initial_temperature))
        self._new_critics()

        self._bonus = EntropyBonus(
            config.exploration_neighbour, config.exploration_particles, self.device
        )
        self._reward: RewardModel | None = None
        self._labelled = False
        self._updates = 0
        self._counted = 0
        self._sums = torch.zeros(len(METRICS), device=self.device)
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

    def add(self, steps: StepBatch, pool: Literal["online", "prior"]) -> None:
        """Store transitions, labelled by the newest reward model.

        Raises:
            DataError: shapes that do not fit, numbers that are not finite, or true rewards where
                this is not the ground-truth baseline (and the other way round).
        """
        if len(steps) == 0:
            return
        rows = self.layout.pack(steps)
        baseline = isinstance(self._reward, TruthReward)
        if (steps.true_reward is not None) != baseline:
            raise DataError(
                "transitions without true rewards cannot feed the ground-truth baseline"
                if baseline
                else "transitions with true rewards reached a learner that must not see them"
            )
        if steps.true_reward is not None:
            rows[:, self.layout.reward] = torch.from_numpy(np.array(steps.true_reward, np.float32))
        rows = rows.to(self.device)
        if self._reward is not None and not baseline:
            self._label(rows, self._reward)
        self._rings[pool].add(rows)

    def learn_from(self, labels: Sequence[Resolved]) -> None:
        """Feedback reaches this learner through the reward model only."""

    def relabel(self, reward: RewardModel) -> None:
        """Normalise `reward` over the replay and recompute all stored rewards with it.

        The first time, critics that learned from the exploration reward are replaced by new ones,
        which `updates_after_reset` updates then bring up to date.

        Raises:
            DataError: a switch to the ground-truth baseline with transitions already stored.
        """
        filled = [ring.filled() for ring in self._rings.values() if len(ring)]
        if isinstance(reward, TruthReward):
            if filled and not isinstance(self._reward, TruthReward):
                raise DataError("the ground-truth baseline must start with an empty replay")
        elif filled:
            stored = filled[0] if len(filled) == 1 else torch.cat(filled)
            reward.normalise_over(self.layout.observations(stored), self.layout.actions(stored))
            for rows in filled:
                self._label(rows, reward)
        first = not self._labelled
        self.label_with(reward)
        if first and self._updates and self.config.reset_critic_at_first_labels:
            self._new_critics()
            self.update(self.config.updates_after_reset)

    def label_with(self, reward: RewardModel) -> None:
        """Label what is added from now on with `reward`; stored rewards stay (after `load`)."""
        self._reward = reward
        self._labelled = True

    def _label(self, rows: Tensor, reward: RewardModel) -> None:
        for chunk in torch.split(rows, RELABEL_CHUNK):
            chunk[:, self.layout.reward] = reward.step_rewards(
                self.layout.observations(chunk), self.layout.actions(chunk)
            )

    # --- learning ---

    def update(self, n: int) -> None:
        """Do `n` whole updates.

        Raises:
            DataError: there are no transitions yet.
        """
        if n <= 0:
            return
        plan = self._plan()
        self._repeated.run(n, (plan, self._labelled))
        self._updates += n
        self._counted += n

    def _plan(self) -> tuple[int, int]:
        """How many rows of a batch come from the online and the prior transitions."""
        online, prior = (len(ring) for ring in self._rings.values())
        if online + prior == 0:
            raise DataError("update: no transitions were added yet")
        share = self.config.prior_share if online and prior else float(online == 0)
        from_prior = round(share * self.config.batch_size)
        return self.config.batch_size - from_prior, from_prior

    def _batch(self) -> Tensor:
        parts = [
            ring.sample(count, self._sampler)
            for ring, count in zip(self._rings.values(), self._plan(), strict=True)
            if count
        ]
        rows = parts[0] if len(parts) == 1 else torch.cat(parts)
        return self._normalised(rows)

    def _noise(self) -> Tensor:
        size = (self.config.batch_size, self.layout.action)
        return torch.randn(size, device=self.device, generator=self._sampler)

    @torch.no_grad()
    def _update_once(self) -> None:
        """One whole update, as a CUDA graph can record it: no synchronisation, static shapes."""
        temperature = self._actor.extra.exp()
        for _ in range(self.config.critic_updates):
            rows = self._batch()
            rewards = self._rewards(rows)
            critic_loss, q_mean = self._improve_critics(rows, rewards, temperature)
        actor_loss, log_probability = actor_gradient(
            self._actor,
            self._critic,
            self._tapes,
            self.layout.observations(rows),
            self._noise(),
            self._target_entropy,
            self.config.target_subset < self.config.critics,
        )
        self._actor_adam.step()
        self._sums += torch.stack(
            [critic_loss, q_mean, actor_loss, -log_probability, temperature[0], rewards.mean()]
        )

    def _improve_critics(
        self, rows: Tensor, rewards: Tensor, temperature: Tensor
    ) -> tuple[Tensor, Tensor]:
        goal = backup(
            self._actor,
            (self._target_shape, self._target_members()),
            self._tapes,
            self.layout.next_observations(rows),
            rewards,
            self.layout.continues(rows),
            self._noise(),
            temperature if self.config.entropy_in_backup else None,
            self.config.gamma,
        )
        loss, q_mean = critic_gradient(
            self._critic, self._tapes, self.layout.critic_inputs(rows), goal
        )
        self._critic_adam.step()
        self._target.flat.lerp_(self._critic.flat, self.config.tau)
        return loss, q_mean

    def _rewards(self, rows: Tensor) -> Tensor:
        """Stored rewards; before the first labels, the reward for exploring."""
        if self._labelled or self.config.exploration == "none":
            return self.layout.rewards(rows)
        ring = self._rings["online" if len(self._rings["online"]) else "prior"]
        index, usable = stratified_index(self._bonus.particles, ring.device_size, self._sampler)
        stored = self._normalised(ring.rows.index_select(0, index))
        return self._bonus(
            self.layout.next_observations(rows), self.layout.next_observations(stored), usable
        )

    def _normalised(self, rows: Tensor) -> Tensor:
        return torch.addcmul(self._row_shift, rows, self._row_scale)

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

    def _row_normalisation(self) -> tuple[Tensor, Tensor]:
        """Scale and shift that take a stored row to what the networks see, in one operation."""
        centre, scale = unit_range(self.spec.observation)
        action_centre, action_scale = unit_range(continuous_action(self.spec))
        rest = np.zeros(2, np.float32), np.ones(2, np.float32)
        centres = np.concatenate([centre, action_centre, centre, rest[0]])
        scales = np.concatenate([scale, action_scale, scale, rest[1]])
        return (
            torch.from_numpy(1 / scales).to(self.device),
            torch.from_numpy(-centres / scales).to(self.device),
        )

    # --- what comes out ---

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
        self._actor_adam.reset()

    # --- checkpoint ---

    def _tensors(self) -> dict[str, Tensor]:
        named = {
            "actor": self._actor.flat,
            "critic": self._critic.flat,
            "target": self._target.flat,
            "exploration": self._bonus.total,
            "metric_sums": self._sums,
        }
        for prefix, adam in (("actor_adam", self._actor_adam), ("critic_adam", self._critic_adam)):
            named |= {f"{prefix}.{name}": tensor for name, tensor in adam.tensors().items()}
        return named

    def state(self) -> Mapping[str, Any]:
        """Everything but the reward model, by name."""
        arrays = saved_state.to_arrays(self._tensors())
        for name, ring in self._rings.items():
            arrays |= saved_state.to_arrays({f"replay.{name}": ring.filled()})
        arrays["counters"] = np.array(
            [self._updates, self._counted, self._labelled]
            + [ring.added for ring in self._rings.values()],
            dtype=np.int64,
        )
        arrays["draw"] = self._draw.get_state().numpy().copy()
        arrays["sampler"] = self._sampler.get_state().cpu().numpy().copy()
        return arrays

    def load(self, state: Mapping[str, Any]) -> None:
        """Take back what `state` gave; then `label_with` the reward model, if there was one.

        Raises:
            DataError: a state that does not fit these settings.
        """
        counters = saved_state.array(state, "counters")
        rows = {name: saved_state.array(state, f"replay.{name}") for name in self._rings}
        if counters.shape != (3 + len(rows),):
            raise DataError("saved state: the counters are not a SAC learner's")
        for (name, ring), added in zip(self._rings.items(), counters[3:], strict=True):
            expected = (min(int(added), ring.capacity), self.layout.width)
            if rows[name].shape != expected:
                raise DataError(
                    f"saved state: the {name} replay is {rows[name].shape}, expected {expected}"
                )
        saved_state.restore(self._tensors(), state)
        for (name, ring), added in zip(self._rings.items(), counters[3:], strict=True):
            ring.restore(torch.from_numpy(np.array(rows[name], np.float32)), int(added))
        saved_state.restore_generator(self._draw, state, "draw")
        saved_state.restore_generator(self._sampler, state, "sampler")
        self._updates, self._counted = int(counters[0]), int(counters[1])
        self._labelled = bool(counters[2])
