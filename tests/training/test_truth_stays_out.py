"""The true reward has no path to the learner: only to teacher, recorder and evaluator."""

from __future__ import annotations

import pytest

from robofeed.training import train
from robofeed.update.checkpoint import load_latest
from robofeed_example.point import Point


def test_recorded_answers_without_any_truth_give_the_same_learner_to_the_byte(
    point_config, monkeypatch
):
    taught = train(point_config(name="taught"))

    def no_truth(self):
        raise AssertionError("someone asked for the truth")

    monkeypatch.setattr(Point, "truth", no_truth)
    replayed = train(
        point_config(
            "feedback.use=replay",
            f'feedback.replay.ledger="{taught.run_dir / "feedback.sqlite"}"',
            "simulation.truth=false",
            name="replayed",
        )
    )

    first, second = (load_latest(run.run_dir / "checkpoints") for run in (taught, replayed))
    assert first.step == second.step
    for part in ("learner", "reward", "policy"):
        for name, array in first.parts[part].items():
            assert array.tobytes() == second.parts[part][name].tobytes(), (part, name)
    assert replayed.final is None


def test_the_patch_above_would_catch_an_access(point_config, monkeypatch):
    def no_truth(self):
        raise AssertionError("someone asked for the truth")

    monkeypatch.setattr(Point, "truth", no_truth)
    with pytest.raises(AssertionError, match="asked for the truth"):
        train(point_config())


def test_a_simulated_teacher_needs_a_backend_with_truth(point_config):
    with pytest.raises(Exception, match="knows the truth"):
        train(point_config("simulation.truth=false"))
