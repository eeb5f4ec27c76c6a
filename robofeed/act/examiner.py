"""Evaluation: the policy's mean actions on fixed seeds, judged by ground truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from robofeed.act.recording import Recorded
from robofeed.act.rollout import Rollout
from robofeed.data.fleet import Fleet
from robofeed.interfaces import Policy


@dataclass(frozen=True, slots=True, eq=False)
class Examination:
    """What came of it. An episode is a success if the truth of its last step says so."""

    seeds: tuple[int, ...]
    recorded: tuple[Recorded, ...]

    @property
    def successes(self) -> int:
        """Episodes that ended in success."""
        return sum(bool(each.truth.success[-1]) for each in self.recorded if each.truth)

    @property
    def collisions(self) -> int:
        """Episodes in which the arm touched what it must not."""
        return sum(bool(each.truth.collided.any()) for each in self.recorded if each.truth)

    @property
    def true_returns(self) -> tuple[float, ...]:
        """Summed true reward of each episode."""
        return tuple(float(each.truth.reward.sum()) for each in self.recorded if each.truth)


def examine(fleet: Fleet, policy: Policy, seeds: Sequence[int], prefix: str) -> Examination:
    """Run one episode a seed, as many at a time as there are arms; nothing is learned from them."""
    recorded: list[Recorded] = []
    for start in range(0, len(seeds), fleet.size):
        some = seeds[start : start + fleet.size]
        ids = [f"{prefix}_{start + index:03d}" for index in range(len(some))]
        recorded += Rollout(fleet, some, ids, lambda: policy, None).run()
    return Examination(tuple(seeds), tuple(recorded))
