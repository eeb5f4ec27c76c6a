"""Runs on an arm whose time does not stand still: paused, interrupted, resumed, examined."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from functools import partial
from multiprocessing import active_children
from pathlib import Path

import numpy as np
import pytest

from robofeed.data.control_client import ControlClient
from robofeed.data.control_messages import Do
from robofeed.data.errors import DataError, HardwareError, SafetyStop
from robofeed.data.feedback import Demonstration, Stop
from robofeed.data.ledger import Ledger
from robofeed.data.store import EpisodeStore
from robofeed.events import EpisodeRecorded, RunStarted
from robofeed.testing.fake_arm import FakeArm
from robofeed.training import arms, evaluation, manned, resume, steer, train
from robofeed.training.evaluation import evaluate_run
from robofeed.update.checkpoint import load_latest

from .test_demonstrations_by_people import ANNA, Demonstrator, records
from .test_resume import CrashError, crash_at

QUICK = (
    "evaluation.every_steps=100000",
    "evaluation.episodes=1",
    "evaluation.final_episodes=1",
    "queries.segment_steps=2",
    "schedule.random_steps=100000",
    "schedule.ask_after_steps=100000",
)


@pytest.fixture
def arm_is(monkeypatch):
    """Puts a `FakeArm` of these settings in the place of the run's backend."""

    def make(**settings):
        factory = partial(FakeArm, **settings)
        for module in (arms, evaluation):
            monkeypatch.setattr(module, "make_backend", lambda resolved: factory)
        monkeypatch.setattr(manned, "_long_episodes", lambda *how, **more: factory)

    return make


def folder_of(config):
    return Path(config.run.out) / config.run.name


def waiting(state):
    """Whether the arm is paused between two episodes."""
    return state["mode"] == "paused" and not state["episode_id"]


def test_a_run_that_broke_off_goes_on_though_the_arm_moves_otherwise(point_config, arm_is):
    config = point_config("stop.steps=16", *QUICK)
    arm_is(simulated=False, horizon=4)
    with pytest.raises(CrashError):
        train(config, listen=crash_at(EpisodeRecorded, 2))
    arm_is(simulated=False, horizon=4, tracking=0.7)

    assert resume(folder_of(config)).stop_rule == "step budget"


def test_the_episode_in_which_its_learner_dies_is_kept(point_config, arm_is):
    arm_is(simulated=False, horizon=10)
    config = point_config("stop.steps=100", *QUICK)

    def kill_the_learner(client, state):
        if state["episode_id"] == "e000000" and state["step"] >= 3:
            (learner,) = (each for each in active_children() if each.name == "learner")
            learner.kill()
            raise DataError("that is enough")
        client.send(Do.ALIVE)

    def listen(event):
        if isinstance(event, RunStarted):
            Demonstrator(kill_the_learner)(folder_of(config))

    with pytest.raises(HardwareError, match=r"the learner .* SIGKILL.*robofeed resume"):
        train(config, listen=listen)

    assert len(EpisodeStore(folder_of(config)).read("e000000")) == 10


def test_nobody_is_asked_about_an_episode_that_a_power_cut_could_take(
    point_config, arm_is, monkeypatch
):
    """The arm would never do the same again, and what was answered would speak of nothing."""
    arm_is(simulated=False, horizon=4)
    safe, asked = set(), []

    def sync(store):
        synced(store)
        safe.update(store.ids())

    def add_queries(ledger, queries):
        asked.extend({each.episode_id for query in queries for each in query.segments} - safe)
        added(ledger, queries)
        asked.append("a session")

    synced, added = EpisodeStore.sync, Ledger.add_queries
    monkeypatch.setattr(EpisodeStore, "sync", sync)
    monkeypatch.setattr(Ledger, "add_queries", add_queries)

    early = ("schedule.ask_after_steps=12", "schedule.session_every_steps=12")
    train(point_config("stop.steps=32", *QUICK, *early, "checkpoint.every_steps=100000"))

    assert asked == ["a session"] * 2


def test_who_ends_it_while_the_arm_is_paused_gets_the_other_demonstrations_later(
    point_config, arm_is
):
    arm_is(simulated=False, horizon=20)
    config = point_config("stop.steps=20", "prior.demonstrations=2", *QUICK)

    def pause_and_end(client, state):
        if waiting(state):
            os.kill(os.getpid(), signal.SIGINT)
            raise DataError("that is enough")
        # Whoever says nothing for 250 ms loses the controls.
        client.send(Do.ALIVE if state["mode"] == "paused" else Do.PAUSE)

    def listen(event):
        if isinstance(event, RunStarted):
            Demonstrator(pause_and_end)(folder_of(config))

    result = train(config, listen=listen)

    assert result.interrupted
    assert load_latest(result.run_dir / "checkpoints") is None
    first = EpisodeStore(result.run_dir).read("d000000")
    assert not resume(result.run_dir).interrupted
    given = [each.episode_id for each in records(result.run_dir, Demonstration)]
    assert given == ["d000000", "d000001"]
    assert EpisodeStore(result.run_dir).read("d000000").executed.tobytes() == (
        first.executed.tobytes()
    )
    added = np.asarray(load_latest(result.run_dir / "checkpoints").parts["learner"]["replay.added"])
    assert added.tolist() == [20, 40]


def test_steering_ends_where_a_paused_arm_is_left(point_config, arm_is):
    arm_is(simulated=False, horizon=4)
    seen = []

    def pause_and_leave(client, state):
        seen.append(state["mode"])
        if waiting(state):
            raise DataError("that is enough")
        client.send(Do.PAUSE)

    steer(point_config(), opened=Demonstrator(pause_and_leave))

    assert "paused" in seen


# --- evaluated on it ------------------------------------------------------------------------------


@pytest.fixture
def trained(point_config, arm_is):
    """A run on a simulated arm."""
    arm_is(horizon=4)
    return train(point_config("stop.steps=8", *QUICK)).run_dir


def test_a_person_stops_an_evaluation_on_a_real_arm(trained, arm_is):
    arm_is(simulated=False, horizon=400)

    def stop_it():
        while not (trained / "control.sock").exists():
            time.sleep(0.02)
        with contextlib.suppress(DataError), ControlClient(trained, ANNA) as client:
            client.send(Do.STOP)
            while True:  # until it hangs up
                client.receive(1.0)

    threading.Thread(target=stop_it, daemon=True).start()
    with pytest.raises(SafetyStop):
        evaluate_run(trained, episodes=2)

    assert [each.stamp.person for each in records(trained, Stop)] == [ANNA.person]


def test_ctrl_c_ends_an_evaluation_on_a_real_arm_between_two_episodes(trained, arm_is):
    arm_is(simulated=False, horizon=4)
    done = []

    def interrupt(count):
        done.append(count)
        os.kill(os.getpid(), signal.SIGINT)

    began_s = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        evaluate_run(trained, episodes=3, heard=interrupt)

    assert done == [0]
    assert time.monotonic() - began_s > 0.15, "four steps of 50 ms"


def test_another_arm_is_not_even_opened_for_a_policy_that_does_not_fit_it(trained, arm_is):
    arm_is(joints=3, simulated=False, opens=False)
    with pytest.raises(DataError, match="trained with other observations"):
        evaluate_run(trained, episodes=1)
