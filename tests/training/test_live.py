"""A trained policy acts while somebody watches; what they corrected is kept for later runs."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from robofeed.cli.live import summary
from robofeed.data.control_client import ControlClient
from robofeed.data.control_messages import Do
from robofeed.data.errors import ConfigError, DataError, SafetyStop
from robofeed.data.feedback import Correction, Demonstration, Outcome, Stop
from robofeed.data.observation import ControlMode
from robofeed.data.run_folder import open_run_folder
from robofeed.data.store import EpisodeStore
from robofeed.run_file import load_config
from robofeed.training import train
from robofeed.training.live import live
from robofeed.training.tally import Tally
from robofeed.training.trained import load_trained
from robofeed.update.checkpoint import load_latest

from .conftest import POINT
from .test_demonstrations_by_people import ANNA, Demonstrator, records

QUICK = ("stop.steps=40", "evaluation.final_episodes=1", "evaluation.every_steps=100000")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run whose policy is not good for much."""
    place = tmp_path_factory.mktemp("trained")
    (place / "point.toml").write_text(POINT)
    config = load_config(file=place / "point.toml", overrides=[f'run.out="{place}"', *QUICK])
    return train(config).run_dir


@pytest.fixture
def act(trained, tmp_path):
    """Lets that policy act while `each_state(client, state)` is said to every state."""

    def go(each_state, *overrides, episodes=1):
        folder, tally = open_run_folder(trained), Tally()
        config = load_config(
            file=folder.config_path, overrides=[f'run.out="{tmp_path}"', *overrides]
        )
        try:
            live(
                config,
                load_trained(folder),
                episodes,
                tally,
                seconds=0.8,
                opened=Demonstrator(each_state),
            )
        except SafetyStop as stop:
            return tally, stop
        return tally, None

    return go


def letting_go(client, state):
    """Lets the policy act whenever it does not."""
    client.send(Do.RESUME if state["mode"] == "paused" else Do.ALIVE)


def correcting_steps(first, last, then=letting_go):
    """Moves the point in those steps of every episode, and lets the policy have the others."""

    def say(client, state):
        if state["mode"] == "paused":
            client.send(Do.RESUME)
        elif first <= state["step"] < last:
            client.send(Do.MOVE, action=[0.02, 0.0])
        elif state["mode"] == "correcting":
            client.send(Do.LET_GO)
        else:
            then(client, state)

    return say


def steered(episode):
    return np.flatnonzero(episode.mode == ControlMode.CORRECTING)


def test_every_episode_is_kept_with_what_the_policy_wanted_and_what_the_person_did(act, trained):
    tally, _ = act(correcting_steps(4, 7), episodes=2)

    store = EpisodeStore(tally.folder)
    assert list(store.ids()) == ["l000000", "l000001"]
    version = load_latest(trained / "checkpoints").meta["policy_version"]
    for name in store.ids():
        episode = store.read(name)
        assert len(episode) == 16
        assert (episode.policy_version == max(0, version)).all()
        moved = steered(episode)
        assert 1 <= len(moved) < 12
        np.testing.assert_allclose(episode.correction[moved[0]], [0.02, 0.0], atol=1e-6)
        assert store.has_truth(name)
    said = records(tally.folder, Correction)
    assert sum(len(each.segment) for each in said) == tally.corrected
    assert {each.stamp.person for each in said} == {ANNA.person}
    assert (tally.episodes, tally.judged, tally.steps) == (2, 2, 32)
    assert tally.interventions == 2


def test_a_later_run_learns_from_the_corrected_steps_alone(act, point_config):
    tally, _ = act(correcting_steps(4, 7), episodes=2)

    result = train(point_config(f'prior.folder="{tally.folder}"', *QUICK, name="later"))

    replay = load_latest(result.run_dir / "checkpoints").parts["learner"]
    assert np.asarray(replay["replay.added"]).tolist() == [40, tally.corrected]
    ours = EpisodeStore(result.run_dir)
    theirs = EpisodeStore(tally.folder)
    assert ours.read("h000001").executed.tobytes() == theirs.read("l000001").executed.tobytes()
    given = records(result.run_dir, Correction)
    assert [(each.segment.start, each.segment.stop) for each in given] == [
        (each.segment.start, each.segment.stop) for each in records(tally.folder, Correction)
    ]
    assert {each.stamp.person for each in given} == {ANNA.person}
    assert not records(result.run_dir, Demonstration)


def test_a_session_in_which_nobody_corrected_has_nothing_to_learn_from(act, point_config):
    tally, _ = act(letting_go)
    assert tally.corrected == tally.interventions == 0
    assert "prior.folder" not in summary(tally)
    with pytest.raises(DataError, match="holds no corrections"):
        train(point_config(f'prior.folder="{tally.folder}"', name="later"))


