import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robofeed.act.recording import Recording, Steered
from robofeed.data.fleet import Table
from robofeed.data.observation import ControlMode, Ended, Gate
from robofeed.testing.fake_arm import FakeArm

SPEC = FakeArm(joints=2).spec


@given(st.integers(0, 200))
def test_a_recording_of_any_length_is_what_the_table_showed(steps):
    table = Table.over(SPEC, 2)

    def show(step):
        table.state[1] = step
        table.time_ns[1] = 10 * step
        table.scene[1] = step + 0.25
        table.proposed[1] = step + 0.5
        table.executed[1] = -step
        table.gates[1] = step
        table.true_reward[1] = step / 4
        table.success[1] = step % 3 == 0
        table.collided[1] = step % 5 == 0
        table.state[0] = -999

    show(0)
    recording = Recording("e000007", 3, "hash", table, row=1)
    for step in range(1, steps + 1):
        show(step)
        wish, by_hand = np.full((2, 2), (step + 0.5, 3 * step), np.float32).T
        steered = Steered(ControlMode.CORRECTING, wish, by_hand) if step % 2 else None
        if steered is not None:
            table.proposed[1] = by_hand
        recording.step(policy_version=step // 10, steered=steered)
    show(777)
    recorded = recording.finish(Ended.TRUNCATED, "why", has_truth=True)
    episode, truth = recorded.episode, recorded.truth

    during, around = np.arange(1, steps + 1), np.arange(steps + 1)
    assert (episode.id, episode.seed, episode.spec_hash) == ("e000007", 3, "hash")
    assert (episode.ended, episode.reason, len(episode)) == (Ended.TRUNCATED, "why", steps)
    np.testing.assert_array_equal(episode.observations, np.repeat(around[:, None], 4, axis=1))
    np.testing.assert_array_equal(episode.time_ns, 10 * around)
    np.testing.assert_array_equal(episode.scene[:, 0], around + 0.25)
    np.testing.assert_array_equal(episode.proposed[:, 1], during + 0.5)
    np.testing.assert_array_equal(episode.executed[:, 1], -during)
    np.testing.assert_array_equal(episode.gates, during)
    np.testing.assert_array_equal(episode.policy_version, during // 10)
    np.testing.assert_array_equal(
        episode.mode, np.where(during % 2, ControlMode.CORRECTING, ControlMode.AUTONOMOUS)
    )
    if steps:
        assert episode.correction is not None
        np.testing.assert_array_equal(
            episode.correction[:, 0], np.where(during % 2, 3 * during, np.nan)
        )
    else:
        assert episode.correction is None
    np.testing.assert_array_equal(truth.reward, during / 4)
    np.testing.assert_array_equal(truth.success, during % 3 == 0)
    np.testing.assert_array_equal(truth.collided, during % 5 == 0)


def test_without_truth_none_is_made_up():
    recording = Recording("e0", None, "hash", Table.over(SPEC, 1), 0)
    recording.step(-1)
    recorded = recording.finish(Ended.FAULT, "", has_truth=False)
    assert recorded.truth is None
    assert recorded.episode.seed is None


def test_an_episode_is_not_to_be_changed():
    recording = Recording("e0", None, "hash", Table.over(SPEC, 1), 0)
    recording.step(-1)
    episode = recording.finish(Ended.TRUNCATED, "", has_truth=False).episode
    assert episode.gates.tolist() == [Gate.NONE]
    with pytest.raises(ValueError, match="read-only"):
        episode.observations[0] = 1
