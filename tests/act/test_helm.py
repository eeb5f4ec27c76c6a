"""A person at the helm of one arm: what is executed, recorded and learned from, and when."""

from functools import partial

import numpy as np
import pytest

from robofeed.act.helm import Helm
from robofeed.act.policies import DoNothingPolicy
from robofeed.act.rollout import HoldingPolicy, Rollout
from robofeed.data.errors import SafetyStop
from robofeed.data.intervention import (
    Discard,
    Driver,
    Mark,
    NoObjection,
    Pause,
    Resume,
    StopRequest,
    Take,
)
from robofeed.data.observation import Ended, Gate
from robofeed.observe.fleet import LocalFleet
from robofeed.testing.fake_arm import FakeArm

ANNA = Driver("anna", "keyboard")
RIGHT = Take(np.array([0.05, 0.0], np.float32), acted_ns=1)
FINE = NoObjection()


class Script:
    """A person who says what stands in a list, one thing each time they are asked."""

    def __init__(self, *said, driver=ANNA):
        self.said, self.driver = list(said), driver
        self.asked = []

    def poll(self, observation, proposed):
        self.asked.append((observation.time_ns, proposed.copy()))
        return self.said.pop(0) if self.said else FINE


class CountingRate:
    """Counts the ticks that were waited for, and waits for none."""

    overruns = 0

    def __init__(self):
        self.running, self.ticks, self.starts = False, 0, 0

    def start(self):
        self.running = True
        self.starts += 1

    def stop(self):
        self.running = False

    def wait(self):
        self.ticks += 1


class Constant(DoNothingPolicy):
    version = 7

    def act(self, observations, rng):
        return np.full((len(observations), 2), -0.06, np.float32)


def drive(*said, size=1, horizon=8, driver=ANNA, hands_off=False, **settings):
    """A rollout with somebody at the helm: the episodes, the transitions, the helm, the rate."""
    fleet = LocalFleet(partial(FakeArm, horizon=horizon, **settings), size)
    rate = CountingRate()
    person = Script(*said, driver=driver)
    helm = Helm(fleet, person, rate)
    policy = Constant(fleet.spec.action)
    seeds = list(range(1, size + 1))
    rollout = Rollout(
        fleet,
        seeds,
        [f"e{row}" for row in range(size)],
        lambda: policy,
        None,
        helm=helm,
        hands_off=hands_off,
    )
    batches = list(rollout)
    return [each.episode for each in rollout.recorded], batches, helm, rate, person


def modes(episode):
    return "".join("APC"[mode] for mode in episode.mode)


def test_the_executed_the_proposed_and_the_corrected_action_are_recorded_step_by_step():
    (episode,), _, helm, _, person = drive(FINE, RIGHT, RIGHT)
    assert modes(episode) == "ACCAAAAA"
    np.testing.assert_allclose(episode.proposed, np.full((8, 2), -0.06), atol=1e-7)
    np.testing.assert_allclose(episode.executed[1:3], [[0.05, 0.0]] * 2, atol=1e-6)
    np.testing.assert_allclose(episode.correction[1:3], [[0.05, 0.0]] * 2, atol=1e-6)
    assert np.isnan(np.delete(episode.correction, [1, 2], axis=0)).all()
    assert episode.policy_version.tolist() == [7] * 8
    assert [(each.start, each.stop, each.driver) for each in helm.visit.stretches] == [(1, 3, ANNA)]
    np.testing.assert_allclose(person.asked[1][1], [-0.06, -0.06], atol=1e-7)


def test_the_policy_gets_the_arm_back_over_a_few_steps():
    (episode,), *_ = drive(RIGHT)
    shares = episode.executed[1:, 0] / -0.06
    np.testing.assert_allclose(shares, [1 / 6, 2 / 6, 3 / 6, 4 / 6, 5 / 6, 1, 1], atol=1e-5)
    assert modes(episode) == "CAAAAAAA"


