"""What happens between rounds when it is due: measuring, evaluating, saving."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from robofeed.act.examiner import Examination, examine
from robofeed.act.helm import Helm
from robofeed.act.recording import Recorded
from robofeed.data.fleet import Fleet
from robofeed.data.intervals import wilson_interval
from robofeed.events import Evaluated, Event, Updated
from robofeed.interfaces import Learner, Policy, RewardModel
from robofeed.stop_rules import Progress
from robofeed.training.recorder import Recorder

_KEPT = 3
"""Episodes of each evaluation that are kept on disk, for clips."""


@dataclass(slots=True)
class Every:
    """Due in the first round of each stretch of so many steps.

    Stretches count from the start of the run, so that what is due equally often, such as
    evaluations and checkpoints, is due in the same rounds.
    """

    steps: int
    next_step: int = 0

    def due(self, progress: Progress) -> bool:
        """Whether it is due now; if so, not again before the next stretch."""
        if progress.steps < self.next_step:
            return False
        self.next_step = (progress.steps // self.steps + 1) * self.steps
        return True


@dataclass(slots=True)
class Measuring:
    """Tells how fast things go and what the learner's losses are."""

    every: Every
    learner: Learner
    phase: Callable[[], str]
    tell: Callable[[Event], None]
    _then: tuple[float, int] = (0.0, 0)

    def __call__(self, progress: Progress) -> None:
        """Read the learner's metrics: the only time the device is waited for."""
        if not self.every.due(progress):
            return
        wall_s, steps = self._then
        elapsed_s = progress.wall_s - wall_s
        self._then = (progress.wall_s, progress.steps)
        self.tell(
            Updated(
                progress.wall_s,
                progress.steps,
                updates=progress.updates,
                answers=progress.answers,
                phase=self.phase(),
                steps_per_s=(progress.steps - steps) / elapsed_s if elapsed_s > 0 else 0.0,
                metrics=dict(self.learner.metrics()),
            )
        )


@dataclass(frozen=True, slots=True, eq=False)
class Examined:
    """An examination and when it was."""

    steps: int
    examination: Examination


class _Interrupted(Exception):  # noqa: N818 - nothing went wrong
    """An evaluation is not carried through."""


@dataclass(slots=True)
class Evaluating:
    """Runs the newest policy on fixed seeds. True success is for people, not for training."""

    every: Every
    fleet: Fleet
    seeds: tuple[int, ...]
    policy: Callable[[], Policy]
    predictor: Callable[[], RewardModel | None]
    recorder: Recorder
    tell: Callable[[Event], None]
    helm: Helm | None = None
    count: int = field(default=0)
    newest: Examined | None = None
    """the last one on the seeds for selection"""
    interrupted: Callable[[], bool] = lambda: False
    """whether to stop between two episodes, because the run is to end at once"""

    def __call__(self, progress: Progress) -> None:
        """Evaluate if it is due."""
        if self.fleet.has_truth and self.every.due(progress):
            moment = "start" if progress.steps == 0 else "during"
            evaluated = self.evaluate(progress, self.seeds, moment)
            if evaluated is None:
                self.every.next_step = progress.steps  # still due when the run goes on
            elif moment == "during":
                progress.success_rates.append(evaluated.success_rate)

    def evaluate(self, progress: Progress, seeds: tuple[int, ...], moment: str) -> Evaluated | None:
        """Evaluate now and tell; None where that was interrupted.

        Raises:
            SafetyStop: an action of the policy was refused; that episode is on disk, marked FAULT.
        """
        policy = self.policy()
        kept: list[str] = []

        def keep_some(recorded: Recorded) -> None:
            if len(kept) < _KEPT:
                kept.append(recorded.episode.id)
                self.recorder.keep(recorded)

        try:
            examination = examine(
                self.fleet,
                policy,
                seeds,
                prefix=f"v{self.count:04d}",
                keep=self.recorder.keep_fault,
                helm=self.helm,
                heard=self._go_on,
                finished=keep_some,
            )
        except _Interrupted:
            return None
        self.count += 1
        if seeds == self.seeds:
            self.newest = Examined(progress.steps, examination)
        event = Evaluated(
            progress.wall_s,
            progress.steps,
            answers=progress.answers,
            moment=moment,
            policy_version=policy.version,
            seeds=seeds,
            successes=examination.successes,
            collisions=examination.collisions,
            success_rate=examination.successes / len(seeds),
            interval=wilson_interval(examination.successes, len(seeds)),
            true_returns=examination.true_returns,
            predicted_returns=self._predicted(examination),
            episode_ids=tuple(kept),
        )
        self.tell(event)
        return event

    def _go_on(self, done: int) -> None:
        if self.interrupted():
            raise _Interrupted

    def _predicted(self, examination: Examination) -> tuple[float, ...]:
        model = self.predictor()
        if model is None:
            return ()
        scores = model.segment_scores(examination.clips()).mean(axis=0)
        return tuple(float(score) for score in scores)


@dataclass(slots=True)
class Saving:
    """Writes a checkpoint when one is due."""

    every: Every
    save: Callable[[Progress], None]

    def __call__(self, progress: Progress) -> None:
        """Save if it is due."""
        if progress.steps and self.every.due(progress):
            self.save(progress)
