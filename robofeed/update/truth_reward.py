"""The ground-truth baseline: learning from the simulator's own reward, never from people.

The one door through which true rewards reach a learner. `SacLearner` refuses transitions that carry
them unless it was relabelled with a `TruthReward` first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from robofeed.data.batch import ClipBatch, FitReport, Resolved
from robofeed.data.errors import ConfigError
from robofeed.data.spec import FloatArray


class TruthReward:
    """Stands where a reward model would; the learner then takes `StepBatch.true_reward`."""

    name = "truth (ground-truth baseline)"

    def step_rewards(self, observations: Any, actions: Any) -> Any:
        """Cannot be known from observations and actions.

        Raises:
            ConfigError: always.
        """
        raise ConfigError("the ground-truth baseline predicts no rewards; it reads the simulator's")

    def normalise_over(self, observations: Any, actions: Any) -> None:
        """True rewards are used as they are."""

    def segment_scores(self, clips: ClipBatch) -> FloatArray:
        """Cannot be known from a clip.

        Raises:
            ConfigError: always.
        """
        raise ConfigError("the ground-truth baseline scores no clips; ask no queries with it")

    def fit(self, labels: Sequence[Resolved], rng: np.random.Generator) -> FitReport:
        """There is nothing to fit: a report without figures."""
        nan = float("nan")
        return FitReport(0, nan, 0, nan, nan, nan, 1.0)

    def state(self) -> Mapping[str, FloatArray]:
        """Nothing."""
        return {}

    def load(self, state: Mapping[str, Any]) -> None:
        """Nothing to take back."""
