"""An episode while it grows: preallocated rows, turned into an immutable `Episode` at the end."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from robofeed.data.episode import Episode, TruthTrace
from robofeed.data.fleet import Table
from robofeed.data.observation import ControlMode, Ended
from robofeed.data.spec import FloatArray

_FIRST_ROWS = 64


@dataclass(frozen=True, slots=True, eq=False)
class Recorded:
    """A finished episode and, from a simulator, its ground truth (kept apart)."""

    episode: Episode
    truth: TruthTrace | None
    overruns: int | None = None
    """steps that came late; None where nothing keeps time"""
    most_late_s: float = 0.0
    """by so much came the latest of them"""


@dataclass(frozen=True, slots=True, eq=False)
class Steered:
    """How a person came into one step."""

    mode: ControlMode
    proposed: FloatArray
    """what the policy asked for"""
    correction: FloatArray | None
    """what the person asked for; None where the person did not move the arm"""


class Recording:
    """Collects one arm's rows of a fleet's table, step by step."""

    def __init__(
        self, episode_id: str, seed: int | None, spec_hash: str, table: Table, row: int
    ) -> None:
        self._id, self._seed, self._spec_hash = episode_id, seed, spec_hash
        self._table, self._row = table, row
        self._steps = 0
        self._overruns_before = int(table.overruns[row])
        self._most_late_s = 0.0
        self._before = {
            name: np.empty(
                (_FIRST_ROWS, *getattr(table, name).shape[1:]), getattr(table, name).dtype
            )
            for name in ("state", "time_ns", "scene")
        }
        self._during = {
            name: np.empty(
                (_FIRST_ROWS, *getattr(table, name).shape[1:]), getattr(table, name).dtype
            )
            for name in ("proposed", "executed", "gates", "true_reward", "success", "collided")
        }
        self._correction: FloatArray | None = None
        """made when a person first steers; NaN in all other steps"""
        self._mode = np.empty(_FIRST_ROWS, np.uint8)
        self._version = np.empty(_FIRST_ROWS, np.int64)
        self._copy(self._before, 0)

    def step(self, policy_version: int, steered: Steered | None = None) -> None:
        """Take over what the table's row holds after a step, and how a person came into it."""
        index = self._steps
        if index + 1 >= len(self._mode):
            self._grow()
        self._copy(self._during, index)
        self._mode[index] = ControlMode.AUTONOMOUS if steered is None else steered.mode
        self._version[index] = policy_version
        if steered is not None:
            # The table's row holds what went to the gates instead.
            self._during["proposed"][index] = steered.proposed
            if steered.correction is not None:
                self._corrections()[index] = steered.correction
        self._most_late_s = max(self._most_late_s, float(self._table.late_s[self._row]))
        self._steps = index + 1
        self._copy(self._before, self._steps)

    def look_again(self) -> None:
        """Take what the table's row holds now for what the next step starts from."""
        self._copy(self._before, self._steps)

    @property
    def steps(self) -> int:
        """Steps so far."""
        return self._steps

    def finish(self, ended: Ended, reason: str, has_truth: bool) -> Recorded:
        """Freeze it."""
        steps = self._steps
        episode = Episode(
            id=self._id,
            observations=self._before["state"][: steps + 1],
            time_ns=self._before["time_ns"][: steps + 1],
            proposed=self._during["proposed"][:steps],
            executed=self._during["executed"][:steps],
            gates=self._during["gates"][:steps],
            mode=self._mode[:steps],
            policy_version=self._version[:steps],
            scene=self._before["scene"][: steps + 1],
            ended=ended,
            seed=self._seed,
            spec_hash=self._spec_hash,
            reason=reason,
            correction=None if self._correction is None else self._correction[:steps],
        )
        before, after = self._overruns_before, int(self._table.overruns[self._row])
        overruns = None if before < 0 else after - before
        if not has_truth:
            return Recorded(episode, None, overruns, self._most_late_s)
        during = self._during
        truth = TruthTrace(
            self._id,
            during["true_reward"][:steps].copy(),
            during["success"][:steps].copy(),
            during["collided"][:steps].copy(),
        )
        return Recorded(episode, truth, overruns, self._most_late_s)

    def _copy(self, into: dict[str, np.ndarray], index: int) -> None:
        for name, rows in into.items():
            rows[index] = getattr(self._table, name)[self._row]

    def _corrections(self) -> FloatArray:
        if self._correction is None:
            self._correction = np.full_like(self._during["proposed"], np.nan)
        return self._correction

    def _grow(self) -> None:
        for rows in (self._before, self._during):
            for name, array in rows.items():
                rows[name] = np.concatenate([array, np.empty_like(array)])
        self._mode = np.concatenate([self._mode, np.empty_like(self._mode)])
        self._version = np.concatenate([self._version, np.empty_like(self._version)])
        if self._correction is not None:
            more = np.full_like(self._correction, np.nan)
            self._correction = np.concatenate([self._correction, more])
