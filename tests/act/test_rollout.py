from functools import partial

import numpy as np
import pytest

from robofeed.act.examiner import examine
from robofeed.act.policies import DoNothingPolicy, MlpPolicy, RandomPolicy
from robofeed.act.rollout import ExpertPolicy, Rollout
from robofeed.data.errors import SafetyStop
from robofeed.data.observation import ControlMode, Ended, Gate
from robofeed.data.policy_spec import PolicySpec
from robofeed.observe.fleet import LocalFleet
from robofeed.testing.fake_arm import PERIOD_S, FakeArm


def open_fleet(size=1, **settings):
    return LocalFleet(partial(FakeArm, **settings), size)


def roll(fleet, seeds, policy=None, rng=3, **settings):
    """A finished rollout and its transitions, which are read only when all is over."""
    policy = policy or RandomPolicy(fleet.spec.action)
    ids = [f"e{index:06d}" for index in range(len(seeds))]
    rollout = Rollout(fleet, seeds, ids, lambda: policy, np.random.default_rng(rng), **settings)
    return rollout, list(rollout)


class Scripted:
    """Gives rows of a table of actions [steps, arms, action], and grows a version each step."""

    def __init__(self, actions):
        self.actions, self.version = list(actions), -1

    def act(self, observations, rng):
        self.version += 1
        return np.asarray(self.actions[self.version], np.float32)


def test_an_episode_is_what_was_seen_and_done_from_its_first_observation_to_its_last():
    fleet = open_fleet(horizon=5, may_terminate=False)
    wished = np.full((5, 1, 2), 0.2, np.float32)
    wished[1:, 0, 1] = 0.03
    rollout, _ = roll(fleet, [42], Scripted(wished))
    (recorded,) = rollout.recorded
    episode = recorded.episode

    arm = FakeArm(horizon=5)
    first = arm.reset(42).state
    moves = np.minimum(wished[:, 0], 0.1)
    assert (episode.id, episode.seed, len(episode)) == ("e000000", 42, 5)
    assert (episode.ended, episode.reason) == (Ended.TRUNCATED, "")
    assert episode.spec_hash == fleet.spec.hash()
    np.testing.assert_array_equal(episode.proposed, wished[:, 0])
    np.testing.assert_allclose(episode.executed, moves, atol=1e-6)
    joints = np.concatenate([[first[:2]], first[:2] + moves.cumsum(axis=0)])
    np.testing.assert_allclose(episode.observations[:, :2], joints, atol=1e-5)
    np.testing.assert_array_equal(episode.observations[:, 2:], np.tile(first[2:], (6, 1)))
    np.testing.assert_array_equal(episode.scene, episode.observations[:, :2])
    assert episode.time_ns.tolist() == [round(step * PERIOD_S * 1e9) for step in range(6)]
    assert episode.gates.tolist() == [Gate.ACTION_BOUNDS] * 5
    assert episode.mode.tolist() == [ControlMode.AUTONOMOUS] * 5
    assert episode.policy_version.tolist() == [0, 1, 2, 3, 4]


def test_the_truth_is_of_the_state_each_step_led_to():
    fleet = open_fleet(horizon=6)
    recorded = roll(fleet, [1], ExpertPolicy(fleet))[0].recorded[0]
    arm = FakeArm(horizon=6)
    arm.reset(1)
    rewards = []
    for action in recorded.episode.executed:
        arm.send(arm.plan(action))
        rewards.append(arm.truth().reward)
    np.testing.assert_allclose(recorded.truth.reward, rewards, atol=1e-6)
    assert recorded.truth.episode_id == "e000000"
    assert len(recorded.truth.success) == len(recorded.truth.collided) == 6


def by_row(transitions, recorded):
    """Transitions matched to episodes by what was seen: which is different everywhere."""
    found = {recording.episode.id: [] for recording in recorded}
    for batch in transitions:
        for index in range(len(batch)):
            for recording in recorded:
                episode = recording.episode
                at = np.flatnonzero(
                    (episode.observations[:-1] == batch.observation[index]).all(axis=1)
                )
                for step in at:
                    found[episode.id].append((int(step), batch, index))
    return found


