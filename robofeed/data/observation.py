"""One step's values: what was seen, what was asked for, what was executed."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from robofeed.data.spec import FloatArray

Picture = NDArray[np.uint8]
"""RGB, [height, width, 3]."""


@enum.unique
class Ended(enum.IntEnum):
    """How an episode ended; RUNNING while it has not."""

    RUNNING = 0
    TERMINATED = 1
    TRUNCATED = 2
    FAULT = 3


@enum.unique
class Gate(enum.IntFlag):
    """Which safety gates touched an action. Bits are stored with the episode, so never renumber."""

    NONE = 0
    NON_FINITE = 1
    BAD_SHAPE = 2
    STALE = 4
    JOINT_LIMIT = 8
    JOINT_SPEED = 16
    JOINT_ACCELERATION = 32
    TOOL_SPEED = 64
    WORKSPACE = 128
    IK_RESIDUAL = 256
    ACTION_BOUNDS = 512
    STOPPED = 1024

    @classmethod
    def refusals(cls) -> Gate:
        """The gates that refuse and hold rather than clip."""
        return cls.NON_FINITE | cls.BAD_SHAPE | cls.STALE | cls.STOPPED


@enum.unique
class ControlMode(enum.IntEnum):
    """Who is in control of the arm."""

    AUTONOMOUS = 0
    PAUSED = 1
    CORRECTING = 2


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One camera image, uint8 of shape (height, width, 3), with its own time."""

    time_ns: int
    image: NDArray[np.uint8]


_NO_FRAMES: Mapping[str, Frame] = {}

# The four below are made every step: a named tuple is made in 0.2 us, a frozen dataclass in 0.6.


class Observation(NamedTuple):
    """What the arm senses now. There is no reward here, and never will be.

    `time_ns` is monotonic. `state` is float32 of the spec's shape. `reason` says in words why the
    episode ended, for FAULT above all.
    """

    time_ns: int
    state: FloatArray
    ended: Ended = Ended.RUNNING
    reason: str = ""
    frames: Mapping[str, Frame] = _NO_FRAMES


class Target(NamedTuple):
    """A joint goal and where it puts the tool, as `Backend.plan` predicts it.

    `joint_rad` has one element a joint of `Limits`, the gripper apart. `gripper` is the opening in
    [0, 1], NaN for an arm without one. `residual_m` is the distance between the tool position asked
    for and the one the joint goal reaches (forward kinematics), 0 for joint actions.
    """

    joint_rad: FloatArray
    tool_m: FloatArray
    gripper: float = float("nan")
    residual_m: float = 0.0


class Executed(NamedTuple):
    """The command after the safety gates.

    `action` is in the action's own units, `gates` says which of them touched it. `target` is None
    where the action was refused; the arm then holds.
    """

    action: FloatArray
    target: Target | None
    gates: Gate


class Truth(NamedTuple):
    """A simulator's ground truth after a step, for evaluation and simulated teachers only."""

    reward: float
    success: bool
    collided: bool = False
