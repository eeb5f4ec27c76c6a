"""Many arms seen as one: a table with a row an arm, and what a fleet of them can be told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from robofeed.data.spec import ArraySpec, BackendSpec


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """One row an arm. All arrays have N rows; a worker writes its own row only."""

    state: NDArray[np.float32]
    time_ns: NDArray[np.int64]
    ended: NDArray[np.uint8]
    proposed: NDArray[np.float32]
    executed: NDArray[np.float32]
    gates: NDArray[np.uint16]
    scene: NDArray[np.float32]
    true_reward: NDArray[np.float32]
    success: NDArray[np.bool_]
    collided: NDArray[np.bool_]
    joint_rad: NDArray[np.float32]
    """where the joints are; as old as the last `Fleet.locate`, like the next three"""
    tool_m: NDArray[np.float32]
    gripper: NDArray[np.float32]
    """opening in [0, 1], NaN without one"""
    holding: NDArray[np.float32]
    """the action that keeps the arm where it is"""
    overruns: NDArray[np.int32]
    """steps that came late since the arm was opened; -1: a simulator, which keeps no time"""
    late_s: NDArray[np.float32]
    """by so much came the last step, 0 if in time"""

    @staticmethod
    def layout(spec: BackendSpec, rows: int) -> dict[str, tuple[tuple[int, ...], Any]]:
        """Shape and dtype of every array."""
        action = spec.action.size if isinstance(spec.action, ArraySpec) else 1
        joints = len(spec.limits.joint_low_rad) if spec.limits is not None else 0
        return {
            "time_ns": ((rows,), np.int64),
            "state": ((rows, spec.observation.size), np.float32),
            "proposed": ((rows, action), np.float32),
            "executed": ((rows, action), np.float32),
            "holding": ((rows, action), np.float32),
            "joint_rad": ((rows, joints), np.float32),
            "tool_m": ((rows, 3), np.float32),
            "gripper": ((rows,), np.float32),
            "scene": ((rows, spec.scene_size), np.float32),
            "true_reward": ((rows,), np.float32),
            "overruns": ((rows,), np.int32),
            "late_s": ((rows,), np.float32),
            "gates": ((rows,), np.uint16),
            "ended": ((rows,), np.uint8),
            "success": ((rows,), np.bool_),
            "collided": ((rows,), np.bool_),
        }

    @classmethod
    def over(cls, spec: BackendSpec, rows: int, buffer: Any = None) -> Table:
        """Lay the arrays out over `buffer` (at least `nbytes` long), or over fresh memory."""
        buffer = bytearray(cls.nbytes(spec, rows)) if buffer is None else buffer
        arrays = {}
        offset = 0
        for name, (shape, dtype) in cls.layout(spec, rows).items():
            arrays[name] = np.ndarray(shape, dtype, buffer, offset)
            offset += arrays[name].nbytes
        return cls(**arrays)

    @classmethod
    def nbytes(cls, spec: BackendSpec, rows: int) -> int:
        """Bytes that all arrays take together."""
        return sum(
            int(np.prod(shape)) * np.dtype(dtype).itemsize
            for shape, dtype in cls.layout(spec, rows).values()
        )


class Fleet(Protocol):
    """Arms stepped together. `send` then `receive`; learning happens in between.

    The arrays of `table` change with the next `send`; copy what is to be kept. Ground truth has
    columns of its own, which recorder, simulated teacher and evaluator alone look at.
    """

    spec: BackendSpec
    size: int
    table: Table
    has_truth: bool

    def reset(self, seeds: Sequence[int | None]) -> list[str]:
        """Start an episode on the first `len(seeds)` arms; the others rest."""

    def send(self, active: Sequence[int]) -> None:
        """Let the arms named apply their row of `table.proposed`. Returns at once."""

    def receive(self) -> dict[int, str]:
        """Wait until every arm named has stepped. Returns why episodes ended, by arm."""

    def expert(self, active: Sequence[int]) -> None:
        """Fill `table.proposed` with the scripted expert's actions."""

    def locate(self, active: Sequence[int]) -> None:
        """Fill `joint_rad`, `tool_m`, `gripper` and `holding` of the table."""

    def look(self, active: Sequence[int]) -> None:
        """Observe again without acting: after a wait, before the next `send`."""

    def stop(self) -> None:
        """Stop every arm at once: each holds, latched, and what it is at ends as a fault.

        Any thread, at any time, also while an arm drives to its start. Never raises.
        """

    def acknowledge(self) -> None:
        """Release every latched hold."""

    def close(self) -> None:
        """Stop all arms. Idempotent."""
        ...
