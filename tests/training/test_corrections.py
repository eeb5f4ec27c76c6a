"""People correct an arm while it learns: over the real socket, from another thread."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from robofeed.data.control_client import ControlClient
from robofeed.data.control_messages import Do
from robofeed.data.errors import DataError, SafetyStop
from robofeed.data.feedback import Correction, Outcome, Stop
from robofeed.data.intervention import Driver
from robofeed.data.ledger import Ledger
from robofeed.data.store import EpisodeStore
from robofeed.event_log import read_events
from robofeed.events import Corrected, EpisodeRecorded, RunStarted
from robofeed.training import resume, train
from robofeed.update.checkpoint import load_latest

ANNA = Driver("anna", "test")
AWAY = (0.02, -0.03)


class Person(threading.Thread):
    """Takes the controls when the run starts and says `each_state(client, state)` to every state.

    Moves the arm until `each_state` returns True, then gives the controls back.
    """

    def __init__(self, each_state):
        super().__init__(daemon=True)
        self._each_state = each_state
        self.states = []

    def listen(self, event):
        if isinstance(event, RunStarted) and not self.is_alive():
            self._client = ControlClient(event.run_dir, ANNA)
            self.start()

    def run(self):
        with self._client as client:
            client.send(Do.TAKE)
            try:
                while True:
                    event = client.receive(0.05)
                    if event is not None and event["is"] == "state":
                        self.states.append(event)
                        if self._each_state(client, event):
                            break
                    elif event is None:
                        client.send(Do.ALIVE)
                client.send(Do.RELEASE)
                # Hanging up at once would leave this to the lost connection.
                while client.receive(1.0) is not None:
                    pass
            except DataError:
                # The run has ended.
                return


def training(state):
    return state["phase"] == "training"


def drive_for(steps):
    """Moves the arm until so many steps of an episode were corrected."""

    def each_state(client, state):
        if training(state):
            client.send(Do.MOVE, action=AWAY)
        return training(state) and state["mode"] == "correcting" and state["step"] >= steps

    return each_state


def records(run_dir, kind):
    ledger = Ledger.open(run_dir / "feedback.sqlite")
    found = [entry.feedback for entry in ledger.since(0) if isinstance(entry.feedback, kind)]
    ledger.close()
    return found


def test_corrected_steps_are_recorded_told_and_learned_from_without_any_demonstration(
    point_config,
):
    # The first steps of the episode may pass before she has the controls.
    anna = Person(drive_for(steps=10))
    result = train(point_config("stop.steps=200"), listen=anna.listen)
    anna.join(5.0)

    store = EpisodeStore(result.run_dir)
    corrections = records(result.run_dir, Correction)
    assert corrections
    by_hand = 0
    for correction in corrections:
        assert (correction.stamp.person, correction.stamp.source) == ("anna", "test")
        segment = correction.segment
        episode = store.read(segment.episode_id)
        steps = slice(segment.start, segment.stop)
        assert (episode.mode[steps] == 2).all()
        np.testing.assert_allclose(
            episode.correction[steps], np.tile(AWAY, (len(segment), 1)), atol=1e-6
        )
        # The plane ends where it does; elsewhere what she asked for is what was done.
        edge = np.abs(episode.observations[1:][steps, :2]) > 0.49
        np.testing.assert_allclose(
            episode.executed[steps][~edge], episode.correction[steps][~edge], atol=1e-6
        )
        assert not np.allclose(episode.proposed[steps], episode.correction[steps])
        by_hand += len(segment)
    modes = [store.read(each).mode for each in store.ids() if each.startswith("e")]
    assert sum(int((mode == 2).sum()) for mode in modes) == by_hand >= 6

    told = [event for event in read_events(result.run_dir) if isinstance(event, Corrected)]
    assert sum(event.corrected_steps for event in told) == by_hand
    assert all(event.people == ("anna",) for event in told)
    assert all(0 < each < 60_000 for event in told for each in event.latencies_ms)

    replay = load_latest(result.run_dir / "checkpoints").parts["learner"]
    online, prior = np.asarray(replay["replay.added"]).tolist()
    assert (online, prior) == (200, by_hand), "both pools hold them"


def test_what_is_shown_live_is_where_the_arm_is(point_config):
    anna = Person(drive_for(steps=4))
    result = train(point_config("stop.steps=160"), listen=anna.listen)
    anna.join(5.0)

    store = EpisodeStore(result.run_dir)
    shown = [state for state in anna.states if training(state) and state["holder"]]
    assert shown
    for state in shown:
        episode = store.read(state["episode_id"])
        seen = episode.observations[state["step"]]
        np.testing.assert_allclose(state["observation"], seen, atol=1e-6)
        np.testing.assert_allclose(state["tool_m"][:2], seen[:2], atol=1e-6)
        np.testing.assert_allclose(state["scene"], episode.scene[state["step"]], atol=1e-6)
        assert state["holder"] == {"person": "anna", "source": "test"}


def test_an_episode_that_a_person_called_a_success_is_over_and_says_so(point_config):
    marked = []

    def each_state(client, state):
        if training(state):
            client.send(Do.MOVE, action=AWAY)
            if state["step"] == 3 and not marked:
                marked.append(state["episode_id"])
                client.send(Do.MARK, success=True)
        return bool(marked) and state["episode_id"] not in marked

    anna = Person(each_state)
    result = train(point_config("stop.steps=160"), listen=anna.listen)
    anna.join(5.0)

    (outcome,) = records(result.run_dir, Outcome)
    assert (outcome.episode_id, outcome.success) == (marked[0], True)
    episode = EpisodeStore(result.run_dir).read(marked[0])
    assert len(episode) < 20
    assert episode.reason == "called a success by a person"


def test_a_discarded_episode_is_kept_but_nobody_is_asked_about_it(point_config):
    discarded = []

    def each_state(client, state):
        if training(state):
            client.send(Do.MOVE, action=AWAY)
            if state["step"] == 3 and not discarded:
                discarded.append(state["episode_id"])
                client.send(Do.DISCARD)
        return bool(discarded) and state["episode_id"] not in discarded

    anna = Person(each_state)
    result = train(point_config("stop.steps=200"), listen=anna.listen)
    anna.join(5.0)

    (episode_id,) = discarded
    assert EpisodeStore(result.run_dir).read(episode_id).reason == "discarded by a person"
    assert not [c for c in records(result.run_dir, Correction) if c.segment.episode_id in discarded]
    announced = [
        e.episode_id for e in read_events(result.run_dir) if isinstance(e, EpisodeRecorded)
    ]
    assert episode_id not in announced
    ledger = Ledger.open(result.run_dir / "feedback.sqlite")
    asked = {segment.episode_id for query in ledger.queries() for segment in query.segments}
    ledger.close()
    assert asked
    assert episode_id not in asked


@pytest.mark.parametrize("phase", ["training", "evaluation"])
def test_a_stop_ends_the_run_with_the_arm_held_and_it_can_be_resumed(point_config, phase):
    def each_state(client, state):
        if state["phase"] == phase:
            client.send(Do.STOP)
        return False

    anna = Person(each_state)
    # An evaluation goes at full speed: it must last until the first word arrives.
    episodes = 4 if phase == "training" else 200
    config = point_config(f"evaluation.episodes={episodes}", "stop.steps=80")
    with pytest.raises(SafetyStop, match="STOPPED"):
        train(config, listen=anna.listen)
    run_dir = Path(config.run.out) / "run"
    (stop,) = records(run_dir, Stop)
    assert stop.stamp.person == "anna"
    assert stop.episode_id.startswith("e" if phase == "training" else "v")
    anna.join(5.0)
    assert resume(run_dir).stop_rule == "step budget"


def test_a_stop_between_two_episodes_is_heard_before_the_arm_goes_to_the_next_start(point_config):
    """As while a reward model is fitted: no step is made, and the run has no time to listen."""
    config = point_config("stop.steps=200")
    recorded = []

    def stop_after_the_first(event):
        if isinstance(event, EpisodeRecorded):
            recorded.append(event.episode_id)
            if len(recorded) == 1:
                with ControlClient(Path(config.run.out) / "run", ANNA) as client:
                    client.send(Do.STOP)
                    while client.receive(10.0)["is"] != "stopping":
                        pass

    with pytest.raises(SafetyStop, match="between two episodes") as stopped:
        train(config, listen=stop_after_the_first)
    assert stopped.value.exit_code == 5
    run_dir = Path(config.run.out) / "run"
    (stop,) = records(run_dir, Stop)
    assert stop.stamp.person == "anna"
    assert resume(run_dir).stop_rule == "step budget"


def test_nobody_there_changes_nothing(point_config):
    """The same run to the byte, with the socket and without it."""
    with_socket = train(point_config(name="with"))
    without = train(point_config("control.socket=false", name="without"))
    one, other = EpisodeStore(with_socket.run_dir), EpisodeStore(without.run_dir)
    assert one.ids() == other.ids()
    for episode_id in one.ids():
        assert (
            one.read(episode_id).observations.tobytes()
            == other.read(episode_id).observations.tobytes()
        )


def test_the_socket_is_gone_after_the_run_and_none_is_made_where_it_is_not_wanted(point_config):
    seen = []

    def look(event):
        if isinstance(event, RunStarted):
            seen.append((Path(event.run_dir) / "control.sock").exists())

    result = train(point_config(name="a"), listen=look)
    train(point_config("control.socket=false", name="b"), listen=look)
    assert seen == [True, False]
    assert not (result.run_dir / "control.sock").exists()


def test_while_paused_a_run_takes_no_steps_and_ends_on_ctrl_c(point_config):
    def each_state(client, state):
        if training(state):
            client.send(Do.PAUSE)
            if state["mode"] == "paused" and len(anna.states) > 40:
                os.kill(os.getpid(), signal.SIGINT)
                return True
        return False

    anna = Person(each_state)
    started = time.monotonic()
    result = train(point_config(), listen=anna.listen)
    anna.join(5.0)
    assert result.interrupted
    assert time.monotonic() - started < 60
    paused = [state for state in anna.states if state["mode"] == "paused"]
    assert len({(state["episode_id"], state["step"]) for state in paused}) == 1
