"""Evaluation: the policy's mean actions on fixed seeds, judged by ground truth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from robofeed.act.helm import Helm
from robofeed.act.recording import Recorded
from robofeed.act.rollout import Rollout
from robofeed.data.batch import Clip, ClipBatch
from robofeed.data.episode import Episode
from robofeed.data.errors import SafetyStop
from robofeed.data.fleet import Fleet
from robofeed.data.observation import Ended
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

    @property
    def last_rewards(self) -> tuple[float, ...]:
        """True reward of the last step of each episode: where the arm ended."""
        return tuple(float(each.truth.reward[-1]) for each in self.recorded if each.truth)

    def clips(self) -> ClipBatch:
        """The whole episodes as clips: what was seen and done, nothing of the truth."""
        episodes = [each.episode for each in self.recorded]
        return ClipBatch.stack([Clip(each.observations[1:], each.executed) for each in episodes])


def examine(
    fleet: Fleet,
    policy: Policy,
    seeds: Sequence[int],
    prefix: str,
    keep: Callable[[Recorded], None],
    helm: Helm | None = None,
    heard: Callable[[int], object] = lambda done: None,
    finished: Callable[[Recorded], object] = lambda recorded: None,
) -> Examination:
    """Run one episode a seed, as many at a time as there are arms; nothing is learned from them.

    A person at the `helm` may watch and stop the arms, no more. `heard` is told how many episodes
    are done before each one; what it raises ends the examination, between two episodes. `finished`
    is given each episode as soon as it has gone well, while cameras still have its film.

    Raises:
        SafetyStop: an action was refused. `keep` was given the episodes that ended so, marked
            FAULT; the arm holds.
    """
    recorded: list[Recorded] = []
    for start in range(0, len(seeds), fleet.size):
        heard(start)
        some = seeds[start : start + fleet.size]
        ids = [f"{prefix}_{start + index:03d}" for index in range(len(some))]
        rollout = Rollout(fleet, some, ids, lambda: policy, None, helm=helm, hands_off=True)
        while not (ran := rollout.run()):
            heard(start)  # the run is to end while somebody has the arm paused
        faults = [each for each in ran if each.episode.ended is Ended.FAULT]
        for each in faults:
            keep(each)
        if faults:
            raise SafetyStop(_told([each.episode for each in faults]))
        for each in ran:
            finished(each)
        recorded += ran
    return Examination(tuple(seeds), tuple(recorded))


def _told(faults: Sequence[Episode]) -> str:
    first = faults[0]
    others = f", and {len(faults) - 1} more" if len(faults) > 1 else ""
    return (
        f"evaluation episode {first.id} (seed {first.seed}), step {len(first)}: {first.why}"
        f"{others}. Kept in the run folder, marked as a fault"
    )
