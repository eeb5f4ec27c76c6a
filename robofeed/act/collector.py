"""Rounds of episodes for training: which seeds, which policy, which numbers the episodes get."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from robofeed.act.helm import Helm
from robofeed.act.recording import Recorded
from robofeed.act.rollout import Rollout
from robofeed.data.batch import StepBatch
from robofeed.data.fleet import Fleet
from robofeed.interfaces import Policy

TRAINING_SEEDS = (0, 2**29)
SELECTION_SEEDS = (2**29, 2**30)
REPORTING_SEEDS = (2**30, 2**30 + 2**29)
"""Reset seeds for training, for evaluation during the run, and for the figures that are reported:
disjoint, so that no reported start was ever trained on."""


class SeedStream:
    """Training seeds, each given `alike` times in a row: such episodes can be compared."""

    def __init__(self, rng: np.random.Generator, alike: int) -> None:
        self.rng = rng
        self._alike = alike
        self.pending: list[int] = []

    def take(self, count: int) -> list[int]:
        """The next `count` seeds."""
        while len(self.pending) < count:
            seed = int(self.rng.integers(*TRAINING_SEEDS))
            self.pending.extend([seed] * self._alike)
        taken, self.pending = self.pending[:count], self.pending[count:]
        return taken


@dataclass(slots=True)
class RoundCollector:
    """The loop's `Collector`: one round is an episode on every arm, by the newest policy."""

    fleet: Fleet
    seeds: SeedStream
    policy: Callable[[], Policy]
    """asked before every step"""
    rng: np.random.Generator
    """draws the policy's actions"""
    record: Callable[[Recorded], None]
    """given each finished episode, at the end of its round"""
    begin: Callable[[int], None]
    """told how many arms start, at the beginning of each round"""
    with_true_reward: bool = False
    """whether transitions carry the simulator's true reward: in the baseline that says so alone"""
    helm: Helm | None = None
    """where a person may take over one of the arms"""
    next_episode: int = 0
    """number of the next episode"""

    def round(self) -> Iterator[StepBatch]:
        """Yield transitions; hand the finished episodes to `record` at the end."""
        count = self.fleet.size
        self.begin(count)
        ids = [f"e{self.next_episode + row:06d}" for row in range(count)]
        rollout = Rollout(
            self.fleet,
            self.seeds.take(count),
            ids,
            self.policy,
            self.rng,
            with_true_reward=self.with_true_reward,
            helm=self.helm,
        )
        yield from rollout
        self.next_episode += count
        for recorded in rollout.recorded:
            self.record(recorded)
