"""Transitions resident on the device: rings of static shape, sampled without the host."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from robofeed.data.batch import StepBatch
from robofeed.data.errors import DataError


@dataclass(frozen=True, slots=True)
class RowLayout:
    """How a transition lies in one row: observation, action, next observation, reward, continues.

    One row a transition makes a sampled batch a single gather, and observation with action, the
    critics' input, a slice. `continues` is 0 after a terminal step and 1 else, time limits too.
    """

    observation: int
    action: int

    @property
    def width(self) -> int:
        """Numbers in a row."""
        return 2 * self.observation + self.action + 2

    @property
    def reward(self) -> int:
        """Column of the reward."""
        return self.width - 2

    def observations(self, rows: Tensor) -> Tensor:
        """[N, observation]."""
        return rows[:, : self.observation]

    def actions(self, rows: Tensor) -> Tensor:
        """[N, action]."""
        return rows[:, self.observation : self.observation + self.action]

    def critic_inputs(self, rows: Tensor) -> Tensor:
        """[N, observation + action]."""
        return rows[:, : self.observation + self.action]

    def next_observations(self, rows: Tensor) -> Tensor:
        """[N, observation]."""
        start = self.observation + self.action
        return rows[:, start : start + self.observation]

    def rewards(self, rows: Tensor) -> Tensor:
        """[N]."""
        return rows[:, self.reward]

    def continues(self, rows: Tensor) -> Tensor:
        """[N]."""
        return rows[:, self.width - 1]

    def pack(self, steps: StepBatch) -> Tensor:
        """Rows of `steps` on the CPU, with reward 0.

        Raises:
            DataError: shapes that do not fit, or numbers that are not finite.
        """
        count = len(steps)
        parts = {
            "observation": (steps.observation, (count, self.observation)),
            "action": (steps.action, (count, self.action)),
            "next_observation": (steps.next_observation, (count, self.observation)),
        }
        for name, (array, shape) in parts.items():
            if array.shape != shape:
                raise DataError(f"transitions: {name} has shape {array.shape}, expected {shape}")
            if not np.isfinite(array).all():
                raise DataError(f"transitions: {name} holds numbers that are not finite")
        if steps.terminated.shape != (count,):
            raise DataError(
                f"transitions: terminated has shape {steps.terminated.shape}, expected ({count},)"
            )
        rows = np.concatenate(
            [
                *(array for array, _ in parts.values()),
                np.zeros((count, 1), np.float32),
                1.0 - steps.terminated.astype(np.float32)[:, None],
            ],
            axis=1,
            dtype=np.float32,
        )
        return torch.from_numpy(rows)


class Ring:
    """The last `capacity` rows."""

    def __init__(self, capacity: int, width: int, device: torch.device) -> None:
        self.capacity = capacity
        self.rows = torch.zeros(capacity, width, device=device)
        self.added = 0
        """rows ever added"""
        self.device_size = torch.zeros(1, device=device)
        """`len(self)` where a CUDA graph can see it change"""

    def __len__(self) -> int:
        return min(self.added, self.capacity)

    def add(self, rows: Tensor) -> None:
        """Append `rows` [N, width], over the oldest where full."""
        rows = rows[-self.capacity :]
        start = self.added % self.capacity
        first = min(len(rows), self.capacity - start)
        self.rows[start : start + first].copy_(rows[:first])
        self.rows[: len(rows) - first].copy_(rows[first:])
        self.added += len(rows)
        self.device_size.fill_(float(len(self)))

    def filled(self) -> Tensor:
        """The rows in use, in memory order: a view."""
        return self.rows[: len(self)]

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """Draw `count` rows uniformly, with replacement."""
        uniform = torch.rand(count, device=self.rows.device, generator=generator)
        index = (uniform * self.device_size).long()
        # float32 may round a draw next to 1 up to the size itself
        return self.rows.index_select(0, torch.minimum(index, self.device_size.long() - 1))

    def restore(self, rows: Tensor, added: int) -> None:
        """Take back `filled()` and `added`, in place."""
        self.rows[: len(rows)].copy_(rows)
        self.added = added
        self.device_size.fill_(float(len(self)))
