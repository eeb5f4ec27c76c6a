"""What goes wrong on the way: named, with an exit code, and nothing recorded is lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from multiprocessing import active_children
from pathlib import Path

import numpy as np
import pytest

from robofeed.act.policies import MlpPolicy
from robofeed.data.episode_writer import EpisodeWriter
from robofeed.data.errors import DataError, HardwareError, SafetyStop
from robofeed.data.ledger import Ledger
from robofeed.data.observation import Ended, Gate
from robofeed.data.store import EpisodeStore
from robofeed.event_log import read_events
from robofeed.events import EpisodeRecorded, Evaluated, RewardFitted
from robofeed.observe.fleet import LocalFleet
from robofeed.training import resume, train
from robofeed.training.evaluation import evaluate_run
from robofeed.update.sac import SacLearner


def test_a_policy_that_gives_nan_is_refused_and_the_episode_kept(point_config, monkeypatch):
    healthy = SacLearner.export

    def sick_after_a_while(self, out=None):
        spec, weights = healthy(self, out)
        return spec, np.full_like(weights, np.nan) if self.updates > 20 else weights

    monkeypatch.setattr(SacLearner, "export", sick_after_a_while)
    config = point_config()

    with pytest.raises(SafetyStop, match="NON_FINITE") as stopped:
        train(config)

    assert stopped.value.exit_code == 5
    run_dir = Path(config.run.out) / "run"
    last = [e for e in read_events(run_dir) if isinstance(e, EpisodeRecorded)][-1]
    assert last.ended == "fault" and last.refused == 1
    episode = EpisodeStore(run_dir).read(last.episode_id)
    assert episode.ended is Ended.FAULT
    assert episode.gates[-1] & Gate.NON_FINITE
    assert np.isfinite(episode.executed).all()


def test_a_policy_that_gives_nan_in_an_evaluation_is_refused_and_that_episode_kept(
    point_config, monkeypatch
):
    """Only the policy's mean, which training never acts by, is not a number."""
    healthy = MlpPolicy.act

    def sick_mean(self, observations, rng):
        actions = healthy(self, observations, rng)
        return np.full_like(actions, np.nan) if rng is None else actions

    def fall_sick(event):
        if isinstance(event, RewardFitted):
            monkeypatch.setattr(MlpPolicy, "act", sick_mean)

    config = point_config()

    with pytest.raises(SafetyStop, match=r"episode v0002_000 .*NON_FINITE") as stopped:
        train(config, listen=fall_sick)

    assert stopped.value.exit_code == 5
    run_dir = Path(config.run.out) / "run"
    assert json.loads((run_dir / "run.json").read_text())["status"] == "failed"
    episode = EpisodeStore(run_dir).read("v0002_000")
    assert episode.ended is Ended.FAULT and np.isnan(episode.proposed[-1]).all()
    assert episode.gates[-1] & Gate.NON_FINITE
    assert np.isfinite(episode.executed).all()

    monkeypatch.undo()
    assert resume(run_dir, exact=False).final is not None


def test_eval_of_a_policy_that_gives_nan_keeps_each_such_episode(point_config, monkeypatch):
    run_dir = train(point_config("stop.steps=40")).run_dir
    monkeypatch.setattr(
        MlpPolicy, "act", lambda self, seen, rng: np.full((len(seen), 2), np.nan, np.float32)
    )
    for _ in range(2):
        with pytest.raises(SafetyStop, match="NON_FINITE"):
            evaluate_run(run_dir, episodes=3)

    kept = [each for each in EpisodeStore(run_dir).ids() if each.startswith("vx")]
    assert kept == ["vx0000_000", "vx0001_000"]
    assert EpisodeStore(run_dir).read(kept[0]).ended is Ended.FAULT


def test_a_simulator_that_dies_is_named_and_the_run_can_be_resumed(point_config):
    def kill_one(event):
        if isinstance(event, RewardFitted):
            victim = next(each for each in active_children() if each.name == "simulator 1")
            os.kill(victim.pid, signal.SIGKILL)

    config = point_config("simulation.processes=2", "stop.steps=240")
    with pytest.raises(HardwareError, match=r"simulator 1 .* died with signal SIGKILL") as died:
        train(config, listen=kill_one)

    assert died.value.exit_code == 3
    assert not active_children()
    run_dir = Path(config.run.out) / "run"
    recorded = [e.episode_id for e in read_events(run_dir) if isinstance(e, EpisodeRecorded)]
    assert set(recorded) <= set(EpisodeStore(run_dir).ids())
    assert resume(run_dir).final is not None


def test_a_full_disk_while_recording_is_named_and_earlier_episodes_stay(point_config, monkeypatch):
    writes = EpisodeStore.write

    def full_after_a_while(self, episode, *rest):
        if episode.id.startswith("e") and episode.id >= "e000007":
            raise DataError(f"cannot write {episode.id}: No space left on device")
        return writes(self, episode, *rest)

    monkeypatch.setattr(EpisodeStore, "write", full_after_a_while)
    config = point_config()
    with pytest.raises(DataError, match="No space left on device"):
        train(config)

    monkeypatch.undo()
    run_dir = Path(config.run.out) / "run"
    announced = [e.episode_id for e in read_events(run_dir) if isinstance(e, EpisodeRecorded)]
    assert announced and set(announced) <= set(EpisodeStore(run_dir).ids())
    assert resume(run_dir).final is not None


def test_ctrl_c_during_the_final_evaluation_of_a_simulator_comes_too_late(point_config):
    def interrupt(event):
        if isinstance(event, Evaluated) and event.moment == "final":
            os.kill(os.getpid(), signal.SIGINT)

    result = train(point_config("stop.steps=40"), listen=interrupt)

    assert result.final is not None and not result.interrupted
    assert json.loads((result.run_dir / "run.json").read_text())["status"] == "finished"


def test_what_ends_a_whole_group_of_processes_ends_a_run_saved(point_config, tmp_path):
    config = point_config("simulation.processes=2", "stop.steps=1000000")
    run_dir = Path(config.run.out) / "run"
    command = (
        *(sys.executable, "-m", "robofeed", "train", "--config", str(tmp_path / "point.toml")),
        *("-q", "--set", "simulation.processes=2", "--set", "stop.steps=1000000"),
        *("--out", config.run.out, "--name", "run"),
    )
    process = subprocess.Popen(command, start_new_session=True, stderr=subprocess.PIPE)
    try:
        until_s = time.monotonic() + 60
        while not list(run_dir.glob("checkpoints/step_*")):
            assert process.poll() is None and time.monotonic() < until_s
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGTERM)
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()

    assert process.returncode == 130, said.decode()
    assert json.loads((run_dir / "run.json").read_text())["status"] == "interrupted"


def test_a_disk_that_is_full_at_once_is_named(point_config, monkeypatch):
    def refuse(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", refuse)
    with pytest.raises(DataError, match=r"cannot write .*config\.toml: No space left on device"):
        train(point_config())


def test_ctrl_c_while_it_closes_leaves_no_episode_unwritten(point_config, monkeypatch):
    closed = []

    def interrupted(self):
        raise KeyboardInterrupt

    def note(name, close):
        def closing(self):
            closed.append(name)
            close(self)

        return closing

    monkeypatch.setattr(LocalFleet, "close", interrupted)
    for part in (EpisodeWriter, Ledger):
        monkeypatch.setattr(part, "close", note(part.__name__, part.close))

    with pytest.raises(KeyboardInterrupt):
        train(point_config("stop.steps=20", "evaluation.final_episodes=1"))

    assert closed == ["EpisodeWriter", "Ledger"]
