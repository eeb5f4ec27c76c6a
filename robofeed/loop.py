"""The loop: observe, act, collect human feedback, update; stages that do not know each other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from robofeed.data.batch import StepBatch
from robofeed.interfaces import Learner
from robofeed.stop_rules import Fired, Progress, StopRule


class Collector(Protocol):
    """Observes and acts: one round is an episode on every arm."""

    def round(self) -> Iterable[StepBatch]:
        """Transitions as they happen; the episodes are recorded when the round is over."""


class Interview(Protocol):
    """Asks people, and hears what they said."""

    def ask(self, progress: Progress) -> None:
        """Put questions if a session is due. Never waits."""

    def hear(self, progress: Progress) -> bool:
        """Take in new answers; True where the reward model or learner should learn from them."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The opened objects a run is made of."""

    collector: Collector
    interview: Interview
    learner: Learner
    learn_from_feedback: Callable[[], None]
    """fits the reward model and relabels the replay, or hands the answers to the learner"""
    updates_due: Callable[[int], int]
    """how many updates the learner owes after so many more steps"""
    between_rounds: Sequence[Callable[[Progress], None]]
    """evaluation, checkpoints, metrics: each decides for itself whether it is due"""
    stop_rules: Sequence[StopRule]


def run(parts: Parts, progress: Progress, clock: Callable[[], float]) -> Fired:
    """Train until a stop rule fires; returns which one. `clock` gives seconds of the whole run."""
    learner = parts.learner
    while True:
        # Observe and act. Learning overlaps with the arms' motion.
        for steps in parts.collector.round():
            learner.add(steps, "online")
            # What a person steered is an example as well (HIL-SERL keeps it in both places).
            if (corrections := steps.corrections()) is not None:
                learner.add(corrections, "prior")
            due = parts.updates_due(len(steps))
            learner.update(due)
            progress.steps += len(steps)
            progress.updates += due

        # Collect human feedback. A person is slow: asking and hearing are separate, neither waits.
        parts.interview.ask(progress)
        heard = parts.interview.hear(progress)

        # Update what the steps are worth in the light of it.
        if heard:
            parts.learn_from_feedback()

        progress.wall_s = clock()
        for duty in parts.between_rounds:
            duty(progress)
        for rule in parts.stop_rules:
            if fired := rule(progress):
                return fired