@pytest.mark.parametrize(
    ("size", "settings"),
    [
        (1, {"horizon": 7}),
        (3, {"horizon": 4, "ragged": 6}),
        (2, {"horizon": 150}),
        (3, {"horizon": 120, "may_terminate": True}),
    ],
)
def test_the_transitions_are_exactly_the_steps_of_the_episodes(size, settings):
    fleet = open_fleet(size, **settings)
    seeds = [5, 7, 14][:size]
    policy = ExpertPolicy(fleet) if "may_terminate" in settings else None
    rollout, transitions = roll(fleet, seeds, policy, with_true_reward=True)
    episodes = [recorded.episode for recorded in rollout.recorded]
    assert sum(len(batch) for batch in transitions) == sum(len(each) for each in episodes)
    lengths = {len(each) for each in episodes}
    assert len(lengths) == (1 if size == 1 or settings == {"horizon": 150} else 3)

    for recorded, (episode_id, steps) in zip(
        rollout.recorded, by_row(transitions, rollout.recorded).items(), strict=True
    ):
        episode = recorded.episode
        assert episode.id == episode_id
        assert sorted(step for step, _, _ in steps) == list(range(len(episode)))
        for step, batch, index in steps:
            np.testing.assert_array_equal(batch.action[index], episode.executed[step])
            np.testing.assert_array_equal(
                batch.next_observation[index], episode.observations[step + 1]
            )
            last = step == len(episode) - 1
            assert batch.terminated[index] == (last and episode.ended is Ended.TERMINATED)
            assert batch.true_reward[index] == recorded.truth.reward[step]


def test_a_time_limit_does_not_terminate_and_a_goal_does():
    fleet = open_fleet(horizon=200, may_terminate=True)
    rollout, transitions = roll(fleet, [5], ExpertPolicy(fleet))
    assert rollout.recorded[0].episode.ended is Ended.TERMINATED
    assert [bool(batch.terminated[0]) for batch in transitions[-2:]] == [False, True]
    rollout, transitions = roll(open_fleet(horizon=3, may_terminate=True), [5])
    assert rollout.recorded[0].episode.ended is Ended.TRUNCATED
    assert not any(batch.terminated.any() for batch in transitions)


def test_the_true_reward_stays_out_unless_it_is_asked_for():
    fleet = open_fleet(horizon=3)
    assert all(batch.true_reward is None for batch in roll(fleet, [1])[1])


def test_without_truth_there_is_none_recorded():
    fleet = LocalFleet(partial(FakeArm, horizon=3), 1, with_truth=False)
    assert roll(fleet, [1])[0].recorded[0].truth is None


def test_nothing_is_learned_from_a_refused_step_and_the_others_go_on():
    fleet = open_fleet(3, horizon=6)
    actions = np.full((6, 3, 2), 0.05, np.float32)
    actions[2, 1] = np.nan
    rollout, transitions = roll(fleet, [1, 2, 3], Scripted(actions))
    assert [len(batch) for batch in transitions] == [3, 3, 2, 2, 2, 2]
    refused = rollout.recorded[1].episode
    assert (len(refused), refused.ended) == (3, Ended.FAULT)
    assert "NON_FINITE" in refused.reason
    assert refused.gates.tolist() == [0, 0, Gate.NON_FINITE]
    assert np.isnan(refused.proposed[2]).all(), "kept as it was asked for"
    assert np.isfinite(refused.executed).all()
    for batch in transitions:
        assert np.isfinite(batch.action).all()
    assert [len(each.episode) for each in rollout.recorded] == [6, 3, 6]


def test_where_all_are_refused_no_empty_batch_is_learned_from():
    fleet = open_fleet(horizon=6)
    rollout, transitions = roll(fleet, [1], Scripted(np.full((6, 1, 2), np.nan)))
    assert transitions == []
    assert rollout.recorded[0].episode.ended is Ended.FAULT


def test_transitions_come_while_the_arms_do_the_next_step():
    """A batch is there once the next actions are sent, and before anyone waits for the arms."""
    fleet = open_fleet(horizon=4)
    policy = Scripted(np.zeros((4, 1, 2)))
    rollout = Rollout(fleet, [1], ["e0"], lambda: policy, None)
    chosen_and_seen = [
        (policy.version, round(fleet.table.time_ns[0] / 1e9 / PERIOD_S)) for _ in rollout
    ]
    assert chosen_and_seen == [(1, 1), (2, 2), (3, 3), (3, 4)]


def test_the_newest_policy_acts_at_every_step():
    fleet = open_fleet(horizon=4)
    versions = iter(range(10, 20))

    def newest():
        policy = DoNothingPolicy(fleet.spec.action)
        policy.version = next(versions)
        return policy

    rollout = Rollout(fleet, [1], ["e0"], newest, None)
    assert rollout.run()[0].episode.policy_version.tolist() == [10, 11, 12, 13]


def test_the_same_seeds_and_generator_give_the_same_episodes():
    def bytes_of(rollout):
        return [
            (each.episode.observations.tobytes(), each.episode.executed.tobytes())
            for each in rollout.recorded
        ]

    one, again, other = (
        bytes_of(roll(open_fleet(3, horizon=4, ragged=5), [1, 2, 3], rng=rng)[0])
        for rng in (1, 1, 2)
    )
    assert one == again
    assert one != other


