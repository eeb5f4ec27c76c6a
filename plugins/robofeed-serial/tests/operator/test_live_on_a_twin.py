"""A policy trained in simulation acts on a twin, and somebody in a terminal watches it."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pexpect
import pytest

from robofeed import load_config, train
from robofeed.data.observation import ControlMode
from robofeed.data.store import EpisodeStore
from robofeed_serial.twin.process import Twin

PERIOD_S = 0.04
TRAINING = {
    "stop.steps": 50,
    "simulation.processes": 1,
    "schedule.random_steps": 1000,
    "evaluation.every_steps": 100_000,
    "evaluation.final_episodes": 1,
    "learner.sac.hidden": [16, 16],
    "backend.pybullet.period_s": PERIOD_S,
}
PATIENT = 0.5
"""s that an arm may be waited for: others use this machine too"""


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run in simulation, long enough to have a policy, which is good for nothing."""
    settings = [f"{key}={value}" for key, value in TRAINING.items()]
    config = load_config("reach", overrides=[*settings, f'run.out="{tmp_path}"'])
    return train(config).run_dir


@pytest.fixture
def twin() -> Iterator[Twin]:
    with Twin("so101", "--no-gravity") as started:
        yield started


def orders(twin: Twin) -> int:
    """How many goals its servos were given, or how often their torque was switched."""
    return sum(each.what in ("goal", "torque") for each in twin.log())


def test_a_real_arm_moves_only_while_somebody_has_the_controls(run: Path, twin: Twin) -> None:
    settings = {
        **{"arm": "so101", "port": twin.port, "calibration": "nominal", "period_s": PERIOD_S},
        **{"watchdog_s": PATIENT, "max_observation_age_s": PATIENT},
    }
    words = ["-m", "robofeed", "live", str(run), "--name", "acted", "--set", "backend.use=feetech"]
    for key, value in settings.items():
        words += ["--set", f"backend.feetech.{key}={value}"]
    child = pexpect.spawn(sys.executable, words, encoding="utf-8", timeout=60, dimensions=(40, 200))
    try:
        child.expect("Do you agree")
        child.send("y")
        child.expect(r"\[paused\]  step 0 \| space: the policy acts \| held by operator")
        assert orders(twin) == 0, "it did not even go home"

        child.send(" ")
        child.expect(r"\[the arm moves by itself: to where the episode begins\]")
        child.expect(r"\[autonomous\] l000000 step [1-9]")
        child.send("w")
        child.expect(r"\[correcting\] l000000")
        os.killpg(child.pid, signal.SIGHUP)  # the window is closed: nobody is there any more
        child.expect(pexpect.EOF)
        before = twin.log()[-1].number
    finally:
        child.close(force=True)

    episode = EpisodeStore(run.parent / "acted").read("l000000")
    assert episode.reason == "broken off"
    assert (episode.mode == ControlMode.CORRECTING).any()
    assert episode.correction is not None
    time.sleep(0.5)
    moved = [each for each in twin.log(before + 1) if each.what == "positions"]
    ticks = np.array([list(each.ticks.values()) for each in moved] or [[0]])
    assert np.ptp(ticks, axis=0).max() < 10, "it holds"
