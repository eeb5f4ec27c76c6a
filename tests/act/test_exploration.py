from itertools import groupby

import numpy as np
import pytest

from robofeed.act.exploration import HeldExploration
from robofeed.data.spec import ArraySpec

ACTION = ArraySpec((2,), [-0.1, 0.2], [0.3, 1.0])
OBSERVATION = ArraySpec((3,), [-1.0, -np.inf, -3.0], [1.0, np.inf, 3.0])
STILL = np.array([0.0, 0.2], np.float32)
POLICY = np.array([0.15, 0.9], np.float32)


class Fixed:
    version = 7

    def __init__(self):
        self.seen = None

    def act(self, observations, rng):
        self.seen = observations.copy()
        return np.tile(POLICY, (len(observations), 1))


def explore(steps, arms=1, share=0.1, seed=1, **settings):
    """Actions [steps, arms, 2] of one round."""
    exploration = HeldExploration(ACTION, OBSERVATION, np.random.default_rng(seed), **settings)
    exploration.begin(arms)
    policy = exploration.around(Fixed(), share)
    seen = np.zeros((arms, 3), np.float32)
    return np.stack([policy.act(seen, None) for _ in range(steps)])


def runs(actions):
    """(action, steps) of each stretch of one arm's equal actions."""
    return [(key, len(list(group))) for key, group in groupby(map(tuple, actions.tolist()))]


def test_with_no_share_the_policy_acts_alone():
    assert (explore(100, share=0.0) == POLICY).all()
    exploration = HeldExploration(ACTION, OBSERVATION, np.random.default_rng(1))
    assert exploration.around(Fixed(), 0.0).version == 7


def test_random_actions_are_held_for_a_while_and_stay_in_range():
    actions = explore(5000, share=0.05, longest_steps=10)[:, 0]
    assert (actions >= ACTION.low).all() and (actions <= ACTION.high).all()
    policy = tuple(POLICY.tolist())
    held = [steps for action, steps in runs(actions) if action != policy]
    assert min(held) == 1 and 5 <= np.quantile(held, 0.98) <= 20
    # Log-uniform: as many last 1 step as 2 to 3, or 4 to 7 (of a longest of 10).
    ones, few = held.count(1) / len(held), sum(2 <= n <= 3 for n in held) / len(held)
    assert ones == pytest.approx(np.log(2) / np.log(11), abs=0.08)
    assert few == pytest.approx(np.log(2) / np.log(11), abs=0.08)


def test_an_action_that_is_held_is_not_given_up_for_another():
    lengths = [steps for _, steps in runs(explore(500, share=1.0, longest_steps=40)[:, 0])]
    assert max(lengths) > 20


def test_some_of_them_stand_still():
    stretches = runs(explore(6000, share=1.0, still_share=0.3)[:, 0])
    still = sum(action == tuple(STILL.tolist()) for action, _ in stretches)
    # Two in a row that stand still look like one.
    assert still / len(stretches) == pytest.approx(0.25, abs=0.05)
    never = runs(explore(500, share=1.0, still_share=0.0)[:, 0])
    assert all(action != tuple(STILL.tolist()) for action, _ in never)


def test_arms_explore_each_for_itself_and_a_new_round_holds_nothing():
    exploration = HeldExploration(ACTION, OBSERVATION, np.random.default_rng(4), longest_steps=1000)
    exploration.begin(3)
    first = exploration.perturb(np.tile(POLICY, (3, 1)), 1.0)
    assert len({tuple(action) for action in first.tolist()}) > 1
    exploration.begin(3)
    assert (exploration.perturb(np.tile(POLICY, (3, 1)), 0.0) == POLICY).all()


def test_the_generator_alone_decides():
    np.testing.assert_array_equal(explore(50, 3), explore(50, 3))
    assert not np.array_equal(explore(50, 3), explore(50, 3, seed=2))


def displaced(share, displacement, rounds=200):
    """What the policy sees [rounds, 3] of an arm at nought."""
    rng = np.random.default_rng(2)
    exploration = HeldExploration(ACTION, OBSERVATION, rng, share, displacement)
    seen = []
    for _ in range(rounds):
        exploration.begin(2)
        policy = Fixed()
        for _ in range(2):
            exploration.around(policy, 0.0).act(np.zeros((2, 3), np.float32), None)
            seen.append(policy.seen[0])
    return np.array(seen).reshape(rounds, 2, 3)


def test_in_a_share_of_the_episodes_the_policy_sees_the_world_displaced_by_a_constant():
    seen = displaced(0.5, 0.2)
    np.testing.assert_array_equal(seen[:, 0], seen[:, 1])
    moved = seen[:, 0, 0] != 0
    assert 70 < moved.sum() < 130
    # By the same share of each element's half range; one without a range stays as it is.
    assert np.abs(seen[:, 0, 2]).mean() == pytest.approx(3 * np.abs(seen[:, 0, 0]).mean(), rel=0.3)
    assert (seen[:, 0, 1] == 0).all()
    assert seen.dtype == np.float32
    assert (displaced(0.0, 0.2) == 0).all()
    assert (displaced(0.5, 0.0) == 0).all()
