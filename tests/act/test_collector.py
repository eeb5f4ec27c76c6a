from functools import partial

import numpy as np
import pytest

from robofeed.act.collector import (
    REPORTING_SEEDS,
    SELECTION_SEEDS,
    TRAINING_SEEDS,
    RoundCollector,
    SeedStream,
)
from robofeed.act.policies import RandomPolicy
from robofeed.observe.fleet import LocalFleet
from robofeed.testing.fake_arm import FakeArm


def stream(alike=1, seed=0):
    return SeedStream(np.random.default_rng(seed), alike)


def test_training_selection_and_reporting_seeds_are_disjoint_and_whole():
    ranges = [range(*each) for each in (TRAINING_SEEDS, SELECTION_SEEDS, REPORTING_SEEDS)]
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert not range(
            max(ranges[one].start, ranges[other].start), min(ranges[one].stop, ranges[other].stop)
        )
    assert all(len(each) > 10**8 for each in ranges)
    # Any of them seeds a simulator that takes 31 bits.
    assert all(0 <= each.start and each.stop <= 2**31 for each in ranges)


def test_training_seeds_are_drawn_from_their_range_alone():
    seeds = stream().take(5000)
    assert min(seeds) >= TRAINING_SEEDS[0] and max(seeds) < TRAINING_SEEDS[1]
    assert len(set(seeds)) > 4990
    assert max(seeds) > 0.99 * TRAINING_SEEDS[1]


@pytest.mark.parametrize("counts", [[12], [1] * 12, [5, 7], [2, 2, 8]])
def test_each_seed_comes_alike_times_in_a_row_however_they_are_taken(counts):
    seeds = stream(alike=3)
    taken = [seed for count in counts for seed in seeds.take(count)]
    assert taken == stream(alike=3).take(12)
    groups = [taken[start : start + 3] for start in range(0, 12, 3)]
    assert all(len(set(group)) == 1 for group in groups)
    assert len({group[0] for group in groups}) == 4


def test_seeds_pending_at_a_checkpoint_are_given_after_it():
    whole = stream(alike=4).take(10)
    first = stream(alike=4)
    begun = first.take(6)
    resumed = SeedStream(first.rng, 4)
    resumed.pending = list(first.pending)
    assert begun + resumed.take(4) == whole


@pytest.fixture
def collect():
    def make(size=2, alike=2, **settings):
        fleet = LocalFleet(partial(FakeArm, horizon=4, ragged=3), size)
        recorded, begun = [], []
        collector = RoundCollector(
            fleet,
            stream(alike),
            lambda: RandomPolicy(fleet.spec.action),
            np.random.default_rng(5),
            recorded.append,
            begun.append,
            **settings,
        )
        return collector, recorded, begun

    return make


def test_a_round_is_an_episode_on_every_arm_recorded_when_it_is_over(collect):
    collector, recorded, begun = collect(size=2)
    seen = []
    for batch in collector.round():
        assert begun == [2] and recorded == []
        seen.append(len(batch))
    assert [each.episode.id for each in recorded] == ["e000000", "e000001"]
    assert sum(seen) == sum(len(each.episode) for each in recorded)
    assert recorded[0].episode.seed == recorded[1].episode.seed, "alike"
    list(collector.round())
    assert [each.episode.id for each in recorded[2:]] == ["e000002", "e000003"]
    assert recorded[2].episode.seed != recorded[0].episode.seed
    assert collector.next_episode == 4
    assert begun == [2, 2]


def test_a_round_that_was_broken_off_counts_for_nothing(collect):
    collector, recorded, _ = collect()
    rounds = collector.round()
    next(rounds)
    rounds.close()
    assert (recorded, collector.next_episode) == ([], 0)


def test_the_true_reward_comes_only_where_it_was_asked_for(collect):
    assert next(collect()[0].round()).true_reward is None
    assert (next(collect(with_true_reward=True)[0].round()).true_reward < 0).all()


def test_the_generators_alone_decide(collect):
    one, again = ([batch.action.tobytes() for batch in collect()[0].round()] for _ in range(2))
    assert one == again