def test_episodes_and_transitions_do_not_change_with_the_next_round():
    fleet = open_fleet(2, horizon=80)
    rollout, transitions = roll(fleet, [1, 2])
    copies = [(batch.observation.copy(), batch.next_observation.copy()) for batch in transitions]
    kept = [each.episode.observations.copy() for each in rollout.recorded]
    rewards = [each.truth.reward.copy() for each in rollout.recorded]
    roll(fleet, [3, 4])
    for batch, (seen, then) in zip(transitions, copies, strict=True):
        np.testing.assert_array_equal(batch.observation, seen)
        np.testing.assert_array_equal(batch.next_observation, then)
    for recorded, seen, reward in zip(rollout.recorded, kept, rewards, strict=True):
        np.testing.assert_array_equal(recorded.episode.observations, seen)
        np.testing.assert_array_equal(recorded.truth.reward, reward)


def test_the_expert_reaches_its_goal_on_every_arm():
    fleet = open_fleet(3, horizon=70)
    rollout, _ = roll(fleet, [1, 2, 3], ExpertPolicy(fleet))
    assert all(each.truth.success[-1] for each in rollout.recorded)
    assert {version for each in rollout.recorded for version in each.episode.policy_version} == {-1}


def test_the_expert_is_asked_for_running_arms_alone(monkeypatch):
    fleet = open_fleet(2, horizon=4, ragged=5)
    asked, expert = [], fleet.expert
    monkeypatch.setattr(
        fleet, "expert", lambda active: (asked.append(list(active)), expert(active))
    )
    roll(fleet, [10, 12], ExpertPolicy(fleet))
    assert asked == [[0, 1]] * 4 + [[1]] * 2


# --- examining ------------------------------------------------------------------------------------


def test_an_examination_runs_every_seed_once_in_order_whatever_the_number_of_arms():
    seeds = list(range(100, 107))
    results, kept = [], []
    for size in (1, 3):
        fleet = open_fleet(size, horizon=4, ragged=9)
        examination = examine(
            fleet, DoNothingPolicy(fleet.spec.action), seeds, "v0001", kept.append
        )
        assert examination.seeds == tuple(seeds)
        assert [each.episode.seed for each in examination.recorded] == seeds
        assert [each.episode.id for each in examination.recorded] == [
            f"v0001_{index:03d}" for index in range(7)
        ]
        results.append([each.episode.observations.tobytes() for each in examination.recorded])
        assert not kept, "nothing went wrong"
        assert examination.true_returns == tuple(
            float(each.truth.reward.sum()) for each in examination.recorded
        )
    assert results[0] == results[1]


def test_success_is_counted_at_the_end_and_a_collision_at_any_time():
    fleet, kept = open_fleet(2, horizon=70), []
    good = examine(fleet, ExpertPolicy(fleet), range(4, 10), "v", kept.append)
    assert (good.successes, good.collisions) == (6, 0)
    assert (
        examine(fleet, DoNothingPolicy(fleet.spec.action), range(4, 10), "v", kept.append).successes
        == 0
    )
    passing = [recorded.truth for recorded in good.recorded]
    for truth in passing:
        truth.success[-1] = False
    passing[0].collided[2] = True
    assert (good.successes, good.collisions) == (0, 1)


def test_an_examination_takes_the_policys_mean():
    fleet, kept = open_fleet(1, horizon=3), []
    spec = PolicySpec("tanh_gaussian_mlp", (4, 4), (0.0,) * 4, (1.0,) * 4, (-0.1, -0.1), (0.1, 0.1))
    weights = np.zeros(spec.weight_count, np.float32)
    weights[-4:-2] = 0.2
    examination = examine(fleet, MlpPolicy(spec, weights, 5), [1], "v", kept.append)
    executed = examination.recorded[0].episode.executed
    np.testing.assert_allclose(executed, 0.1 * np.tanh(0.2), rtol=1e-3)


def test_an_examination_ends_at_a_refused_action_and_keeps_that_episode_alone():
    fleet, kept = open_fleet(2, horizon=5), []
    actions = np.zeros((10, 2, 2), np.float32)
    actions[7, 1] = np.nan
    with pytest.raises(SafetyStop, match=r"v_003 \(seed 6\), step 3: .*NON_FINITE"):
        examine(fleet, Scripted(actions), range(3, 9), "v", kept.append)
    assert [(each.episode.id, each.episode.ended) for each in kept] == [("v_003", Ended.FAULT)]
    assert np.isnan(kept[0].episode.proposed[2]).all()
    assert np.isfinite(kept[0].episode.executed).all()
