import numpy as np
import pytest

from robofeed.act.publisher import Publisher
from robofeed.data.policy_spec import PolicySpec

SPEC = PolicySpec("deterministic_mlp", (1, 1), (0.0,), (1.0,), (-1.0,), (1.0,))


class Learner:
    """Its policy's only bias is the number of updates done."""

    def __init__(self):
        self.updates = 0
        self.exports = 0

    def export(self):
        self.exports += 1
        return SPEC, np.array([0.0, 0.001 * self.updates], np.float32)


@pytest.fixture
def learner():
    return Learner()


def bias(policy):
    return round(float(np.arctanh(policy.act(np.zeros((1, 1), np.float32), None)[0, 0])) / 0.001)


def test_a_snapshot_is_made_every_so_many_updates(learner):
    publisher = Publisher(learner.export, lambda: learner.updates, every_updates=10)
    seen = []
    for learner.updates in range(0, 35):
        policy = publisher.latest()
        seen.append((policy.version, bias(policy)))
    assert sorted(set(seen)) == [(1, 0), (2, 10), (3, 20), (4, 30)]
    assert seen[9:11] == [(1, 0), (2, 10)]
    assert learner.exports == 4


def test_an_evaluation_gets_the_present_policy_and_no_version_twice(learner):
    publisher = Publisher(learner.export, lambda: learner.updates, every_updates=10)
    assert publisher.refresh().version == 1
    learner.updates = 3
    fresh = publisher.refresh()
    assert (fresh.version, bias(fresh)) == (2, 3)
    assert publisher.refresh().version == 2, "the same policy again"
    assert publisher.latest() is not fresh
    assert publisher.latest().version == 2
    learner.updates = 12
    assert publisher.latest().version == 2, "ten updates count from the last publication"
    learner.updates = 13
    assert (publisher.latest().version, bias(publisher.latest())) == (3, 13)


def test_a_snapshot_is_what_it_was(learner):
    publisher = Publisher(learner.export, lambda: learner.updates, every_updates=1)
    first = publisher.latest()
    learner.updates = 5
    assert publisher.latest() is not first
    assert (first.version, bias(first)) == (1, 0)
