import math
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from robofeed.data.batch import FitReport
from robofeed.events import (
    Corrected,
    EpisodeRecorded,
    Evaluated,
    FeedbackReceived,
    RewardFitted,
    RunFinished,
    RunStarted,
    Updated,
)
from robofeed.plugins import PluginRegistry
from robofeed_tensorboard.observer import TensorBoardObserver


@pytest.fixture
def registry() -> PluginRegistry:
    """The observer behind the same door as in a run."""
    registry = PluginRegistry()
    registry.add(TensorBoardObserver(), "robofeed-tensorboard", "0", "tensorboard")
    return registry


def curves(run: Path) -> dict[str, list[tuple[int, float]]]:
    """What TensorBoard itself reads from the run, as (step, value) a tag."""
    reader = EventAccumulator(str(run / "tensorboard"))
    reader.Reload()
    return {
        tag: [(point.step, float(point.tensor_proto.float_val[0])) for point in reader.Tensors(tag)]
        for tag in reader.Tags()["tensors"]
    }


def started(run: Path) -> RunStarted:
    return RunStarted(0.0, 0, str(run), {}, ())


def updated(steps: int, value: float) -> Updated:
    return Updated(1.0, steps, 10, 0, "train", 900.0, {"critic_loss": value})


def fit_report(held_out_accuracy: float) -> FitReport:
    return FitReport(40, 0.95, 8, held_out_accuracy, 0.4, 0.05, 1.1)


def evaluated() -> Evaluated:
    return Evaluated(
        *(3.0, 200, 30, "during", 4, (1, 2), 1, 0, 0.5, (0.1, 0.9)),
        true_returns=(-2.0, -4.0),
        predicted_returns=(),
        episode_ids=(),
    )


def test_it_watches_all_five_hooks(registry: PluginRegistry) -> None:
    (row,) = registry.listing()

    assert row.error == ""
    assert len([offer for offer in row.offers if offer.startswith("watches")]) == 5


def test_tensorboard_reads_back_every_figure_at_its_step(
    registry: PluginRegistry, tmp_path: Path
) -> None:
    registry.notify(started(tmp_path))
    registry.notify(EpisodeRecorded(1.0, 50, "e000000", 50, "explore", "truncated", 2, -7.5, True))
    registry.notify(FeedbackReceived(1.0, 60, 30, 28, 2, 5, 3, 1))
    registry.notify(updated(100, 0.25))
    registry.notify(updated(150, 0.125))
    registry.notify(RewardFitted(2.0, 160, 30, fit_report(0.75)))
    registry.notify(Corrected(2.5, 170, "e000001", ("anna",), 12, (31.5,), 0))
    registry.notify(evaluated())
    registry.notify(RunFinished(4.0, 250, 31, "label budget", "31 of 31"))

    assert registry.observer_failures == ()
    written = curves(tmp_path)
    assert written["learner/critic_loss"] == [(100, 0.25), (150, 0.125)]
    assert written["episode/refused"] == [(50, 2.0)]
    assert written["truth/episode_return"] == [(50, -7.5)]
    assert written["feedback/answers"] == [(60, 30.0), (250, 31.0)]
    assert written["reward/held_out_accuracy"] == [(160, 0.75)]
    assert written["corrections/steps"] == [(170, 12.0)]
    assert written["truth/success_rate"] == [(200, 0.5)]
    assert written["truth/evaluation_return"] == [(200, -3.0)]


def test_figures_that_do_not_exist_are_left_out(registry: PluginRegistry, tmp_path: Path) -> None:
    registry.notify(started(tmp_path))
    registry.notify(EpisodeRecorded(1.0, 50, "e000000", 50, "explore", "truncated"))
    registry.notify(RewardFitted(2.0, 60, 3, fit_report(math.nan)))
    registry.notify(RunFinished(4.0, 70, 3, "step budget", ""))

    written = curves(tmp_path)
    assert "truth/episode_return" not in written
    assert "reward/held_out_accuracy" not in written
    assert written["reward/train_accuracy"][0][0] == 60


def test_a_second_run_in_one_process_gets_its_own_files(
    registry: PluginRegistry, tmp_path: Path
) -> None:
    for name, value in (("a", 1.0), ("b", 2.0)):
        registry.notify(started(tmp_path / name))
        registry.notify(updated(10, value))
    registry.notify(RunFinished(4.0, 20, 3, "step budget", ""))

    assert curves(tmp_path / "a")["learner/critic_loss"] == [(10, 1.0)]
    assert curves(tmp_path / "b")["learner/critic_loss"] == [(10, 2.0)]


def test_events_after_the_end_are_ignored(registry: PluginRegistry, tmp_path: Path) -> None:
    registry.notify(started(tmp_path))
    registry.notify(RunFinished(4.0, 20, 3, "step budget", ""))
    registry.notify(updated(30, 1.0))

    assert registry.observer_failures == ()
    assert "learner/critic_loss" not in curves(tmp_path)
