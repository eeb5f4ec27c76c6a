"""Demonstrations recorded by a person, learned from by a run, and played back."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import numpy as np
import pytest

from robofeed.cli import run as robofeed
from robofeed.data.control_client import ControlClient
from robofeed.data.control_messages import Do
from robofeed.data.episode_frames import EpisodeFrames
from robofeed.data.errors import ConfigError, DataError, SafetyStop
from robofeed.data.feedback import Correction, Demonstration, Outcome
from robofeed.data.film_roll import Photograph
from robofeed.data.intervention import Driver
from robofeed.data.ledger import Ledger
from robofeed.data.run_folder import open_run_folder
from robofeed.data.store import EpisodeStore
from robofeed.training import resume, train
from robofeed.training.recording import record
from robofeed.update.checkpoint import load_latest

from .conftest import small_runs_in

ANNA = Driver("anna", "test")


def goal_seeker(client, state):
    """Moves the point to its goal, which the observation tells."""
    way = np.array(state["observation"][2:])
    near = state["step"] > 2 and np.abs(way).max() < 0.04
    # A little at a time: what was seen is a few steps old where the machine is busy.
    client.send(Do.MOVE, action=(0.0 * way if near else np.clip(way / 4, -0.05, 0.05)).tolist())
    if near:
        client.send(Do.MARK, success=True)


class Demonstrator(threading.Thread):
    """Takes the controls and says `each_state(client, state)` to every state, until the end."""

    def __init__(self, each_state):
        super().__init__(daemon=True)
        self._each_state = each_state

    def __call__(self, folder):
        self._client = ControlClient(folder, ANNA)
        self.start()
        return lambda: not self.is_alive()

    def run(self):
        with self._client as client:
            client.send(Do.TAKE)
            try:
                while True:
                    event = client.receive(0.05)
                    if event is None:
                        client.send(Do.ALIVE)
                    elif event["is"] == "state" and event["holder"]:
                        self._each_state(client, event)
            except DataError:
                return


def records(folder, kind):
    ledger = Ledger.open(folder / "feedback.sqlite")
    found = [entry.feedback for entry in ledger.standing() if isinstance(entry.feedback, kind)]
    ledger.close()
    return found


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    """A folder of two demonstrations, given in real time; not to be changed."""
    config = small_runs_in(tmp_path_factory.mktemp("given"))(name="demos")
    return record(config, 2, seconds=30.0, opened=Demonstrator(goal_seeker)).folder


@pytest.fixture
def demos(given, tmp_path):
    """A folder of two demonstrations."""
    return shutil.copytree(given, tmp_path / "runs" / "demos")


def test_demonstrations_are_kept_with_their_person_and_their_outcome(demos):
    kept = records(demos, Demonstration)
    assert [(each.episode_id, each.stamp.person) for each in kept] == [
        ("d000000", "anna"),
        ("d000001", "anna"),
    ]
    assert all(each.success for each in records(demos, Outcome))
    store = EpisodeStore(demos)
    for each in kept:
        episode = store.read(each.episode_id)
        assert (episode.mode == 2).any()
        assert np.abs(episode.observations[-1, 2:]).max() < 0.1
        assert episode.policy_version.tolist() == [-1] * len(episode)


def test_a_run_learns_from_them_and_keeps_them_as_its_own(demos, point_config):
    result = train(point_config(f'prior.folder="{demos}"', "stop.steps=140", name="learns"))

    given = records(result.run_dir, Demonstration)
    assert [(each.episode_id, each.stamp.person) for each in given] == [
        ("h000000", "anna"),
        ("h000001", "anna"),
    ]
    theirs, ours = EpisodeStore(demos), EpisodeStore(result.run_dir)
    steps = 0
    for number in range(2):
        original, copy = theirs.read(f"d{number:06d}"), ours.read(f"h{number:06d}")
        assert copy.executed.tobytes() == original.executed.tobytes()
        assert copy.correction is not None
        steps += len(copy)
    replay = load_latest(result.run_dir / "checkpoints").parts["learner"]
    assert np.asarray(replay["replay.added"]).tolist() == [140, steps]


def test_a_demonstration_keeps_what_cameras_saw_when_it_was_given(demos, point_config):
    store = EpisodeStore(demos)
    episode, truth = store.read("d000000"), store.read_truth("d000000")
    (demos / "episodes" / "d000000.parquet").unlink()
    film = (Photograph(int(episode.time_ns[0]), b"a jpeg"),)
    frames = EpisodeFrames({"front": film}, {"side": "gone"})
    store.write(episode, truth, frames)

    result = train(point_config(f'prior.folder="{demos}"', "stop.steps=20", name="learns"))

    ours = EpisodeStore(result.run_dir)
    assert ours.read_frames("h000000") == frames
    assert not ours.has_frames("h000001")


def test_what_learns_from_demonstrations_alone_can_live_on_them(demos, point_config):
    result = train(
        point_config(
            *("learner.use=bc", f'prior.folder="{demos}"', "prior.pretrain_updates=20"),
            *("stop.steps=40", "evaluation.every_steps=1000"),
            name="clones",
        )
    )
    assert result.stop_rule == "step budget"


def test_a_folder_without_demonstrations_or_of_another_task_is_refused(demos, point_config):
    empty = train(point_config("stop.steps=20", name="empty")).run_dir
    with pytest.raises(DataError, match="holds no demonstrations"):
        train(point_config(f'prior.folder="{empty}"', name="a"))
    with pytest.raises(DataError, match="is not a run"):
        train(point_config('prior.folder="/nowhere"', name="b"))


def test_nobody_there_and_a_stop_end_a_recording(point_config):
    gone = record(point_config(name="gone"), 1, opened=lambda folder: lambda: True)
    assert (gone.kept, gone.episodes) == (0, 0)

    def stop(client, state):
        client.send(Do.STOP)

    with pytest.raises(SafetyStop):
        record(point_config(name="stopped"), 1, opened=Demonstrator(stop))

    def steer_and_stop(client, state):
        client.send(Do.MOVE, action=[0.01, 0.0])
        if state["step"] > 4:
            client.send(Do.STOP)

    # What they did until then is theirs all the same.
    config = point_config(name="steered")
    with pytest.raises(SafetyStop):
        record(config, 1, opened=Demonstrator(steer_and_stop))
    folder = Path(config.run.out) / "steered"
    assert open_run_folder(folder).about()["status"] == "failed"
    (correction,) = records(folder, Correction)
    assert correction.segment.episode_id == "d000000" and correction.stamp.person == ANNA.person
    with pytest.raises(ConfigError, match="leaves nobody a way"):
        record(point_config("control.socket=false", name="deaf"), 1)


def test_what_people_recorded_is_nothing_to_resume(demos):
    about = open_run_folder(demos)
    about.update_about(status="running")  # as one that was killed says
    with pytest.raises(DataError, match=r"demonstrations of people.*prior\.folder="):
        resume(demos)
    assert not (demos / "checkpoints").exists()


# --- replaying ------------------------------------------------------------------------------------


def test_an_episode_goes_the_same_the_second_time(demos, capsys):
    assert robofeed(["replay", str(demos / "d000000")]) == 0
    assert "every observation is the same to the bit" in capsys.readouterr().out
    assert robofeed(["replay", str(demos / "episodes" / "d000001.parquet"), "--json"]) == 0
    assert '"same": true' in capsys.readouterr().out


def test_an_episode_becomes_a_film_of_one_picture_a_step(demos, tmp_path, capsys):
    import av

    film = tmp_path / "film.mp4"
    assert robofeed(["replay", str(demos / "d000000"), "--out", str(film)]) == 0
    steps = len(EpisodeStore(demos).read("d000000"))
    with av.open(str(film)) as container:
        assert sum(1 for _ in container.decode(video=0)) == steps
    assert f"{steps} pictures" in capsys.readouterr().out


def test_an_episode_that_is_not_there_is_named(demos, capsys):
    assert robofeed(["replay", str(demos / "e000099")]) == 4
    assert "has no episode 'e000099'; there are, for instance: d000000" in capsys.readouterr().err
