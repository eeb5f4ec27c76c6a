"""Runs on the example plugin's point: a whole simulated backend that costs next to nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from robofeed.config import RunConfig
from robofeed.run_file import load_config

POINT = """
[run]
device = "cpu"
[backend]
use = "point"
[backend.point]
horizon = 20
[simulation]
processes = 1
[queries]
clips = 3
alike = 3
segment_steps = 8
[schedule]
random_steps = 120
ask_after_steps = 120
session_every_steps = 60
first_session_answers = 10
answers_per_session = 6
answer_budget = 40
updates_per_step = 0.5
[stop]
steps = 400
[evaluation]
every_steps = 100
episodes = 4
final_episodes = 6
[checkpoint]
every_steps = 100
[learner.sac]
hidden = [16, 16]
batch_size = 16
exploration_particles = 64
updates_after_reset = 5
[reward.ensemble]
hidden = [16, 16]
max_epochs = 5
"""

MakeConfig = Callable[..., RunConfig]


def small_runs_in(folder: Path) -> MakeConfig:
    """Makes configurations of small runs, changed by `overrides`, in `folder`/runs."""

    def make(*overrides: str, name: str = "run") -> RunConfig:
        file = folder / "point.toml"
        file.write_text(POINT)
        places = [f'run.out="{folder / "runs"}"', f'run.name="{name}"']
        return load_config(file=file, overrides=[*places, *overrides])

    return make


@pytest.fixture
def point_config(tmp_path: Path) -> MakeConfig:
    """Makes the configuration of a small run, changed by `overrides`, in a folder of its own."""
    return small_runs_in(tmp_path)
