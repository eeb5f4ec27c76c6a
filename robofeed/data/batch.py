"""Values with a batch axis: what core hands to policies, learners and reward models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from robofeed.data.feedback import Feedback
from robofeed.data.spec import FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class StepBatch:
    """N transitions. `action` is the executed one. Time limits are not `terminated`.

    `true_reward` is None except in the ground-truth baseline, which says so in its name.
    """

    observation: FloatArray
    """float32 [N, observation]"""
    action: FloatArray
    """float32 [N, action]"""
    next_observation: FloatArray
    """float32 [N, observation]"""
    terminated: NDArray[np.bool_]
    """[N]"""
    true_reward: FloatArray | None = None
    """float32 [N]"""
    by_hand: NDArray[np.bool_] | None = None
    """[N], steps in which a person moved the arm; None = none"""

    def __len__(self) -> int:
        return len(self.action)

    def corrections(self) -> StepBatch | None:
        """Those steps in which a person moved the arm; None where there are none."""
        if self.by_hand is None or not self.by_hand.any():
            return None
        chosen = self.by_hand
        return StepBatch(
            self.observation[chosen],
            self.action[chosen],
            self.next_observation[chosen],
            self.terminated[chosen],
            None if self.true_reward is None else self.true_reward[chosen],
        )


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """The arrays behind one segment of L steps.

    A step is judged by where it led: its observation is the one after it.
    """

    observation: FloatArray
    """float32 [L, observation], after each step"""
    action: FloatArray
    """float32 [L, action], executed"""


@dataclass(frozen=True, slots=True, eq=False)
class ClipBatch:
    """B clips of L steps; `mask` is 0 where a shorter clip is padded."""

    observation: FloatArray
    """float32 [B, L, observation]"""
    action: FloatArray
    """float32 [B, L, action]"""
    mask: FloatArray
    """float32 [B, L]"""

    @classmethod
    def stack(cls, clips: Sequence[Clip]) -> ClipBatch:
        """Pad `clips` to the longest and stack them."""
        length = max(len(clip.action) for clip in clips)
        first = clips[0]
        observation = np.zeros((len(clips), length, first.observation.shape[1]), np.float32)
        action = np.zeros((len(clips), length, first.action.shape[1]), np.float32)
        mask = np.zeros((len(clips), length), np.float32)
        for row, clip in enumerate(clips):
            steps = len(clip.action)
            observation[row, :steps] = clip.observation
            action[row, :steps] = clip.action
            mask[row, :steps] = 1.0
        return cls(observation, action, mask)


@dataclass(frozen=True, slots=True, eq=False)
class Resolved:
    """A feedback record with the arrays of the segments it speaks of, in the query's own order."""

    sequence: int
    feedback: Feedback
    clips: tuple[Clip, ...]


@dataclass(frozen=True, slots=True)
class PersonWeight:
    """What a reward model makes of one person's rankings: 1 = relied on fully, 0 = random."""

    person: str
    rankings: int
    weight: float


@dataclass(frozen=True, slots=True)
class FitReport:
    """How well a reward model fits. Accuracies and the expected calibration error lie in [0, 1].

    The held-out figures come from labels the model never trained on; NaN where there are too few.
    """

    labels: int
    train_accuracy: float
    held_out_labels: int
    held_out_accuracy: float
    held_out_log_loss: float
    calibration_error: float
    temperature: float
    reliability: tuple[tuple[float, float, int], ...] = ()
    """per bin: mean predicted probability, share that came true, count"""
    people: tuple[PersonWeight, ...] = ()
    """empty where there is one person only, or no telling them apart"""
