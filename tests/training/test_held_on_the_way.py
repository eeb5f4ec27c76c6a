"""Live, a real arm holds on its way to where an episode starts when nobody is there any more."""

from __future__ import annotations

import time

import numpy as np
import pytest

from robofeed.data.control_messages import Do
from robofeed.data.errors import DataError, SafetyStop
from robofeed.data.policy_spec import PolicySpec
from robofeed.data.store import EpisodeStore
from robofeed.testing.fake_arm import FakeArm
from robofeed.training import live as live_module
from robofeed.training import manned
from robofeed.training.live import live
from robofeed.training.tally import Tally
from robofeed.training.trained import Trained

from .test_demonstrations_by_people import Demonstrator

WAY_S = 1.0


class Homing(FakeArm):
    """Takes a second to where an episode starts; holds once stopped, until that is acknowledged."""

    ways = ()
    acknowledged = 0

    def reset(self, seed=None):
        stops = self.stops
        latest = time.monotonic() + WAY_S
        while time.monotonic() < latest:
            if self.stops > stops:
                self.ways += ("held",)
                raise SafetyStop("stopped by hand")
            time.sleep(0.01)
        self.ways += ("arrived",)
        return super().reset(seed)

    def acknowledge(self):
        self.acknowledged += 1


class Still:
    version = 3

    def __init__(self, spec):
        self.spec = PolicySpec("deterministic_mlp", (4, 2), (), (), (), (), "")

    def act(self, observations, rng):
        return np.zeros((len(observations), 2), np.float32)


@pytest.fixture
def act(point_config, monkeypatch):
    """Runs a live session of one episode in which `each(client, event)` hears all that is said."""
    arm = Homing(simulated=False, horizon=4)
    monkeypatch.setattr(live_module, "make_backend", lambda resolved: lambda: arm)
    monkeypatch.setattr(manned, "_long_episodes", lambda *how, **more: lambda: arm)

    def go(each):
        tally = Tally()
        trained = Trained(Still(arm.spec), "step_000000001", "last", ())
        try:
            live(point_config(), trained, 1, tally, opened=Listener(each))
        except SafetyStop as stop:
            return arm, tally, stop
        return arm, tally, None

    return go


class Listener(Demonstrator):
    """As a `Demonstrator`, who is told of everything."""

    def run(self):
        with self._client as client:
            client.send(Do.TAKE)
            try:
                while True:
                    event = client.receive(0.05)
                    self._each_state(client, event or {"is": "silence"})
            except DataError:
                return


def person(on_the_way):
    """Lets the policy act; does `on_the_way(client)` once, when first told that the arm goes."""
    done = []

    def each(client, event):
        if event.get("moves") and not done:
            done.append(True)
            on_the_way(client)
        elif event["is"] == "lost":
            client.send(Do.TAKE)
        elif event["is"] == "state" and event["mode"] == "paused":
            client.send(Do.RESUME)
        else:
            client.send(Do.ALIVE)

    return each


@pytest.mark.parametrize("do", [Do.PAUSE, Do.RELEASE])
def test_it_holds_when_paused_or_left_and_sets_out_again_when_somebody_lets_it_go_on(act, do):
    arm, tally, stop = act(person(lambda client: client.send(do)))

    assert stop is None
    assert arm.ways == ("held", "arrived")
    assert arm.acknowledged == 1
    assert (tally.episodes, tally.steps) == (1, 4)
    assert list(EpisodeStore(tally.folder).ids()) == ["l000000"]


def test_a_silent_person_is_nobody(act):
    arm, _, stop = act(person(lambda client: time.sleep(0.6)))
    assert stop is None
    assert arm.ways == ("held", "arrived")


@pytest.mark.parametrize("words", [(Do.STOP, Do.RELEASE), (Do.RELEASE, Do.STOP), (Do.STOP,)])
def test_a_stop_is_a_stop_whatever_else_is_said(act, words):
    def stop_it(client):
        for word in words:
            client.send(word)

    arm, tally, stop = act(person(stop_it))

    assert "STOPPED by anna (test)" in str(stop)
    assert arm.ways == ("held",)
    assert arm.acknowledged == 0
    assert tally.episodes == 0
