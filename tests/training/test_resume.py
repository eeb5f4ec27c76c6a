"""Interruption at any moment: what people said is kept, and the run repeats itself."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from robofeed.data.ledger import Ledger
from robofeed.data.store import EpisodeStore
from robofeed.event_log import read_events
from robofeed.events import Evaluated, RewardFitted
from robofeed.training import resume, train
from robofeed.update.checkpoint import load_latest

_COMMAND = (
    "import sys; from pathlib import Path; from robofeed.run_file import load_config; "
    "from robofeed.training import train, resume; p = Path(sys.argv[1]); "
    "resume(p) if p.is_dir() and (p / 'config.toml').is_file() else "
    "train(load_config(file=Path(sys.argv[2]), overrides=sys.argv[3:]))"
)


class CrashError(Exception):
    """Stands for whatever ends a run at an awkward moment."""


def crash_at(kind, count):
    seen = []

    def listen(event):
        if isinstance(event, kind):
            seen.append(event)
            if len(seen) == count:
                raise CrashError

    return listen


@pytest.mark.parametrize(("kind", "count"), [(RewardFitted, 2), (Evaluated, 3), (RewardFitted, 4)])
def test_a_resumed_run_repeats_the_uninterrupted_one(point_config, kind, count):
    whole = train(point_config(name="whole"))
    with pytest.raises(CrashError):
        train(point_config(name="broken"), listen=crash_at(kind, count))

    resumed = resume(whole.run_dir.parent / "broken")

    assert _figures(resumed.final) == _figures(whole.final)
    first, second = (load_latest(run.run_dir / "checkpoints") for run in (whole, resumed))
    for part in first.parts:
        for name in first.parts[part]:
            assert (first.parts[part][name] == second.parts[part][name]).all(), (part, name)
    assert _answers(resumed.run_dir) == _answers(whole.run_dir)


def test_resuming_from_a_damaged_checkpoint_falls_back_and_says_so(point_config):
    whole = train(point_config(name="whole"))
    with pytest.raises(CrashError):
        train(point_config(name="broken"), listen=crash_at(RewardFitted, 5))
    run_dir = whole.run_dir.parent / "broken"
    newest = sorted((run_dir / "checkpoints").glob("step_*"))[-1]
    damaged = newest / "learner.safetensors"
    damaged.write_bytes(damaged.read_bytes()[:-7])

    resumed = resume(run_dir)

    assert _figures(resumed.final) == _figures(whole.final)
    started = [e for e in read_events(run_dir) if type(e).__name__ == "RunStarted"][-1]
    assert newest.name not in (started.resumed_from or "").split()[:1]
    assert newest.name in started.resumed_from


def test_an_inexact_resume_gives_no_number_twice_and_keeps_every_answer(point_config):
    with pytest.raises(CrashError):
        train(point_config(name="broken"), listen=crash_at(RewardFitted, 4))
    run_dir = Path(point_config(name="broken").run.out) / "broken"
    before = _answers(run_dir)
    episodes = {each: EpisodeStore(run_dir).read(each).executed for each in _training(run_dir)}

    resume(run_dir, exact=False)

    after = _answers(run_dir)
    assert before.items() <= after.items()
    for each, executed in episodes.items():
        assert (EpisodeStore(run_dir).read(each).executed == executed).all()


def kill_and_resume(run_dir: Path, file: Path, overrides: list[str], kills: int, seed: int) -> int:
    """Start the run, SIGKILL it at `kills` random moments, resume; returns how often it was hit."""
    moments = random.Random(seed)
    hits = 0
    acknowledged: dict[str, str] = {}
    for kill in range(kills + 1):
        process = subprocess.Popen(
            [sys.executable, "-c", _COMMAND, str(run_dir), str(file), *overrides],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        if kill < kills:
            _wait_for(run_dir / "events.jsonl", process)
            time.sleep(moments.uniform(0.0, 1.5))
            process.send_signal(signal.SIGKILL)
        _, error = process.communicate(timeout=100)
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL, error.decode()
        hits += 1
        now = _answers(run_dir)
        assert acknowledged.items() <= now.items()
        acknowledged = now
    assert process.returncode == 0
    return hits


@pytest.mark.timeout(180)
def test_killed_at_random_moments_a_run_loses_nothing(point_config, tmp_path):
    whole = train(point_config("stop.steps=1200", name="whole"))
    overrides = [f'run.out="{whole.run_dir.parent}"', 'run.name="killed"', "stop.steps=1200"]
    run_dir = whole.run_dir.parent / "killed"

    hits = kill_and_resume(run_dir, tmp_path / "point.toml", overrides, kills=2, seed=0)

    assert hits >= 1
    assert _answers(run_dir) == _answers(whole.run_dir)
    finals = [
        [e for e in read_events(each) if isinstance(e, Evaluated)][-1]
        for each in (run_dir, whole.run_dir)
    ]
    assert _figures(finals[0]) == _figures(finals[1])
    ledger = Ledger.open(run_dir / "feedback.sqlite")
    assert not ledger.verify().problems
    ledger.close()


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_killed_twenty_times_a_run_loses_nothing(point_config, tmp_path):
    whole = train(point_config("stop.steps=6000", name="whole"))
    overrides = [f'run.out="{whole.run_dir.parent}"', 'run.name="killed"', "stop.steps=6000"]
    run_dir = whole.run_dir.parent / "killed"

    hits = kill_and_resume(run_dir, tmp_path / "point.toml", overrides, kills=20, seed=1)

    assert hits == 20
    assert _answers(run_dir) == _answers(whole.run_dir)


def _wait_for(path: Path, process: subprocess.Popen[bytes]) -> None:
    deadline_s = time.monotonic() + 60
    while not path.exists() and process.poll() is None:
        assert time.monotonic() < deadline_s
        time.sleep(0.05)


def _figures(event):
    return (event.steps, event.answers, event.successes, event.true_returns)


def _training(run_dir: Path) -> list[str]:
    return [each for each in EpisodeStore(run_dir).ids() if each.startswith("e")]


def _answers(run_dir: Path) -> dict[str, object]:
    if not (run_dir / "feedback.sqlite").exists():
        return {}
    ledger = Ledger.open(run_dir / "feedback.sqlite")
    entries = ledger.since(0)
    ledger.close()
    assert len({entry.feedback.stamp.uuid for entry in entries}) == len(entries)
    return {
        entry.feedback.query_id: entry.feedback.order
        for entry in entries
        if hasattr(entry.feedback, "order")
    }
