"""The control socket while the run makes no step: it fits a reward model, or waits for answers."""

import threading

import numpy as np
import pytest

from robofeed.act.attendant import Attendant
from robofeed.act.control_channel import BETWEEN, ControlChannel
from robofeed.data.control_messages import Do
from robofeed.data.intervention import Driver, NoObjection, Take
from robofeed.data.observation import Observation
from robofeed.testing.fake_arm import FakeArm

ANNA, BEN = Driver("anna", "keyboard"), Driver("ben", "web")


def poll(channel):
    return channel.poll(Observation(0, np.zeros(4, np.float32)), np.zeros(2, np.float32))


def told(client):
    return [event["is"] for event in client.receive_all()]


def fit(channel, clock, *, beats=(), seconds=1.0):
    """The run makes no step for a while; an attendant looks, and some clients' hearts beat."""
    for _ in range(round(seconds / 0.05)):
        clock.ns += 50_000_000
        for client in beats:
            client.send(Do.ALIVE, sent_ns=clock.ns)
        channel.attend()


def test_the_controls_can_be_taken_and_kept_while_a_reward_model_is_fitted(channel, connect, clock):
    client = connect()
    with channel.busy("fitting"):
        client.send(Do.TAKE, sent_ns=clock.ns)
        fit(channel, clock, seconds=0.1)
        assert told(client) == ["welcome", "taken"]
        fit(channel, clock, beats=[client], seconds=5.0)
    assert channel.driver == ANNA
    client.send(Do.MOVE, action=[0.1, 0.0], sent_ns=clock.ns)
    assert isinstance(poll(channel), Take)


def test_silence_gives_them_back_then_too(channel, anna, clock):
    fit(channel, clock, seconds=0.4)
    assert channel.driver is None
    assert told(anna)[-1] == "lost"


@pytest.mark.parametrize(
    ("moves", "what", "held"),
    [
        (True, "pause", 1),
        (True, "leave", 1),
        (True, "fall silent", 1),
        (True, "hand over", 0),
        (True, "drive", 0),
        (False, "pause", 0),
        (False, "leave", 0),
    ],
)
def test_an_arm_that_moves_by_itself_is_held_once_paused_or_left_alone(
    channel, connect, anna, clock, moves, what, held
):
    holds = []
    channel.hold_arms = lambda: holds.append(what)
    ben = connect(BEN)
    with channel.busy("going home", moves=moves):
        fit(channel, clock, beats=[anna], seconds=0.2)
        said = {"pause": Do.PAUSE, "leave": Do.RELEASE, "drive": Do.ALIVE}
        if what in said:
            anna.send(said[what], sent_ns=clock.ns)
        elif what == "hand over":
            ben.send(Do.TAKE, over=True)
        fit(channel, clock, seconds=0.5 if what == "fall silent" else 0.1)
    assert len(holds) == held
    assert ben.receive_all()[-1]["moves"] is moves


def test_those_who_watch_are_told_what_the_run_is_at(channel, anna, clock):
    with channel.busy("fitting"):
        fit(channel, clock, beats=[anna], seconds=1.0)
    busy = [event for event in anna.receive_all() if event["is"] == "busy"]
    assert 2 <= len(busy) <= 4
    assert busy[0]["doing"] == "fitting"
    assert busy[0]["holder"] == {"person": "anna", "source": "keyboard"}
    fit(channel, clock, beats=[anna], seconds=0.5)
    assert anna.receive_all()[-1]["doing"] == BETWEEN


def test_while_steps_are_made_the_attendant_says_nothing(channel, anna, clock):
    for _ in range(20):
        clock.ns += 40_000_000
        anna.send(Do.ALIVE, sent_ns=clock.ns)
        poll(channel)
        channel.attend()
    assert told(anna) == []


def test_a_short_step_pressed_while_nothing_could_move_is_not_made_later(channel, anna, clock):
    anna.send(Do.MOVE, action=[0.1, 0.0], steps=3, sent_ns=clock.ns)
    fit(channel, clock, beats=[anna], seconds=2.0)
    said = poll(channel)
    np.testing.assert_allclose(said.action, [0.0, 0.0])
    anna.send(Do.MOVE, action=[0.1, 0.0], steps=2, sent_ns=clock.ns)
    np.testing.assert_allclose(poll(channel).action, [0.1, 0.0])


def test_a_stop_between_two_episodes_is_said_once(channel, anna, clock):
    assert channel.asked_to_stop() is None
    anna.send(Do.STOP)
    assert channel.asked_to_stop() == ANNA
    assert channel.asked_to_stop() is None
    assert poll(channel) == NoObjection()


def test_the_attendant_is_a_thread_that_hears_without_any_step(tmp_path, connect):
    channel = ControlChannel(tmp_path, FakeArm().spec)
    stopped = []
    channel.stop_arms = lambda: stopped.append(threading.current_thread().name)
    attendant = Attendant(channel)
    client = connect()
    client.send(Do.STOP)
    heard = [client.receive(10.0)["is"] for _ in range(2)]
    attendant.close()
    attendant.close()
    channel.close()
    assert heard == ["welcome", "stopping"]
    assert stopped == ["attendant"], "the arms stop now, not when the run has time again"
