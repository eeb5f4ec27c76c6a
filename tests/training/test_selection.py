"""The best checkpoint: kept beside the last, judged by one reward model, never by the truth."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from robofeed.data.errors import DataError
from robofeed.data.observation import Truth
from robofeed.events import RewardFitted
from robofeed.report.writer import write_report
from robofeed.training import resume, selection, train
from robofeed.training.evaluation import evaluate_run
from robofeed.update.checkpoint import load_checkpoint, load_latest, name_of, save_checkpoint
from robofeed.update.reward_model import PreferenceEnsemble
from robofeed_example.point import Point


class Favour:
    """A reward model's verdict on whole evaluations: the n-th one it ever saw is the best."""

    def __init__(self, favourite):
        self.favourite, self.seen = favourite, {}
        self.scores = PreferenceEnsemble.segment_scores

    def __call__(self, model, clips):
        if clips.action.shape[:2] != (4, 20):
            return self.scores(model, clips)
        order = self.seen.setdefault(clips.action.tobytes(), len(self.seen))
        return np.full((3, 4), float(order == self.favourite), np.float32)


class CrashError(Exception):
    """Stands for whatever ends a run at an awkward moment."""


def test_the_best_is_kept_beside_the_last_three_across_a_resume(point_config, monkeypatch):
    favour = Favour(favourite=1)
    monkeypatch.setattr(
        PreferenceEnsemble, "segment_scores", lambda model, clips: favour(model, clips)
    )
    fits = []

    def crash(event):
        if isinstance(event, RewardFitted):
            fits.append(event)
            if len(fits) == 5:
                raise CrashError

    config = point_config("stop.steps=900")
    with pytest.raises(CrashError):
        train(config, listen=crash)
    result = resume(Path(config.run.out) / "run")

    kept = sorted(path.name for path in (result.run_dir / "checkpoints").iterdir())
    said = json.loads((result.run_dir / "run.json").read_text())["selection"]
    assert len(kept) == 4 and len(favour.seen) > 5
    assert kept[0] == said["best"] == load_latest(result.run_dir / "checkpoints").best
    assert said["scores"] == {name: float(name == kept[0]) for name in kept}
    assert said["criterion"] == selection.PREDICTED and not said["uses_ground_truth"]
    assert kept[0] in write_report(result.run_dir).read_text()
    best = evaluate_run(result.run_dir, episodes=2, best=True)
    assert (best.checkpoint, best.chosen_by) == (kept[0], selection.PREDICTED)
    last = evaluate_run(result.run_dir, episodes=2)
    assert (last.checkpoint, last.chosen_by) == (kept[-1], "last")


def a_run(reward, steps=0, examination=None, ground_truth=False):
    newest = SimpleNamespace(steps=steps, examination=examination) if examination else None
    return SimpleNamespace(
        reward=reward,
        ground_truth=ground_truth,
        phase=SimpleNamespace(learning=True),
        progress=SimpleNamespace(steps=steps),
        evaluating=SimpleNamespace(newest=newest),
    )


def arrays(value):
    """What a policy saw and did that came to `value` everywhere."""
    return {
        "observation": np.full((2, 5, 3), value, np.float32),
        "action": np.zeros((2, 5, 1), np.float32),
        "mask": np.ones((2, 5), np.float32),
    }


class Likes:
    def __init__(self, sign):
        self.sign = sign

    def segment_scores(self, clips):
        return self.sign * clips.observation.sum(axis=(1, 2))[None, :].repeat(3, axis=0)


def test_all_are_judged_anew_by_the_newest_reward_model(tmp_path):
    for step, value in enumerate([1.0, 5.0, 3.0]):
        save_checkpoint(tmp_path, step, {selection.PART: arrays(value)}, {})
    newest = name_of(3)

    for sign, best in ((1.0, name_of(1)), (-1.0, newest)):
        choice = selection.choose(a_run(Likes(sign)), tmp_path, newest, arrays(-2.0))
        assert choice.best == best
        assert list(choice.scores) == [name_of(step) for step in range(4)]


def test_of_equals_the_newest_is_the_best(tmp_path):
    for step in range(3):
        save_checkpoint(tmp_path, step, {selection.PART: arrays(1.0)}, {})
    choice = selection.choose(a_run(Likes(1.0)), tmp_path, name_of(3), arrays(1.0))
    assert choice.best == name_of(3)


def test_what_cannot_be_judged_does_not_compete(tmp_path, caplog):
    save_checkpoint(tmp_path, 1, {selection.PART: arrays(9.0)}, {})
    save_checkpoint(tmp_path, 2, {"learner": {}}, {})
    save_checkpoint(tmp_path, 3, {selection.PART: arrays(1.0)}, {})
    (tmp_path / name_of(1) / f"{selection.PART}.safetensors").write_bytes(b"damaged")
    choice = selection.choose(a_run(Likes(1.0)), tmp_path, name_of(4), None)
    assert list(choice.scores) == [name_of(3)]
    assert name_of(1) in caplog.text and "cannot be the best" in caplog.text
    assert selection.choose(a_run(None), tmp_path, name_of(4), None) is None


def test_only_an_evaluation_of_the_same_round_tells_of_the_policy(point_config):
    result = train(point_config("evaluation.every_steps=200", "checkpoint.keep=9"))
    for step, judged in ((200, True), (300, False), (400, True)):
        saved = load_checkpoint(result.run_dir / "checkpoints" / name_of(step))
        assert (selection.PART in saved.parts) is judged


def test_a_lying_truth_changes_nothing_in_the_choice(point_config, monkeypatch):
    taught = train(point_config("checkpoint.keep=9", name="taught"))
    monkeypatch.setattr(Point, "truth", lambda self: Truth(float(self._at_m[0]) * 9.0, True))
    replayed = train(
        point_config(
            "checkpoint.keep=9",
            "feedback.use=replay",
            f'feedback.replay.ledger="{taught.run_dir / "feedback.sqlite"}"',
            name="replayed",
        )
    )

    first, second = (load_latest(run.run_dir / "checkpoints") for run in (taught, replayed))
    assert taught.final.true_returns != replayed.final.true_returns
    assert first.meta["selection"] == second.meta["selection"]
    assert len(first.meta["selection"]["scores"]) == 4


def test_the_baseline_is_judged_by_the_truth_and_says_so(point_config):
    result = train(point_config("reward.use=truth"))
    said = load_latest(result.run_dir / "checkpoints").meta["selection"]
    assert said["uses_ground_truth"] and said["criterion"] == selection.TRUE
    page = write_report(result.run_dir).read_text()
    assert said["best"] in page and selection.TRUE in page


def test_pure_imitation_has_no_best(point_config):
    result = train(point_config("learner.use=bc", "prior.demonstrations=2", "stop.steps=100"))
    with pytest.raises(DataError, match="judged the best"):
        evaluate_run(result.run_dir, episodes=2, best=True)
