"""How to rebuild a policy from flat weights: for the policy slot, checkpoints and workers."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from robofeed.data.errors import DataError

LOG_STD_MIN, LOG_STD_MAX = -5.0, 2.0


@dataclass(frozen=True, slots=True)
class PolicySpec:
    """A tanh-Gaussian multilayer perceptron (or a deterministic one) over normalised observations.

    Observations are mapped by `(x - centre) / scale`; the tanh output in [-1, 1] is mapped onto
    `action_low .. action_high`. Weights are flat float32: for each layer its matrix [out, in] in
    row order, then its bias [out]; the last layer has 2 x action outputs (mean, log standard
    deviation), or action outputs where `kind` is `deterministic_mlp`.
    """

    kind: Literal["tanh_gaussian_mlp", "deterministic_mlp"]
    layers: tuple[int, ...]
    """sizes from input to output, both included"""
    observation_centre: tuple[float, ...]
    observation_scale: tuple[float, ...]
    action_low: tuple[float, ...]
    action_high: tuple[float, ...]
    spec_hash: str = ""

    @property
    def weight_count(self) -> int:
        """Number of float32 values in the flat weights."""
        return sum(
            inputs * outputs + outputs
            for inputs, outputs in zip(self.layers, self.layers[1:], strict=False)
        )

    def describe(self) -> dict[str, Any]:
        """Return the spec as JSON-ready values."""
        return asdict(self)

    @classmethod
    def from_description(cls, description: dict[str, Any]) -> PolicySpec:
        """Rebuild what `describe` wrote.

        Raises:
            DataError: fields missing or unknown.
        """
        try:
            values: dict[str, Any] = {
                key: tuple(value) if isinstance(value, list) else value
                for key, value in description.items()
            }
            return cls(**values)
        except TypeError as error:
            raise DataError(f"not a policy spec: {error}") from error
