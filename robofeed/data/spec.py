"""What an arm senses and accepts, readable before it is opened."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robofeed.data.errors import DataError

FloatArray = NDArray[np.float32]


def frozen_array(values: Any, dtype: Any = np.float32) -> NDArray[Any]:
    """Return a read-only copy of `values` as a contiguous array of `dtype`."""
    array: NDArray[Any] = np.array(values, dtype=dtype, order="C", copy=True)
    array.setflags(write=False)
    return array


@dataclass(frozen=True, slots=True, eq=False)
class ArraySpec:
    """A vector with bounds, units and names.

    `low` and `high` have shape `shape`; scalars are broadcast. `unit` is one SI unit for all
    elements or, through `units`, one an element. `levels` says per element how many discrete
    values it takes: None = continuous, 2 = a binary gripper.

    Raises:
        DataError: bounds that do not fit the shape or are out of order, or a wrong number of names.
    """

    shape: tuple[int, ...]
    low: FloatArray
    high: FloatArray
    names: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    levels: tuple[int | None, ...] = ()
    dtype: str = "float32"

    def __post_init__(self) -> None:
        for bound in ("low", "high"):
            values = np.broadcast_to(np.asarray(getattr(self, bound), dtype=np.float32), self.shape)
            object.__setattr__(self, bound, frozen_array(values))
        if not np.all(self.low <= self.high):
            raise DataError(f"array spec {self.names}: a lower bound is above its upper bound")
        for label in ("names", "units", "levels"):
            count = len(getattr(self, label))
            if count not in (0, self.size):
                raise DataError(f"array spec: {count} {label} for {self.size} elements")

    @property
    def size(self) -> int:
        """Number of elements."""
        return int(np.prod(self.shape))

    def sample(self, rng: np.random.Generator) -> FloatArray:
        """Draw one value uniformly between the bounds (which must be finite)."""
        return rng.uniform(self.low, self.high).astype(np.float32)

    def contains(self, value: NDArray[Any]) -> bool:
        """Whether `value` has this shape, is finite and lies within the bounds."""
        return (
            value.shape == self.shape
            and bool(np.isfinite(value).all())
            and bool(np.all(value >= self.low) and np.all(value <= self.high))
        )

    def describe(self) -> dict[str, Any]:
        """Return the spec as JSON-ready values."""
        return {
            "shape": list(self.shape),
            "low": self.low.tolist(),
            "high": self.high.tolist(),
            "names": list(self.names),
            "units": list(self.units),
            "levels": list(self.levels),
            "dtype": self.dtype,
        }


@dataclass(frozen=True, slots=True)
class DiscreteSpec:
    """One of `n` choices, named or not."""

    n: int
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.n < 1 or len(self.names) not in (0, self.n):
            raise DataError(f"discrete spec: n={self.n} with {len(self.names)} names")

    def describe(self) -> dict[str, Any]:
        """Return the spec as JSON-ready values."""
        return {"n": self.n, "names": list(self.names)}


@dataclass(frozen=True, slots=True)
class FrameSpec:
    """A camera image: uint8, height x width x 3 (RGB).

    `roll` is where a real camera's last pictures lie (`robofeed.data.film_roll`), "" = nowhere.
    """

    height: int
    width: int
    roll: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Limits:
    """What `Guarded` enforces. Arrays have one element a joint; the box is in the base frame.

    `max_observation_age_s` is how old the newest observation may be when an action is applied.
    """

    joint_low_rad: FloatArray
    joint_high_rad: FloatArray
    joint_speed_rad_s: FloatArray
    joint_acceleration_rad_s2: FloatArray
    workspace_low_m: FloatArray
    workspace_high_m: FloatArray
    tool_speed_m_s: float = 0.25
    max_observation_age_s: float = 0.1

    def __post_init__(self) -> None:
        for name in (
            "joint_low_rad",
            "joint_high_rad",
            "joint_speed_rad_s",
            "joint_acceleration_rad_s2",
            "workspace_low_m",
            "workspace_high_m",
        ):
            object.__setattr__(self, name, frozen_array(getattr(self, name)))
        if not np.all(self.joint_low_rad < self.joint_high_rad):
            raise DataError("limits: a joint's lower limit is not below its upper limit")
        if not np.all(self.workspace_low_m < self.workspace_high_m):
            raise DataError("limits: the workspace box is empty")


@dataclass(frozen=True, slots=True, eq=False)
class BackendSpec:
    """Everything a learner or an operator must know of a backend before opening it.

    `horizon` is the number of steps after which an episode is truncated, None where only the task
    ends it.
    """

    observation: ArraySpec
    action: ArraySpec | DiscreteSpec
    period_s: float
    limits: Limits | None = None
    frames: Mapping[str, FrameSpec] = field(default_factory=dict)
    simulated: bool = False
    seedable: bool = False
    horizon: int | None = None
    scene_size: int = 0

    def hash(self) -> str:
        """Digest of what a policy depends on: observation, action and period."""
        described = {
            "observation": self.observation.describe(),
            "action": self.action.describe(),
            "period_s": self.period_s,
        }
        text = json.dumps(described, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]
