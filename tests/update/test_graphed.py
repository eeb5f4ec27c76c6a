"""Repeated updates: one by one on a CPU, as recorded graphs on a GPU, n either way."""

import numpy as np
import pytest
import torch

from robofeed.update.config import SacConfig
from robofeed.update.graphed import WARM_UPDATES, Repeated
from robofeed.update.sac import SacLearner


class Recorder(Repeated):
    """The launching logic without a GPU: a recorded graph is a counter."""

    def __init__(self, per_graph):
        self.done = self.one_by_one = 0
        self.recorded = []
        super().__init__(self.once, [], torch.device("cpu"), per_graph)

    def once(self):
        self.done += 1
        self.one_by_one += 1

    def _warm_up(self, count):
        for _ in range(count):
            self._once()

    def _record(self, size):
        self.recorded.append(size)
        outer = self

        class Graph:
            def replay(self):
                outer.done += size

        return Graph()


def test_on_a_cpu_updates_are_made_one_by_one():
    recorder = Recorder(per_graph=4)
    recorder.run(7, key=0)
    assert recorder.done == 7 and recorder.recorded == []


@pytest.mark.parametrize("n", [0, 1, 3, 4, 5, 7, 8, 9, 40, 43])
@pytest.mark.parametrize("per_graph", [1, 4, 10])
def test_graphs_make_exactly_n_updates(n, per_graph):
    recorder = Recorder(per_graph)
    for call in range(1, 4):
        recorder._launch(n, key=0)
        assert recorder.done == call * n
    assert recorder.one_by_one <= WARM_UPDATES, "the rest must come from graphs"


def test_what_the_host_decides_has_a_recording_of_its_own():
    recorder = Recorder(per_graph=4)
    for key in ("exploring", "labelled", "labelled", "exploring"):
        recorder._launch(4 + WARM_UPDATES, key)
    assert recorder.recorded == [4, 4, 1, 1]


@pytest.mark.needs_gpu
def test_graphs_do_what_single_updates_do(spec, transitions):
    config = SacConfig(hidden=(32, 32), batch_size=32, exploration="none", graph_updates=5)
    steps = transitions(200)
    learners = [SacLearner(config, spec, 0, device="cuda") for _ in range(2)]
    for learner in learners:
        learner.add(steps, "online")
    learners[0].update(43)
    for _ in range(43):
        learners[1].update(1)
    first, second = (learner.export()[1] for learner in learners)
    np.testing.assert_allclose(first, second, rtol=1e-3, atol=1e-4)
    learners[0].add(transitions(50), "online")
    learners[0].update(40)
    assert all(np.isfinite(value) for value in learners[0].metrics().values())