def test_without_a_word_the_episode_is_what_it_would_have_been_without_a_helm():
    (episode,), batches, _, rate, _ = drive(driver=None)
    assert episode.correction is None
    np.testing.assert_array_equal(episode.executed, episode.proposed)
    assert all(batch.corrections() is None for batch in batches)
    assert (rate.ticks, rate.starts) == (0, 0), "nobody holds the controls: full speed"


def test_one_arm_is_steered_and_the_others_go_on():
    episodes, *_ = drive(RIGHT, RIGHT, size=3)
    assert [modes(each) for each in episodes] == ["CCAAAAAA", "A" * 8, "A" * 8]
    np.testing.assert_allclose(episodes[1].executed, np.full((8, 2), -0.06), atol=1e-6)


def test_corrected_transitions_are_told_from_the_others():
    _, batches, *_ = drive(FINE, RIGHT, RIGHT, size=2)
    corrections = [batch.corrections() for batch in batches]
    assert [each is not None for each in corrections] == [False, True, True] + [False] * 5
    assert all(len(batch) == 2 for batch in batches)
    for batch, by_hand in zip(batches[1:3], corrections[1:3], strict=True):
        assert len(by_hand) == 1
        np.testing.assert_array_equal(by_hand.action[0], batch.action[0])
        np.testing.assert_array_equal(by_hand.next_observation[0], batch.next_observation[0])
        np.testing.assert_allclose(by_hand.action[0], [0.05, 0.0], atol=1e-6)


def test_a_simulator_runs_at_real_time_while_somebody_holds_the_controls():
    _, _, _, rate, _ = drive(FINE, horizon=20)
    assert rate.starts == 1
    assert rate.ticks == 19, "from the second step on"


def test_a_paused_simulator_stands_still_and_costs_no_steps():
    (episode,), _, _, rate, person = drive(FINE, Pause(), FINE, FINE, FINE, Resume())
    assert modes(episode) == "A" * 8
    times = [time_ns for time_ns, _ in person.asked]
    assert times[1:6] == [times[1]] * 5, "five questions about one moment"
    assert rate.ticks >= 4
    np.testing.assert_allclose(episode.executed[1, 0], -0.01, atol=1e-6)


def test_a_paused_real_arm_holds_step_by_step():
    # Its clock is the real one, and an action must not be older than 100 ms.
    (episode,), *_ = drive(FINE, Pause(), FINE, FINE, Resume(), simulated=False)
    assert modes(episode) == "APPPAAAA"
    np.testing.assert_array_equal(episode.executed[1:4], np.zeros((3, 2)))
    np.testing.assert_allclose(episode.proposed[1:4], np.full((3, 2), -0.06), atol=1e-7)
    assert episode.correction is None


def test_a_pause_does_not_outlive_the_run():
    fleet = LocalFleet(partial(FakeArm, horizon=4), 1)
    helm = Helm(fleet, Script(Pause()), CountingRate())
    asked = iter([False, False, True, True, True, True, True])
    helm.interrupted = lambda: next(asked)
    policy = Constant(fleet.spec.action)
    (recorded,) = Rollout(fleet, [1], ["e0"], lambda: policy, None, helm=helm).run()
    assert modes(recorded.episode) == "PPPP"


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (Mark(True), "called a success by a person"),
        (Mark(False), "called a failure by a person"),
        (Discard(), "discarded by a person"),
    ],
)
def test_a_person_ends_an_episode(said, reason):
    episodes, batches, helm, *_ = drive(FINE, RIGHT, said, size=2)
    assert [len(each) for each in episodes] == [2, 8]
    assert (episodes[0].ended, episodes[0].reason) == (Ended.TRUNCATED, reason)
    assert helm.visit.over == reason
    assert helm.visit.ended_by == ANNA
    assert not any(batch.terminated.any() for batch in batches)
    assert [len(batch) for batch in batches] == [2, 2] + [1] * 6


def test_a_step_in_which_an_episode_is_judged_is_not_made_and_nobody_steered_in_it():
    (episode,), _, helm, *_ = drive(FINE, RIGHT, RIGHT, Mark(True))
    assert modes(episode) == "ACC"
    assert [(each.start, each.stop) for each in helm.visit.stretches] == [(1, 3)]


