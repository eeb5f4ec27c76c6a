"""Policies that act: snapshots rebuilt from flat weights, and the yardsticks that learn nothing."""

from __future__ import annotations

import numpy as np

from robofeed.data.errors import DataError
from robofeed.data.policy_spec import LOG_STD_MAX, LOG_STD_MIN, PolicySpec
from robofeed.data.spec import ArraySpec, FloatArray


class MlpPolicy:
    """A learned policy on numpy: small networks act faster so than through torch.

    Raises:
        DataError: weights that do not fit the spec.
    """

    def __init__(self, spec: PolicySpec, weights: FloatArray, version: int) -> None:
        if weights.shape != (spec.weight_count,):
            raise DataError(
                f"policy {version}: {weights.shape} weights where its spec needs "
                f"{spec.weight_count}"
            )
        self.spec = spec
        self._version = version
        self._centre = np.asarray(spec.observation_centre, np.float32)
        self._inverse_scale = 1.0 / np.asarray(spec.observation_scale, np.float32)
        low = np.asarray(spec.action_low, np.float32)
        high = np.asarray(spec.action_high, np.float32)
        self._action_centre = (high + low) / 2
        self._action_scale = (high - low) / 2
        self._layers: list[tuple[FloatArray, FloatArray]] = []
        offset = 0
        for inputs, outputs in zip(spec.layers, spec.layers[1:], strict=False):
            matrix = weights[offset : offset + inputs * outputs].reshape(outputs, inputs)
            offset += inputs * outputs
            bias = weights[offset : offset + outputs]
            offset += outputs
            # Copied: a snapshot never changes, whatever becomes of the buffer it came in.
            self._layers.append((np.ascontiguousarray(matrix.T), bias.copy()))

    @property
    def version(self) -> int:
        """Grows with every publication."""
        return self._version

    def act(self, observations: FloatArray, rng: np.random.Generator | None) -> FloatArray:
        """Actions [N, action] in physical units; `rng` None takes the mean."""
        hidden = (observations - self._centre) * self._inverse_scale
        for matrix, bias in self._layers[:-1]:
            hidden = np.maximum(hidden @ matrix + bias, 0.0)
        matrix, bias = self._layers[-1]
        output = hidden @ matrix + bias
        if self.spec.kind == "tanh_gaussian_mlp":
            mean, log_std = np.split(output, 2, axis=-1)
            if rng is not None:
                std = np.exp(np.clip(log_std, LOG_STD_MIN, LOG_STD_MAX))
                mean = mean + std * rng.standard_normal(mean.shape, dtype=np.float32)
        else:
            mean = output
        actions: FloatArray = self._action_centre + self._action_scale * np.tanh(mean)
        return actions.astype(np.float32)


class RandomPolicy:
    """Uniform over the action range: exploration, and the yardstick that knows nothing."""

    version = -1

    def __init__(self, spec: ArraySpec) -> None:
        self._spec = spec

    def act(self, observations: FloatArray, rng: np.random.Generator | None) -> FloatArray:
        """Uniform actions [N, action]; needs an `rng`."""
        if rng is None:
            raise ValueError("a random policy needs a generator")
        shape = (len(observations), *self._spec.shape)
        return rng.uniform(self._spec.low, self._spec.high, shape).astype(np.float32)


class DoNothingPolicy:
    """All zeros, limited to the action range: the yardstick that stands still."""

    version = -1

    def __init__(self, spec: ArraySpec) -> None:
        self._still = np.clip(np.zeros(spec.shape, np.float32), spec.low, spec.high)

    def act(self, observations: FloatArray, rng: np.random.Generator | None) -> FloatArray:
        """Still actions [N, action]."""
        return np.repeat(self._still[None], len(observations), axis=0)
