"""An ensemble of reward networks, fitted to what people prefer, all members computed together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
import torch
from torch import Tensor

from robofeed.data.batch import ClipBatch, FitReport, Resolved
from robofeed.data.errors import ConfigError, did_you_mean
from robofeed.data.spec import BackendSpec, FloatArray
from robofeed.update import saved_state
from robofeed.update.config import RewardConfig
from robofeed.update.device import choose_device
from robofeed.update.fit_reward import fit_ensemble
from robofeed.update.flat_adam import FlatAdam
from robofeed.update.normalise import continuous_action
from robofeed.update.ranked_clips import RankedClips
from robofeed.update.ranking_likelihood import TIE_SIZES
from robofeed.update.reward_output import reward_of
from robofeed.update.stacked_mlp import MlpShape, Parameters

CHUNK = 65_536
LEAK = 0.01
"""slope of the activation below zero"""
KEEPS_VARIANCE = 6**0.5
"""from uniform within 1 / sqrt(inputs) to the variance 2 / inputs of He et al. 2015"""


class PreferenceEnsemble:
    """Reward of a step from its observation and action, in physical units.

    Inputs are normalised by statistics of the ranked clips, outputs by `normalise_over`: each
    member to mean 0 and standard deviation 1 over the replay, then their mean as configured.
    """

    def __init__(
        self, config: RewardConfig, spec: BackendSpec, seed: int, device: str = "auto"
    ) -> None:
        self.config = config
        self.device = choose_device(device)
        self.width = spec.observation.size + continuous_action(spec).size
        outputs = config.embedding * config.distances if config.output == "distance" else 1
        self.shape = MlpShape(config.members, (self.width, *config.hidden, outputs), slope=LEAK)
        self.parameters = Parameters(self.shape, self.device, extra=TIE_SIZES)
        self.adam = FlatAdam(
            self.parameters.flat,
            self.parameters.gradient,
            config.learning_rate,
            config.weight_decay,
        )
        self._draw = torch.Generator().manual_seed(seed)
        self._looked_at = torch.from_numpy(_looked_at(config, spec)).to(self.device)
        self.input_mean = torch.zeros(self.width, device=self.device)
        self.input_std = torch.ones(self.width, device=self.device)
        self.member_mean = torch.zeros(config.members, 1, device=self.device)
        self.member_std = torch.ones(config.members, 1, device=self.device)
        self.output = torch.tensor([0.0, 1.0], device=self.device)
        """mean and standard deviation of the members' aggregate over the replay"""
        self.temperature = torch.ones(1, device=self.device)
        self.new_networks()

    def new_networks(self) -> None:
        """Draw fresh members."""
        self.shape.initialise(self._draw, self.parameters.network)
        if self.config.output == "distance":
            self._spread_out()
        self.input_mean.zero_()
        self.input_std.fill_(1.0)
        self.adam.reset()

    def _spread_out(self) -> None:
        """Make fresh embeddings follow the inputs and vanish at their mean.

        With the customary small start and random biases all inputs lie close together far from the
        origin, where a distance is no better than a linear function.
        """
        matrices, biases = self.parameters.views[0::2], self.parameters.views[1::2]
        for matrix, bias in zip(matrices, biases, strict=True):
            matrix *= KEEPS_VARIANCE
            bias.zero_()
        matrices[-1].mul_(0.3)

    # --- rewards ---

    def normalised(self, inputs: Tensor) -> Tensor:
        """Inputs in standard deviations from their mean, limited; 0 where not looked at."""
        limit = self.config.input_clip
        return ((inputs - self.input_mean) / self.input_std).clamp(-limit, limit) * self._looked_at

    def _members(self, observations: Any, actions: Any) -> Tensor:
        """Aligned rewards of each member, [members, N]."""
        with torch.no_grad():
            parts = [
                self._raw(self.normalised(torch.cat(chunk, dim=-1)))
                for chunk in zip(
                    torch.split(torch.as_tensor(observations, device=self.device), CHUNK),
                    torch.split(torch.as_tensor(actions, device=self.device), CHUNK),
                    strict=True,
                )
            ]
            return (torch.cat(parts, dim=-1) - self.member_mean) / self.member_std

    def _aggregate(self, members: Tensor) -> Tensor:
        mean = members.mean(0)
        if self.config.pessimism:
            mean = mean - self.config.pessimism * members.std(0, correction=0)
        return mean

    def step_rewards(self, observations: Any, actions: Any) -> Tensor:
        """Normalised reward [N] of device tensors [N, observation] and [N, action]."""
        reward = self._aggregate(self._members(observations, actions))
        reward = (reward - self.output[0]) / self.output[1]
        return reward * self.config.output_std + self.config.output_mean

    def uncertainty(self, observations: Any, actions: Any) -> Tensor:
        """Standard deviation over the members' aligned rewards, [N]."""
        return self._members(observations, actions).std(0, correction=0)

    def normalise_over(self, observations: Any, actions: Any) -> None:
        """Make rewards of these steps have the configured mean and standard deviation."""
        self.member_mean.zero_()
        self.member_std.fill_(1.0)
        raw = self._members(observations, actions)
        self.member_mean.copy_(raw.mean(-1, keepdim=True))
        self.member_std.copy_(raw.std(-1, correction=0, keepdim=True).clamp(min=1e-6))
        reward = self._aggregate((raw - self.member_mean) / self.member_std)
        self.output[0] = reward.mean()
        self.output[1] = reward.std(correction=0).clamp(min=1e-6)

    # --- clips ---

    def _raw(self, normalised: Tensor) -> Tensor:
        """Each member's raw reward [members, N] of normalised inputs [N, width]."""
        outputs = self.parameters.forward(normalised)
        return reward_of(self.config.output, outputs, self.config.distances)

    def step_weight(self, mask: Tensor, length: int) -> Tensor:
        """How much each step's reward counts in its clip's score, shaped like `mask`."""
        if self.config.clip_score == "sum":
            return mask
        steps = mask.view(*mask.shape[:-1], -1, length)
        return (steps / steps.sum(-1, keepdim=True).clamp(min=1.0)).view(mask.shape)

    def total(self, steps: Tensor, mask: Tensor, length: int) -> Tensor:
        """Scores [members, clips] of clips from their steps' rewards [members, clips x length]."""
        weighted = steps * self.step_weight(mask, length)
        return weighted.view(*weighted.shape[:-1], -1, length).sum(-1)

    def clip_scores(self, inputs: Tensor, mask: Tensor) -> Tensor:
        """Score [members, B] of clips [B, L, width], not calibrated."""
        steps = self._raw(self.normalised(inputs).flatten(0, 1))
        return self.total(steps, mask.flatten(), mask.shape[1])

    def segment_scores(self, clips: ClipBatch) -> FloatArray:
        """Calibrated score of each clip by each member [members, B]: differences are log-odds."""
        stride = self.config.step_stride
        inputs = np.concatenate([clips.observation, clips.action], axis=-1)[:, ::stride]
        masks = np.ascontiguousarray(clips.mask[:, ::stride])
        rows = max(1, CHUNK // inputs.shape[1])
        parts = []
        with torch.no_grad():
            for start in range(0, len(inputs), rows):
                part = torch.from_numpy(inputs[start : start + rows]).to(self.device)
                mask = torch.from_numpy(masks[start : start + rows]).to(self.device)
                parts.append(self.clip_scores(part, mask))
        scores: FloatArray = (torch.cat(parts, dim=-1) / self.temperature).cpu().numpy()
        return scores

    # --- fitting ---

    def fit(self, labels: Sequence[Resolved], rng: np.random.Generator) -> FitReport:
        """Fit to all rankings among `labels`; skips and other feedback say nothing about order."""
        return fit_ensemble(self, labels, rng)

    def shut_out_inputs(self) -> None:
        """Pull the weights of every input, as a group, towards zero (Feng and Simon 2017).

        A proximal step of the group lasso, to follow a step of the optimiser: inputs that the
        answers do not keep in play reach zero. Adam moves each of an input's weights by at most
        about its learning rate, which is what the pull is measured by.
        """
        if not self.config.input_sparsity:
            return
        matrix = self.parameters.views[0]
        pull = self.config.input_sparsity * self.config.learning_rate * matrix.shape[1] ** 0.5
        length = matrix.norm(dim=1, keepdim=True)
        matrix *= (1 - pull / length.clamp(min=1e-9)).clamp(min=0)

    def follow_inputs(self, data: RankedClips) -> None:
        """Normalise inputs by the statistics of `data`, without changing what the networks compute.

        The first layer is re-expressed for the new statistics (up to the input limit). Fresh
        networks were drawn for normalised inputs and take them as they are.
        """
        steps = data.inputs[data.mask > 0]
        mean = steps.mean(0)
        std = steps.std(0, correction=0)
        std = torch.where(std > 1e-6, std, 1.0)
        fresh = bool((self.input_mean == 0).all() and (self.input_std == 1).all())
        if not fresh:
            matrix, bias = self.parameters.views[0], self.parameters.views[1]
            bias += (matrix @ ((mean - self.input_mean) / self.input_std)).unsqueeze(1)
            matrix *= std / self.input_std
        self.input_mean.copy_(mean)
        self.input_std.copy_(std)

    # --- checkpoint ---

    def _tensors(self) -> dict[str, Tensor]:
        return {
            "parameters": self.parameters.flat,
            "input_mean": self.input_mean,
            "input_std": self.input_std,
            "member_mean": self.member_mean,
            "member_std": self.member_std,
            "output": self.output,
            "temperature": self.temperature,
        } | {f"adam.{name}": tensor for name, tensor in self.adam.tensors().items()}

    def state(self) -> Mapping[str, Any]:
        """Everything to go on from, by name."""
        arrays = saved_state.to_arrays(self._tensors())
        arrays["draw"] = self._draw.get_state().numpy().copy()
        return arrays

    def load(self, state: Mapping[str, Any]) -> None:
        """Take back what `state` gave.

        Raises:
            DataError: a state that does not fit these settings.
        """
        saved_state.restore(self._tensors(), state)
        saved_state.restore_generator(self._draw, state, "draw")


def _looked_at(config: RewardConfig, spec: BackendSpec) -> FloatArray:
    """1 for each element of observation and action that the reward may depend on, else 0.

    Raises:
        ConfigError: a pattern that fits no element of the observation.
    """
    names = list(spec.observation.names)
    used = np.ones(spec.observation.size + continuous_action(spec).size, np.float32)
    if not config.inputs:
        return used
    used[:] = 0.0
    for pattern in config.inputs:
        found = [index for index, name in enumerate(names) if fnmatchcase(name, pattern)]
        if not found:
            raise ConfigError(
                f"reward.ensemble.inputs: no observed element is called {pattern!r}"
                f"{did_you_mean(pattern, names)}; there are {', '.join(names)}"
            )
        used[found] = 1.0
    return used