def test_before_its_first_step_an_episode_cannot_be_judged():
    (episode,), _, helm, *_ = drive(Mark(True))
    assert len(episode) == 8
    assert helm.visit.mark is None


def test_a_stop_reaches_every_arm_before_its_next_step_and_is_told_at_once():
    fleet = LocalFleet(partial(FakeArm, horizon=8), 2)
    helm = Helm(fleet, Script(FINE, FINE, StopRequest(ANNA)), CountingRate())
    told = []
    helm.on_stop = lambda by, episode_id: told.append((by, episode_id))
    policy = Constant(fleet.spec.action)
    rollout = Rollout(fleet, [1, 2], ["e0", "e1"], lambda: policy, None, helm=helm)
    episodes = [each.episode for each in rollout.run()]
    assert told == [(ANNA, "e0")]
    for episode in episodes:
        assert (len(episode), episode.ended) == (3, Ended.FAULT)
        assert episode.gates[-1] & Gate.STOPPED
        np.testing.assert_array_equal(episode.observations[2], episode.observations[3])


def test_a_stop_that_another_thread_heard_in_mid_step_is_told_with_its_episode():
    fleet = LocalFleet(partial(FakeArm, horizon=8), 1)
    helm = Helm(fleet, Script(), CountingRate())
    told, asked = [], [None, None, ANNA]
    helm.on_stop = lambda by, episode_id: told.append((by, episode_id))
    helm.stop_asked = lambda: asked.pop() if fleet.table.ended[0] else None
    policy = Constant(fleet.spec.action)
    rollout = Rollout(fleet, [1], ["e0"], lambda: policy, None, helm=helm)
    for number, _ in enumerate(rollout):
        if number == 2:
            fleet.stop()
    (episode,) = [each.episode for each in rollout.recorded]
    assert episode.ended is Ended.FAULT
    assert told == [(ANNA, "e0")]
    assert helm.visit.stopped_by == ANNA


def drive_on(person, simulated):
    """Two episodes; how often the person had been asked before the arm went to each start."""
    fleet = LocalFleet(partial(FakeArm, horizon=4, simulated=simulated), 1)
    asked_at_start = []
    reset = fleet.reset
    fleet.reset = lambda seeds: (asked_at_start.append(len(person.asked)), reset(seeds))[1]
    helm = Helm(fleet, person, CountingRate())
    policy = Constant(fleet.spec.action)
    for number in (1, 2):
        Rollout(fleet, [number], [f"e{number}"], lambda: policy, None, helm=helm).run()
    return asked_at_start


def test_a_real_arm_that_is_paused_does_not_go_to_its_next_start_by_itself():
    person = Script(FINE, Pause(), FINE, FINE, FINE, FINE, FINE, Resume())
    assert drive_on(person, simulated=False) == [0, 8]


def test_a_pause_after_an_evaluation_is_waited_for_tick_by_tick():
    fleet = LocalFleet(partial(FakeArm, horizon=4, simulated=False), 1)
    rate = CountingRate()
    ticks_at_start = []
    reset = fleet.reset
    fleet.reset = lambda seeds: (ticks_at_start.append(rate.ticks), reset(seeds))[1]
    helm = Helm(fleet, Script(FINE, Pause(), *[FINE] * 8, Resume()), rate)
    policy = Constant(fleet.spec.action)
    for name in ("v0", "v1"):
        Rollout(fleet, [1], [name], lambda: policy, None, helm=helm, hands_off=True).run()
    # Asked four times in the first episode and seven times while it waits: the first one starts
    # the clock, the others wait for it.
    assert ticks_at_start == [0, 6]


def test_a_run_that_is_to_end_leaves_a_paused_arm_where_it_is():
    fleet = LocalFleet(partial(FakeArm, horizon=4, simulated=False), 1)
    helm = Helm(fleet, Script(Pause()), CountingRate())
    policy = Constant(fleet.spec.action)
    assert Rollout(fleet, [1], ["e1"], lambda: policy, None, helm=helm).run()
    fleet.reset = lambda seeds: pytest.fail("it went to its start")
    helm.interrupted = lambda: True
    assert Rollout(fleet, [2], ["e2"], lambda: policy, None, helm=helm).run() == []


