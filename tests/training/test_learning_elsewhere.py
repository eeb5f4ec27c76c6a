"""The learner of a real arm, in its own process: nothing the arm waits for waits for it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import pytest

from robofeed.builtin import robofeed_learners
from robofeed.data.batch import StepBatch
from robofeed.data.errors import DataError, HardwareError
from robofeed.interfaces import BuildContext, Learner, Needs
from robofeed.testing.fake_arm import FakeArm
from robofeed.training import distant_learner
from robofeed.training.distant_learner import DistantLearner, DistantReward, start_learning
from robofeed.training.learning_process import Recipe
from robofeed.update.config import SacConfig

SETTINGS = {"hidden": [8], "batch_size": 4}
SPEC = FakeArm(simulated=False).spec
CONTEXT = BuildContext(SPEC, seed=3, device="cpu")


@pytest.fixture(scope="module")
def distant() -> Iterator[tuple[DistantLearner, DistantReward]]:
    learner, reward = start_learning(Recipe("sac", SETTINGS, "ensemble", {}, False, CONTEXT, 1))
    assert reward is not None
    yield learner, reward
    learner.close()


def steps(rng: np.random.Generator, count: int = 8) -> StepBatch:
    shape = (count, SPEC.observation.size)
    return StepBatch(
        observation=rng.standard_normal(shape).astype(np.float32),
        action=rng.uniform(-0.01, 0.01, (count, SPEC.action.size)).astype(np.float32),
        next_observation=rng.standard_normal(shape).astype(np.float32),
        terminated=np.zeros(count, np.bool_),
    )


def process_of(learner: DistantLearner) -> int:
    pid = learner.pid
    assert pid is not None
    return pid


def here() -> Learner:
    (provider,) = (each for each in robofeed_learners() if each.name == "sac")
    return provider.create(SacConfig.model_validate(SETTINGS), CONTEXT)


def test_it_learns_what_a_learner_here_would(
    distant: tuple[DistantLearner, DistantReward],
) -> None:
    learner, _ = distant
    near = here()
    assert learner.needs == near.needs and Needs.REWARD in learner.needs

    before = learner.state()
    near.load(before)
    for each in (learner, near):
        each.add(steps(np.random.default_rng(1)), "online")
        each.update(5)
    learner.settle()

    np.testing.assert_array_equal(learner.export()[1], near.export()[1])
    assert learner.export()[0] == near.export()[0]
    # A checkpoint brings it back.
    learner.load(before)
    start = here()
    start.load(before)
    np.testing.assert_array_equal(learner.export()[1], start.export()[1])


def test_an_arm_waits_neither_for_updates_nor_for_a_learner_that_stands_still(
    distant: tuple[DistantLearner, DistantReward],
) -> None:
    learner, _ = distant
    rng = np.random.default_rng(2)
    _, weights = learner.export()
    os.kill(process_of(learner), signal.SIGSTOP)
    try:
        # Far more than a pipe holds: had any of it to be taken, this would never end.
        for _ in range(400):
            learner.add(steps(rng), "online")
            learner.update(1)
            learner.export()
        np.testing.assert_array_equal(learner.export()[1], weights)
    finally:
        os.kill(process_of(learner), signal.SIGCONT)
    learner.settle()

    assert not np.array_equal(learner.export()[1], weights)


def test_a_learner_that_hangs_is_told_and_waited_for(
    distant: tuple[DistantLearner, DistantReward],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    learner, _ = distant
    monkeypatch.setattr(distant_learner, "LONG_S", 0.1)
    pid = process_of(learner)
    os.kill(pid, signal.SIGSTOP)
    threading.Timer(0.5, os.kill, (pid, signal.SIGCONT)).start()
    learner.settle()

    assert f"the learner (process {pid}) has been at 'settle' for 0.2 s" in caplog.text
    assert "Ctrl-C twice ends the run" in caplog.text


def test_what_cannot_be_loaded_is_said_as_by_a_learner_here(
    distant: tuple[DistantLearner, DistantReward],
) -> None:
    learner, _ = distant
    with pytest.raises(DataError):
        learner.load({})
    learner.settle()  # and it goes on


def test_a_learner_that_dies_is_named() -> None:
    learner, _ = start_learning(Recipe("sac", SETTINGS, "ensemble", {}, False, CONTEXT, 1))
    pid = process_of(learner)
    os.kill(pid, signal.SIGKILL)
    until = time.monotonic() + 10
    while goes_on(pid) and time.monotonic() < until:
        time.sleep(0.01)
    for _ in range(3):  # the arm is at an episode, which is carried through
        learner.add(steps(np.random.default_rng(4)), "online")
        learner.update(1)
        learner.export()
    with pytest.raises(HardwareError, match=r"the learner .* SIGKILL.*robofeed resume"):
        learner.settle()
    learner.close()


def goes_on(pid: int) -> bool:
    """Whether there is such a process, and more of it than its name in a list."""
    try:
        return ") Z" not in Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def begin_and_wait(tell: Connection) -> None:
    """A run that has started its learner."""
    learner, _ = start_learning(Recipe("sac", SETTINGS, "ensemble", {}, True, CONTEXT, 1))
    tell.send(process_of(learner))
    tell.recv()


def test_it_ends_with_the_run_however_that_ends() -> None:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    # No daemon, which could have no processes of its own.
    run = context.Process(target=begin_and_wait, args=(theirs,))
    run.start()
    assert ours.poll(60)
    pid = ours.recv()
    assert run.pid is not None
    os.kill(run.pid, signal.SIGKILL)
    run.join()
    until = time.monotonic() + 10
    while goes_on(pid) and time.monotonic() < until:
        time.sleep(0.05)
    assert not goes_on(pid)


def test_it_ends_when_it_is_told_to_and_not_by_what_ends_the_run_s_group() -> None:
    learner, _ = start_learning(Recipe("sac", SETTINGS, "ensemble", {}, True, CONTEXT, 1))
    pid = process_of(learner)
    assert os.getpgid(pid) == pid != os.getpgid(0)
    learner.close()
    learner.close()
    assert not goes_on(pid)