def test_a_word_of_the_person_counts_before_the_tasks_own_judgement(act):
    def judge(client, state):
        if state["step"] > 3:
            client.send(Do.MARK, success=state["episode_id"] == "l000001")
        else:
            letting_go(client, state)

    tally, _ = act(judge, episodes=3)

    assert (tally.episodes, tally.judged, tally.successes) == (3, 3, 1)
    assert [each.success for each in records(tally.folder, Outcome)] == [False, True, False]
    assert "3 episodes: success 0.33 (95 % interval 0.06-0.79)" in summary(tally)


def test_who_judges_an_episode_does_not_hold_the_arm_in_the_next_one(act):
    def judge_while_moving(client, state):
        if state["mode"] == "paused":
            client.send(Do.RESUME)
        elif state["episode_id"] == "l000000" and state["step"] >= 6:
            client.send(Do.MARK, success=True)
        elif state["episode_id"] == "l000000" and state["step"] >= 3:
            client.send(Do.MOVE, action=[0.02, 0.0])
        else:
            client.send(Do.ALIVE)

    tally, _ = act(judge_while_moving, episodes=2)

    first, second = (EpisodeStore(tally.folder).read(name) for name in ("l000000", "l000001"))
    assert len(steered(first))
    assert not len(steered(second))
    assert tally.interventions == 1


def test_a_discarded_episode_is_on_disk_and_counts_for_nothing(act):
    def discard_the_first(client, state):
        if state["episode_id"] == "l000000" and state["step"] >= 6:
            client.send(Do.DISCARD)
        else:
            correcting_steps(2, 4)(client, state)

    tally, _ = act(discard_the_first, episodes=1)

    assert len(EpisodeStore(tally.folder).ids()) == 2
    assert (tally.episodes, tally.discarded) == (1, 1)
    assert {each.segment.episode_id for each in records(tally.folder, Correction)} == {"l000001"}
    assert "1 more discarded" in summary(tally)


def test_who_leaves_ends_it_and_what_was_done_is_kept(act):
    def leave(client, state):
        if state["step"] >= 9:
            raise DataError("that is enough")
        correcting_steps(3, 6)(client, state)

    tally, _ = act(leave, episodes=None)

    (name,) = EpisodeStore(tally.folder).ids()
    episode = EpisodeStore(tally.folder).read(name)
    assert episode.reason == "broken off"
    assert 9 <= len(episode) < 16
    assert (tally.episodes, tally.judged) == (1, 0)
    assert len(steered(episode)) == tally.corrected > 0
    assert records(tally.folder, Correction)
    assert "none judged" in summary(tally)


def test_a_stop_is_a_failure_and_the_corrections_before_it_are_kept(act):
    def stop(client, state):
        if state["step"] >= 9:
            client.send(Do.STOP)
        else:
            correcting_steps(3, 6)(client, state)

    tally, stopped = act(stop, episodes=None)

    assert "What was done until then is on disk" in str(stopped)
    assert (tally.episodes, tally.judged, tally.successes) == (1, 1, 0)
    assert records(tally.folder, Correction)
    assert [each.stamp.person for each in records(tally.folder, Stop)] == [ANNA.person]


def test_without_a_word_nothing_moves(trained, tmp_path):
    """Somebody connects and holds the controls, but nobody lets the policy act."""
    over = threading.Event()
    states = []

    def opened(folder):
        def watch():
            with ControlClient(folder, ANNA) as client:
                client.send(Do.TAKE)
                while len(states) < 20:
                    client.send(Do.ALIVE)
                    event = client.receive(0.1)
                    if event and event["is"] == "state":
                        states.append((event["mode"], event["step"], tuple(event["tool_m"])))
            over.set()

        threading.Thread(target=watch, daemon=True).start()
        return over.is_set

    folder, tally = open_run_folder(trained), Tally()
    config = load_config(file=folder.config_path, overrides=[f'run.out="{tmp_path}"'])
    live(config, load_trained(folder), 1, tally, opened=opened)

    assert {(mode, step) for mode, step, _ in states} == {("paused", 0)}
    assert len({tool for *_, tool in states}) == 1
    assert tally.episodes == 0
    assert "no episode" in summary(tally)


def test_a_session_that_nobody_can_reach_or_of_another_arm_is_refused(act):
    with pytest.raises(ConfigError, match="leaves nobody a way to the controls"):
        act(letting_go, "control.socket=false")
    with pytest.raises(DataError, match="trained with other observations"):
        act(letting_go, "backend.use=pybullet", "backend.pybullet.task=reach")