def test_a_stop_ends_the_wait_of_a_paused_arm():
    person = Script(FINE, Pause(), FINE, FINE, FINE, StopRequest(ANNA))
    with pytest.raises(SafetyStop, match="STOPPED by anna"):
        drive_on(person, simulated=False)


def test_who_stops_the_arms_on_their_way_to_the_start_is_told():
    class StoppedOnItsWay(FakeArm):
        def reset(self, seed=None):
            raise SafetyStop("stopped on its way to the start")

    fleet = LocalFleet(StoppedOnItsWay, 1)
    helm = Helm(fleet, Script(), CountingRate())
    told, asked = [], [ANNA, None]
    helm.on_stop = lambda by, episode_id: told.append((by, episode_id))
    helm.stop_asked = lambda: asked.pop()
    policy = Constant(fleet.spec.action)
    rollout = Rollout(fleet, [1], ["e0"], lambda: policy, None, helm=helm)
    with pytest.raises(SafetyStop, match="STOPPED by anna"):
        rollout.run()
    assert told == [(ANNA, "")]


def test_a_stop_is_heard_while_the_steered_arm_rests():
    def arms():
        yield FakeArm(horizon=2)
        yield FakeArm(horizon=9)

    made = arms()
    fleet = LocalFleet(lambda: next(made), 2)
    helm = Helm(fleet, Script(FINE, FINE, FINE, StopRequest(ANNA)), CountingRate())
    policy = Constant(fleet.spec.action)
    rollout = Rollout(fleet, [1, 2], ["e0", "e1"], lambda: policy, None, helm=helm)
    one, other = [each.episode for each in rollout.run()]
    assert (len(one), one.ended) == (2, Ended.TRUNCATED)
    assert (len(other), other.ended) == (4, Ended.FAULT)


def test_an_evaluation_is_watched_and_stopped_but_not_steered():
    (episode,), _, helm, rate, _ = drive(RIGHT, RIGHT, Mark(True), hands_off=True)
    assert modes(episode) == "A" * 8
    np.testing.assert_allclose(episode.executed, np.full((8, 2), -0.06), atol=1e-6)
    assert (rate.starts, helm.visit.mark) == (0, None)
    (stopped,), *_ = drive(FINE, StopRequest(ANNA), hands_off=True)
    assert (len(stopped), stopped.ended) == (2, Ended.FAULT)


def test_who_pauses_during_an_evaluation_has_the_arm_from_the_next_episode_on():
    fleet = LocalFleet(partial(FakeArm, horizon=4), 1)
    person = Script(FINE, Pause(), FINE, FINE, FINE, FINE, RIGHT)
    helm = Helm(fleet, person, CountingRate())
    policy = Constant(fleet.spec.action)
    for episode_id, hands_off in (("v0", True), ("e0", False)):
        rollout = Rollout(
            fleet, [1], [episode_id], lambda: policy, None, helm=helm, hands_off=hands_off
        )
        (recorded,) = rollout.run()
    assert modes(recorded.episode) == "CAAA", "it stood still until the person moved it"


def test_an_arm_told_to_hold_stays_where_it_is():
    fleet = LocalFleet(partial(FakeArm, horizon=5), 2)
    policy = HoldingPolicy(fleet)
    rollout = Rollout(fleet, [1, 2], ["e0", "e1"], lambda: policy, None)
    for recorded in rollout.run():
        seen = recorded.episode.observations
        np.testing.assert_allclose(seen, np.tile(seen[0], (6, 1)), atol=1e-6)


def test_how_long_a_key_took_is_known_once_the_arm_has_moved():
    import time

    pressed_ns = time.monotonic_ns() - 30_000_000
    key = Take(np.zeros(2, np.float32), acted_ns=pressed_ns)
    _, _, helm, *_ = drive(FINE, key, key, key)
    (latency_ms,) = helm.visit.latencies_ms
    assert latency_ms >= 30.0
