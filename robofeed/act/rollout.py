"""Episodes out of a fleet: the policy acts, the arms move, transitions stream to the learner."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext

import numpy as np

from robofeed.act.helm import ROW, Helm
from robofeed.act.recording import Recorded, Recording, Steered
from robofeed.data.batch import StepBatch
from robofeed.data.errors import SafetyStop
from robofeed.data.fleet import Fleet
from robofeed.data.observation import ControlMode, Ended
from robofeed.data.spec import FloatArray
from robofeed.interfaces import Policy


class ExpertPolicy:
    """The simulator's own scripted expert, as a policy. It needs the fleet, not the observation."""

    version = -1

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    def act(self, observations: FloatArray, rng: np.random.Generator | None) -> FloatArray:
        """The expert's actions [N, action]; rows of arms at rest mean nothing."""
        running = [row for row in range(len(observations)) if not self._fleet.table.ended[row]]
        self._fleet.expert(running)
        return self._fleet.table.proposed[: len(observations)].copy()


class HoldingPolicy:
    """Keeps every arm where it is. It needs the fleet, not the observation."""

    version = -1

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    def act(self, observations: FloatArray, rng: np.random.Generator | None) -> FloatArray:
        """The actions that hold the arms [N, action]."""
        self._fleet.locate(range(len(observations)))
        return self._fleet.table.holding[: len(observations)].copy()


class Rollout:
    """One episode an arm. Iterate for transitions; `recorded` holds the episodes afterwards.

    The transitions of a step are yielded while the arms already do the next one, so that learning
    and moving overlap. The order of everything is fixed: the same seeds give the same episodes,
    unless a person at the `helm` has a hand in them. There are none where the run is to end while
    a person has a real arm paused.

    Args:
        fleet: The arms.
        seeds: Of the episodes, one an arm.
        ids: Of the episodes.
        policy: Asked before every step.
        rng: Draws the policy's actions; None = its mean actions.
        with_true_reward: Whether transitions carry the simulator's true reward.
        helm: Where a person may take over one of the arms.
        hands_off: The person may watch and stop the arms, no more.
    """

    def __init__(
        self,
        fleet: Fleet,
        seeds: Sequence[int | None],
        ids: Sequence[str],
        policy: Callable[[], Policy],
        rng: np.random.Generator | None,
        with_true_reward: bool = False,
        helm: Helm | None = None,
        hands_off: bool = False,
    ) -> None:
        self._fleet, self._seeds, self._ids = fleet, seeds, ids
        self._helm, self._hands_off = helm, hands_off
        self._policy, self._rng = policy, rng
        self._with_true_reward = with_true_reward
        self.recorded: list[Recorded] = []

    def __iter__(self) -> Iterator[StepBatch]:
        fleet, table = self._fleet, self._fleet.table
        count = len(self._seeds)
        helm = self._helm
        if helm is not None and not helm.await_start():
            return
        try:
            with helm.on_the_way() if helm is not None else nullcontext():
                fleet.reset(self._seeds)
        except SafetyStop:
            if helm is not None:
                helm.check_stop()  # by a person, on the way to the start? Then it says by whom
            raise
        spec_hash = fleet.spec.hash()
        recordings = [
            Recording(self._ids[row], self._seeds[row], spec_hash, table, row)
            for row in range(count)
        ]
        if helm is not None:
            helm.begin(self._ids[ROW], self._hands_off)
        finished: dict[int, Recorded] = {}
        active = list(range(count))
        pending: StepBatch | None = None
        while active:
            policy = self._policy()
            table.proposed[:count] = policy.act(table.state[:count], self._rng)
            steered: Steered | None = None
            if helm is not None and ROW in active:
                steered = helm.steer(policy.version)
                if helm.looked_again:
                    recordings[ROW].look_again()
                if reason := helm.visit.over:
                    finished[ROW] = recordings[ROW].finish(Ended.TRUNCATED, reason, fleet.has_truth)
                    active.remove(ROW)
                    continue
            elif helm is not None:
                helm.overhear()
            before = table.state[active]
            fleet.send(active)
            if pending is not None:
                yield pending
            reasons = fleet.receive()
            if helm is not None and ROW in active:
                helm.stepped()
            for row in active:
                recordings[row].step(policy.version, steered if row == ROW else None)
            pending = self._transitions(before, active, steered)
            for row in active:
                ended = Ended(table.ended[row])
                if ended is not Ended.RUNNING:
                    finished[row] = recordings[row].finish(ended, reasons[row], fleet.has_truth)
            active = [row for row in active if row not in finished]
        if pending is not None:
            yield pending
        self.recorded = [finished[row] for row in range(count)]

    def run(self) -> list[Recorded]:
        """Run to the end without learning."""
        for _ in self:
            pass
        return self.recorded

    def _transitions(
        self, before: FloatArray, active: list[int], steered: Steered | None
    ) -> StepBatch | None:
        table = self._fleet.table
        # Nothing is learned from a refused action: the arm held instead.
        moved = table.ended[active] != Ended.FAULT
        if not moved.any():
            return None
        rows = np.asarray(active)[moved]
        by_hand = None
        if steered is not None and steered.mode is ControlMode.CORRECTING:
            by_hand = rows == ROW
        return StepBatch(
            observation=before[moved],
            action=table.executed[rows],
            next_observation=table.state[rows],
            terminated=table.ended[rows] == Ended.TERMINATED,
            true_reward=table.true_reward[rows] if self._with_true_reward else None,
            by_hand=by_hand,
        )
