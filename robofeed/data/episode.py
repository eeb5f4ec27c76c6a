"""A recorded episode, a reference to a part of one, and the ground truth kept apart from both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robofeed.data.errors import DataError
from robofeed.data.observation import Ended
from robofeed.data.spec import FloatArray, frozen_array


@dataclass(frozen=True, slots=True, eq=False)
class Episode:
    """T steps and the T+1 observations around them. All arrays are read-only.

    Raises:
        DataError: arrays whose lengths do not agree.
    """

    id: str
    observations: FloatArray
    """float32 [T+1, observation]"""
    time_ns: NDArray[np.int64]
    """[T+1], monotonic"""
    proposed: FloatArray
    """float32 [T, action]: what the policy asked for, also where a person steered"""
    executed: FloatArray
    """float32 [T, action]: what was sent after the safety gates"""
    gates: NDArray[np.uint16]
    """[T], bits of `Gate`"""
    mode: NDArray[np.uint8]
    """[T], `ControlMode`"""
    policy_version: NDArray[np.int64]
    """[T]; -1 = no policy (random, scripted, human)"""
    scene: FloatArray
    """float32 [T+1, scene]: compact simulator state to render clips from; scene may be 0 wide"""
    ended: Ended
    seed: int | None
    spec_hash: str
    reason: str = ""
    correction: FloatArray | None = None
    """float32 [T, action]: what a person asked for in steps of mode CORRECTING, NaN in the others;
    None where nobody steered"""

    def __post_init__(self) -> None:
        steps = len(self.executed)
        layout: list[tuple[str, Any, int]] = [
            ("observations", np.float32, steps + 1),
            ("time_ns", np.int64, steps + 1),
            ("proposed", np.float32, steps),
            ("executed", np.float32, steps),
            ("gates", np.uint16, steps),
            ("mode", np.uint8, steps),
            ("policy_version", np.int64, steps),
            ("scene", np.float32, steps + 1),
        ]
        if self.correction is not None:
            layout.append(("correction", np.float32, steps))
        for name, dtype, length in layout:
            array = frozen_array(getattr(self, name), dtype)
            if len(array) != length:
                raise DataError(
                    f"episode {self.id}: {name} has {len(array)} rows where {length} belong"
                )
            object.__setattr__(self, name, array)

    def __len__(self) -> int:
        return len(self.executed)

    @property
    def why(self) -> str:
        """The reason without its full stop, to stand in a sentence; some arms say whole ones."""
        return self.reason.rstrip(".")


@dataclass(frozen=True, slots=True, eq=False)
class TruthTrace:
    """Ground truth of an episode, [T] each: of the state that each step led to."""

    episode_id: str
    reward: NDArray[np.float32]
    success: NDArray[np.bool_]
    collided: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, order=True)
class Segment:
    """Steps `start` to `stop` (exclusive) of an episode: a reference, not a copy."""

    episode_id: str
    start: int
    stop: int

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.stop:
            raise DataError(f"segment {self.episode_id}[{self.start}:{self.stop}] is empty")

    def __len__(self) -> int:
        return self.stop - self.start
