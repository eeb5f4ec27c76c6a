"""The transitions a learner keeps: its own and those given to it, labelled by one reward."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from robofeed.data.batch import StepBatch
from robofeed.data.errors import DataError
from robofeed.data.spec import BackendSpec
from robofeed.interfaces import RewardModel
from robofeed.update import saved_state
from robofeed.update.normalise import continuous_action, unit_range
from robofeed.update.replay import Ring, RowLayout
from robofeed.update.truth_reward import TruthReward

RELABEL_CHUNK = 65_536

Pool = Literal["online", "prior"]
Plan = tuple[int, int]
"""how many rows of a batch come from the online and from the prior transitions"""


class Pools:
    """Two rings of transitions in physical units, and the reward they are labelled with."""

    def __init__(self, spec: BackendSpec, online: int, prior: int, device: torch.device) -> None:
        action = continuous_action(spec)
        self.layout = RowLayout(spec.observation.size, action.size)
        self.device = device
        self.rings: dict[Pool, Ring] = {
            "online": Ring(online, self.layout.width, device),
            "prior": Ring(prior, self.layout.width, device),
        }
        self.reward: RewardModel | None = None
        centres, scales = zip(
            unit_range(spec.observation),
            unit_range(action),
            unit_range(spec.observation),
            (np.zeros(2, np.float32), np.ones(2, np.float32)),
            strict=True,
        )
        scale = np.concatenate(scales)
        self._scale = torch.from_numpy(1 / scale).to(device)
        self._shift = torch.from_numpy(-np.concatenate(centres) / scale).to(device)

    # --- filling and labelling ---

    def add(self, steps: StepBatch, pool: Pool) -> None:
        """Store transitions, labelled by the reward model if there is one.

        Raises:
            DataError: shapes that do not fit, numbers that are not finite, or true rewards where
                this is not the ground-truth baseline (and the other way round).
        """
        if len(steps) == 0:
            return
        rows = self.layout.pack(steps)
        baseline = isinstance(self.reward, TruthReward)
        if (steps.true_reward is not None) != baseline:
            raise DataError(
                "transitions without true rewards cannot feed the ground-truth baseline"
                if baseline
                else "transitions with true rewards reached a learner that must not see them"
            )
        if steps.true_reward is not None:
            if steps.true_reward.shape != (len(steps),) or not np.isfinite(steps.true_reward).all():
                raise DataError("transitions: true rewards of a wrong shape or not finite")
            self.layout.rewards(rows).copy_(torch.from_numpy(steps.true_reward))
        rows = rows.to(self.device)
        if self.reward is not None and not baseline:
            # not checked to be finite: that would wait for the device at each step of the arm
            self.layout.rewards(rows).copy_(self._rewards_of(rows, self.reward))
        self.rings[pool].add(rows)

    def relabel(self, reward: RewardModel) -> None:
        """Normalise `reward` over all that is stored, then label all of it, and what is to come.

        Raises:
            DataError: rewards that are not finite, or a switch to the ground-truth baseline with
                transitions already stored.
        """
        filled = [ring.filled() for ring in self.rings.values() if len(ring)]
        if isinstance(reward, TruthReward):
            if filled and not isinstance(self.reward, TruthReward):
                raise DataError("the ground-truth baseline must start with an empty replay")
        elif filled:
            stored = filled[0] if len(filled) == 1 else torch.cat(filled)
            reward.normalise_over(
                self.layout.next_observations(stored), self.layout.actions(stored)
            )
            rewards = [self._rewards_of(rows, reward) for rows in filled]
            if not all(bool(torch.isfinite(values).all()) for values in rewards):
                raise DataError(
                    f"{type(reward).__name__} gave rewards that are not finite; the replay keeps "
                    "those it had"
                )
            for rows, values in zip(filled, rewards, strict=True):
                self.layout.rewards(rows).copy_(values)
        self.reward = reward

    def _rewards_of(self, rows: Tensor, reward: RewardModel) -> Tensor:
        parts = [
            torch.as_tensor(
                reward.step_rewards(
                    self.layout.next_observations(chunk), self.layout.actions(chunk)
                ),
                device=self.device,
            )
            for chunk in torch.split(rows, RELABEL_CHUNK)
        ]
        rewards = torch.cat(parts)
        if rewards.shape != (len(rows),):
            raise DataError(
                f"{type(reward).__name__} gave rewards of shape {tuple(rewards.shape)} for "
                f"{len(rows)} steps"
            )
        return rewards

    # --- sampling: no host synchronisation from here on ---

    def plan(self, batch: int, prior_share: float) -> Plan:
        """Where a batch comes from: `prior_share` of it is prior, if both pools hold something.

        Never more than there are prior transitions: a person's first few corrections would else be
        half of all that is learned from.

        Raises:
            DataError: neither does.
        """
        online, prior = (len(ring) for ring in self.rings.values())
        if online + prior == 0:
            raise DataError("update: no transitions were added yet")
        share = prior_share if online and prior else float(online == 0)
        from_prior = round(share * batch) if online == 0 else min(round(share * batch), prior)
        return batch - from_prior, from_prior

    def sample(self, plan: Plan, generator: torch.Generator) -> Tensor:
        """Normalised rows, the online ones first."""
        parts = [
            ring.sample(count, generator)
            for ring, count in zip(self.rings.values(), plan, strict=True)
            if count
        ]
        return self.normalised(parts[0] if len(parts) == 1 else torch.cat(parts))

    def normalised(self, rows: Tensor) -> Tensor:
        """Stored rows as networks see them: observations and actions in units of their bounds."""
        return torch.addcmul(self._shift, rows, self._scale)

    # --- checkpoint ---

    def state(self) -> dict[str, Any]:
        """Rows in use, and how many were ever added."""
        arrays = saved_state.to_arrays(
            {f"replay.{name}": ring.filled() for name, ring in self.rings.items()}
        )
        arrays["replay.added"] = np.array([ring.added for ring in self.rings.values()], np.int64)
        return arrays

    def load(self, state: Mapping[str, Any]) -> None:
        """Take back what `state` gave; nothing is changed if it does not fit.

        Raises:
            DataError: it does not.
        """
        added = saved_state.array(state, "replay.added")
        if added.shape != (len(self.rings),) or (added < 0).any():
            raise DataError(f"saved state: replay.added is {added.tolist()}")
        rows = {}
        for (name, ring), count in zip(self.rings.items(), added.tolist(), strict=True):
            rows[name] = saved_state.array(state, f"replay.{name}")
            expected = (min(count, ring.capacity), self.layout.width)
            if rows[name].shape != expected or rows[name].dtype != np.float32:
                raise DataError(
                    f"saved state: the {name} replay is {rows[name].dtype} {rows[name].shape}, "
                    f"expected float32 {expected}; was it made with other settings?"
                )
        for (name, ring), count in zip(self.rings.items(), added.tolist(), strict=True):
            ring.restore(torch.from_numpy(np.array(rows[name])), count)
