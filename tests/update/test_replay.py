"""The replay keeps the newest transitions, samples all alike, labels them with one reward."""

from collections import deque

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from robofeed.data.errors import DataError
from robofeed.update.pools import Pools
from robofeed.update.replay import Ring
from robofeed.update.truth_reward import TruthReward

CPU = torch.device("cpu")


@given(st.integers(1, 9), st.lists(st.integers(0, 25), max_size=8))
def test_a_ring_holds_what_a_bounded_queue_holds(capacity, counts):
    ring, queue, number = Ring(capacity, 2, CPU), deque(maxlen=capacity), 0
    for count in counts:
        rows = torch.arange(number, number + count, dtype=torch.float32)
        ring.add(torch.stack([rows, -rows], dim=1))
        queue.extend(rows.tolist())
        number += count
    assert len(ring) == len(queue)
    assert sorted(ring.filled()[:, 0].tolist()) == sorted(queue)
    assert torch.equal(ring.filled()[:, 0], -ring.filled()[:, 1])
    assert float(ring.device_size) == len(queue)


def test_sampling_is_uniform_over_what_is_filled():
    ring = Ring(100, 1, CPU)
    ring.add(torch.arange(40, dtype=torch.float32).unsqueeze(1))
    drawn = ring.sample(40_000, torch.Generator().manual_seed(0)).squeeze(1).long()
    counts = torch.bincount(drawn, minlength=100)
    assert int(counts[40:].sum()) == 0
    # 1,000 expected each; a standard deviation is 31
    assert int(counts[:40].min()) > 850 and int(counts[:40].max()) < 1150


class Linear:
    """A reward that is plain to check: first element of the observation plus last of the action."""

    def __init__(self, gain=1.0):
        self.gain = gain
        self.seen = 0

    def normalise_over(self, observations, actions):
        self.seen = len(observations)

    def step_rewards(self, observations, actions):
        return self.gain * (observations[:, 0] + actions[:, -1])


@pytest.fixture
def pools(spec):
    return Pools(spec, online=20, prior=10, device=CPU)


def rewards_in(pools, pool):
    """Stored rewards, and what `Linear(1)` says of where each step led."""
    layout, rows = pools.layout, pools.rings[pool].filled()
    led_to, action = layout.next_observations(rows), layout.actions(rows)
    return layout.rewards(rows), led_to[:, 0] + action[:, -1]


def test_relabelling_reaches_both_pools_and_what_is_added_later(pools, transitions):
    pools.add(transitions(8), "online")
    pools.add(transitions(4), "prior")
    assert rewards_in(pools, "online")[0].tolist() == [0.0] * 8
    reward = Linear(2.0)
    pools.relabel(reward)
    assert reward.seen == 12, "the reward is normalised over the whole replay"
    pools.add(transitions(30), "online")
    for pool in ("online", "prior"):
        found, expected = rewards_in(pools, pool)
        torch.testing.assert_close(found, 2.0 * expected)
    pools.relabel(Linear(-1.0))
    found, expected = rewards_in(pools, "online")
    torch.testing.assert_close(found, -expected)


def test_rewards_that_are_not_finite_are_refused_and_the_old_ones_stay(pools, transitions):
    pools.add(transitions(8), "online")
    pools.relabel(Linear())
    before = pools.rings["online"].filled().clone()
    with pytest.raises(DataError, match="Linear gave rewards that are not finite"):
        pools.relabel(Linear(float("nan")))
    assert torch.equal(pools.rings["online"].filled(), before)


def test_sampled_rows_are_normalised_by_the_spec_and_mixed_as_planned(pools, transitions):
    online, prior = transitions(8), transitions(4, terminated=True)
    pools.add(online, "online")
    pools.add(prior, "prior")
    plan = pools.plan(6, prior_share=0.5)
    assert plan == (3, 3)
    rows = pools.sample(plan, torch.Generator().manual_seed(0))
    layout = pools.layout
    assert layout.continues(rows).tolist() == [1.0] * 3 + [0.0] * 3
    # bounds: observations in [-1, 3], actions in [-0.2, 0.2]
    for row in rows[:3]:
        observation = layout.observations(row[None])[0].numpy() * 2.0 + 1.0
        index = int(np.abs(online.observation - observation).sum(1).argmin())
        np.testing.assert_allclose(online.observation[index], observation, atol=1e-5)
        action = layout.actions(row[None])[0].numpy() * 0.2
        np.testing.assert_allclose(online.action[index], action, atol=1e-5)
        following = layout.next_observations(row[None])[0].numpy() * 2.0 + 1.0
        np.testing.assert_allclose(online.next_observation[index], following, atol=1e-5)


def test_a_batch_comes_from_the_only_pool_that_has_anything(spec, pools, transitions):
    with pytest.raises(DataError, match="no transitions"):
        pools.plan(6, 0.5)
    pools.add(transitions(4), "prior")
    assert pools.plan(6, 0.5) == (0, 6)
    pools.add(transitions(4), "online")
    assert pools.plan(6, 0.25) == (4, 2)
    assert pools.plan(20, 0.5) == (16, 4), "four corrections are not half of all that is learned"
    other = Pools(spec, 20, 10, CPU)
    other.add(transitions(4), "online")
    assert other.plan(6, 0.5) == (6, 0)


def test_true_rewards_reach_only_the_baseline(pools, transitions):
    with pytest.raises(DataError, match="must not see"):
        pools.add(transitions(3, truth=True), "online")
    pools.relabel(TruthReward())
    with pytest.raises(DataError, match="without true rewards"):
        pools.add(transitions(3), "online")
    steps = transitions(3, truth=True)
    pools.add(steps, "online")
    assert rewards_in(pools, "online")[0].tolist() == steps.true_reward.tolist()


def test_the_baseline_cannot_take_over_a_replay_without_true_rewards(pools, transitions):
    pools.add(transitions(3), "online")
    with pytest.raises(DataError, match="empty replay"):
        pools.relabel(TruthReward())


@pytest.mark.parametrize("field", ["observation", "action", "next_observation"])
@pytest.mark.parametrize("harm", ["nan", "inf", "shape"])
def test_harmful_transitions_are_refused_by_name(pools, transitions, field, harm):
    steps = transitions(3)
    array = getattr(steps, field)
    if harm == "shape":
        object.__setattr__(steps, field, array[:, :-1])
    else:
        array[1, 0] = float(harm)
    with pytest.raises(DataError, match=rf"transitions: {field} "):
        pools.add(steps, "online")
    assert len(pools.rings["online"]) == 0


def test_pools_come_back_from_their_state(pools, spec, transitions):
    pools.add(transitions(33), "online")
    pools.add(transitions(4), "prior")
    state = pools.state()
    other = Pools(spec, online=20, prior=10, device=CPU)
    other.load(state)
    for pool, ring in pools.rings.items():
        assert torch.equal(other.rings[pool].rows, ring.rows)
        assert other.rings[pool].added == ring.added


@pytest.mark.parametrize("harm", ["missing", "rows", "type", "added"])
def test_a_state_that_does_not_fit_is_refused_untouched(pools, spec, transitions, harm):
    pools.add(transitions(5), "online")
    state = pools.state()
    if harm == "missing":
        del state["replay.prior"]
    elif harm == "rows":
        state["replay.online"] = state["replay.online"][:3]
    elif harm == "type":
        state["replay.online"] = state["replay.online"].astype(np.float64)
    else:
        state["replay.added"] = np.array([-1, 0])
    other = Pools(spec, online=20, prior=10, device=CPU)
    with pytest.raises(DataError, match="saved state"):
        other.load(state)
    assert len(other.rings["online"]) == 0
