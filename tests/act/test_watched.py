"""Live operation: the policy has the arm only while somebody is at the controls."""

from functools import partial

import numpy as np
import pytest

from robofeed.act.helm import LIVE, Helm
from robofeed.act.rollout import Rollout
from robofeed.act.watched import Watched
from robofeed.data.errors import SafetyStop
from robofeed.data.intervention import Driver, Mark, NoObjection, Pause, Resume, StopRequest, Take
from robofeed.observe.fleet import LocalFleet
from robofeed.testing.fake_arm import FakeArm

from .test_helm import ANNA, Constant, CountingRate, Script, modes

FINE = NoObjection()
GONE = object()
"""In a script: nobody is there in this step."""
RIGHT = Take(np.array([0.05, 0.0], np.float32), acted_ns=1)


class Passing(Script):
    """A person who is there only in the steps to which they say something."""

    def poll(self, observation, proposed):
        said = super().poll(observation, proposed)
        self.driver = None if said is GONE else ANNA
        return FINE if said is GONE else said


def watch(*said, horizon=8, simulated=True, until=1_000):
    """One live episode; what those say who are asked after it is nothing at all."""
    fleet = LocalFleet(partial(FakeArm, horizon=horizon, simulated=simulated), 1)
    person = Passing(*said, driver=None)
    helm = Helm(fleet, Watched(person), CountingRate(), phase=LIVE)
    helm.interrupted = lambda: len(person.asked) >= until
    policy = Constant(fleet.spec.action)
    rollout = Rollout(fleet, [1], ["l0"], lambda: policy, None, helm=helm)
    return [each.episode for each in rollout.run()], helm, person


def test_an_arm_begins_paused_and_goes_on_when_somebody_says_so():
    (episode,), _, person = watch(FINE, FINE, FINE, FINE, Resume())
    assert modes(episode) == "A" * 8
    assert len({time_ns for time_ns, _ in person.asked[:5]}) == 1, "nothing moved before"


def test_somebody_who_is_there_but_says_nothing_does_not_start_it():
    episodes, helm, person = watch(until=50)
    assert [len(each) for each in episodes] == [0]
    assert helm.visit.cut_short
    assert len(person.asked) >= 50


def test_a_real_arm_does_not_go_where_an_episode_starts_before_somebody_says_so():
    fleet_was_reset = []

    class Arm(FakeArm):
        def reset(self, seed=None):
            fleet_was_reset.append(len(person.asked))
            return super().reset(seed)

    fleet = LocalFleet(partial(Arm, horizon=4, simulated=False), 1)
    person = Passing(GONE, GONE, FINE, FINE, Resume(), driver=None)
    helm = Helm(fleet, Watched(person), CountingRate(), phase=LIVE)
    policy = Constant(fleet.spec.action)
    (recorded,) = Rollout(fleet, [1], ["l0"], lambda: policy, None, helm=helm).run()

    assert fleet_was_reset == [5]
    assert modes(recorded.episode) == "AAAA"


@pytest.mark.parametrize("simulated", [True, False])
def test_the_arm_is_paused_when_they_leave_and_stays_so_when_somebody_comes(simulated):
    begun = (FINE, Resume(), FINE)
    (episode,), *_ = watch(*begun, GONE, FINE, FINE, Resume(), simulated=simulated)
    if simulated:
        assert modes(episode) == "A" * 8
    else:
        assert "PPP" in modes(episode)
        held = episode.executed[episode.mode == 1]
        np.testing.assert_array_equal(held, np.zeros_like(held))
        assert modes(episode).endswith("A")


def test_who_comes_back_may_begin_with_a_move():
    (episode,), helm, _ = watch(FINE, Resume(), GONE, RIGHT, RIGHT)
    assert modes(episode) == "ACCAAAAA"
    assert [(each.start, each.stop) for each in helm.visit.stretches] == [(1, 3)]


def test_who_leaves_with_the_last_step_does_not_see_a_real_arm_drive_home_alone():
    fleet = LocalFleet(partial(FakeArm, horizon=2, simulated=False), 1)
    person = Passing(Resume(), FINE, FINE, GONE, driver=None)
    helm = Helm(fleet, Watched(person), CountingRate(), phase=LIVE)
    policy = Constant(fleet.spec.action)
    Rollout(fleet, [1], ["l0"], lambda: policy, None, helm=helm).run()
    asked = len(person.asked)
    helm.interrupted = lambda: len(person.asked) > asked + 5

    assert Rollout(fleet, [2], ["l1"], lambda: policy, None, helm=helm).run() == []


def test_the_end_of_the_session_breaks_the_episode_off():
    (episode,), helm, _ = watch(FINE, Resume(), FINE, FINE, until=4)
    assert helm.visit.cut_short
    assert 0 < len(episode) < 8
    assert episode.reason == "broken off"


def test_a_stop_is_heard_before_anybody_holds_the_controls():
    with pytest.raises(SafetyStop):
        watch(StopRequest(Driver("vera", "web")), simulated=False)


def test_a_pause_and_a_judgement_are_what_they_are_in_training():
    (episode,), helm, _ = watch(FINE, Resume(), Pause(), FINE, Resume(), FINE, Mark(False))
    assert modes(episode) == "AAA"
    assert helm.visit.mark == Mark(False)
