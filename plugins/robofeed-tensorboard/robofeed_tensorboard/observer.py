"""Turns the events of a run into scalars. The horizontal axis is environment steps throughout."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from robofeed import (
    Corrected,
    EpisodeRecorded,
    Evaluated,
    FeedbackReceived,
    RewardFitted,
    RunFinished,
    RunStarted,
    Updated,
    hookimpl,
)


class ScalarWriter(Protocol):
    """The part of `tensorboard.summary.Writer` used here."""

    def add_scalar(self, tag: str, data: float, step: int) -> None: ...
    def flush(self) -> None: ...
    def close(self) -> None: ...


class TensorBoardObserver:
    """Hears of a run and writes `<run>/tensorboard/`.

    What stands under `truth/` is a simulator's ground truth, which the learner never sees.
    """

    def __init__(self) -> None:
        self._writer: ScalarWriter | None = None

    @hookimpl
    def robofeed_run_started(self, event: RunStarted) -> None:
        from tensorboard.summary import Writer

        self._close()
        self._writer = Writer(str(Path(event.run_dir) / "tensorboard"))

    @hookimpl
    def robofeed_episode_recorded(self, event: EpisodeRecorded) -> None:
        values = {"episode/length": float(event.length), "episode/refused": float(event.refused)}
        if event.true_return is not None:
            values["truth/episode_return"] = event.true_return
        self._write(event.steps, values)

    @hookimpl
    def robofeed_feedback_received(self, event: FeedbackReceived) -> None:
        self._write(
            event.steps,
            {
                "feedback/answers": event.answers,
                "feedback/skips": event.skips,
                "feedback/demonstrations": event.demonstrations,
                "feedback/open_queries": event.open_queries,
            },
        )

    @hookimpl
    def robofeed_updated(self, event: Updated | RewardFitted | Evaluated | Corrected) -> None:
        match event:
            case Updated():
                losses = {f"learner/{name}": value for name, value in event.metrics.items()}
                self._write(event.steps, {"speed/steps_per_s": event.steps_per_s, **losses})
            case RewardFitted(report=report):
                values = {
                    "reward/train_accuracy": report.train_accuracy,
                    "reward/held_out_accuracy": report.held_out_accuracy,
                    "reward/held_out_log_loss": report.held_out_log_loss,
                    "reward/calibration_error": report.calibration_error,
                }
                self._write(event.steps, values)
            case Corrected():
                self._write(event.steps, {"corrections/steps": float(event.corrected_steps)})
            case Evaluated():
                returns = event.true_returns
                values = {"truth/success_rate": event.success_rate}
                if returns:
                    values["truth/evaluation_return"] = sum(returns) / len(returns)
                self._write(event.steps, values)
                if self._writer is not None:
                    self._writer.flush()

    @hookimpl
    def robofeed_run_finished(self, event: RunFinished) -> None:
        self._write(event.steps, {"feedback/answers": event.answers})
        self._close()

    def _write(self, step: int, values: Mapping[str, float]) -> None:
        """Write finite values; a figure there are too few labels for is NaN and left out."""
        if self._writer is None:
            return
        for tag, value in values.items():
            if value == value:
                self._writer.add_scalar(tag, value, step)

    def _close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None
