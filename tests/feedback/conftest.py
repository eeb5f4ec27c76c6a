"""Episodes made by hand, and the queries, stamps and desk that tests about feedback need."""

import uuid

import numpy as np
import pytest

from robofeed.data.episode import Episode, Segment
from robofeed.data.feedback import Query, Receipt, Stamp
from robofeed.data.observation import Ended

OBSERVATION, ACTION = 2, 1


@pytest.fixture(scope="session")
def make_episode():
    """An episode whose observation and action tell its number and the step."""

    def make(number, steps=10, seed=None):
        seen = np.stack([np.full(steps + 1, number), np.arange(steps + 1)], axis=1)
        acted = np.arange(steps, dtype=np.float32)[:, None] + 100 * number
        return Episode(
            id=f"e{number:06d}",
            observations=seen,
            time_ns=np.arange(steps + 1),
            proposed=acted,
            executed=acted,
            gates=np.zeros(steps),
            mode=np.zeros(steps),
            policy_version=np.zeros(steps),
            scene=np.zeros((steps + 1, 0)),
            ended=Ended.TRUNCATED,
            seed=seed,
            spec_hash="",
        )

    return make


@pytest.fixture(scope="session")
def make_query():
    """A query about parts of 5 steps of the episodes named, shown in their own order."""

    def make(number, *episodes, start=0):
        segments = tuple(Segment(f"e{each:06d}", start, start + 5) for each in episodes or (0, 1))
        return Query(f"q{number:06d}", segments, tuple(range(len(segments))))

    return make


@pytest.fixture(scope="session")
def make_stamp():
    def make(number):
        return Stamp(str(uuid.UUID(int=number)), person="someone", source="test")

    return make


class ListDesk:
    """Keeps what is appended."""

    def __init__(self):
        self.records = []

    def append(self, feedback):
        self.records.append(feedback)
        return Receipt(feedback.stamp.uuid, len(self.records))


@pytest.fixture
def desk():
    return ListDesk()
