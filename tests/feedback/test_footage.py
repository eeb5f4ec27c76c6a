import numpy as np
import pytest

from robofeed.data.episode import Segment, TruthTrace
from robofeed.data.errors import DataError
from robofeed.feedback.footage import FootageLibrary, TruthLibrary
from robofeed.feedback.queries import Footage


@pytest.fixture
def disk(make_episode):
    """Episodes that can be read back, and which ones were."""

    class Disk:
        def __init__(self):
            self.reads = []

        def read(self, episode_id):
            self.reads.append(episode_id)
            return make_episode(int(episode_id[1:]))

    return Disk()


def test_a_clip_is_what_each_step_executed_and_where_it_led(make_episode, disk):
    library = FootageLibrary(disk.read)
    library.add(make_episode(3))
    clip = library.clip(Segment("e000003", 2, 5))
    assert clip.action[:, 0].tolist() == [302, 303, 304]
    assert clip.observation.tolist() == [[3, 3], [3, 4], [3, 5]]
    last = library.clip(Segment("e000003", 9, 10))
    assert (last.action[0, 0], last.observation[0].tolist()) == (309, [3, 10])


def test_a_clip_beyond_the_episode_is_refused(make_episode, disk):
    library = FootageLibrary(disk.read)
    library.add(make_episode(3))
    with pytest.raises(DataError, match="10 steps"):
        library.clip(Segment("e000003", 8, 11))


def test_clips_are_stacked_in_order(make_episode, disk):
    library = FootageLibrary(disk.read)
    clips = library.clips([Segment("e000002", 0, 4), Segment("e000001", 1, 3)])
    assert clips.action.shape == (2, 4, 1)
    assert clips.action[:, 0, 0].tolist() == [200, 101]
    assert clips.mask.tolist() == [[1, 1, 1, 1], [1, 1, 0, 0]]


def test_features_say_where_a_clip_begins_passes_and_ends(make_episode, disk):
    features = FootageLibrary(disk.read).features([Segment("e000004", 0, 4)])
    np.testing.assert_array_equal(features, [[4, 1, 4, 2.5, 4, 4]])


def test_the_last_episodes_are_candidates_oldest_first(make_episode, disk):
    library = FootageLibrary(disk.read, recent=3)
    for number in range(5):
        library.add(make_episode(number, steps=6 + number, seed=number))
    assert library.recent == [Footage(f"e{n:06d}", n, 6 + n) for n in (2, 3, 4)]


def test_what_is_no_longer_in_memory_is_read_back_once(make_episode, disk):
    library = FootageLibrary(disk.read, recent=2, in_memory=3)
    for number in range(5):
        library.add(make_episode(number))
    library.clip(Segment("e000004", 0, 2))
    assert disk.reads == []
    for _ in range(2):
        assert library.clip(Segment("e000000", 1, 2)).action[0, 0] == 1
    assert disk.reads == ["e000000"]


def test_after_a_resume_the_candidates_are_those_there_were(make_episode, disk):
    library = FootageLibrary(disk.read, recent=10)
    library.add(make_episode(9))
    library.restore(["e000002", "e000000", "e000001"])
    assert [film.episode_id for film in library.recent] == ["e000002", "e000000", "e000001"]
    assert disk.reads == ["e000002", "e000000", "e000001"]


def trace(number, steps=10):
    rewards = np.arange(steps, dtype=np.float32) + 100 * number
    return TruthTrace(f"e{number:06d}", rewards, rewards > 0, rewards < 0)


def test_true_rewards_are_those_of_the_segments_steps():
    on_disk = {"e000002": trace(2)}
    library = TruthLibrary(on_disk.get)
    library.add(trace(1))
    assert library.rewards(Segment("e000001", 3, 6)).tolist() == [103, 104, 105]
    assert library.rewards(Segment("e000002", 0, 2)).tolist() == [200, 201]


def test_an_episode_without_truth_is_named():
    with pytest.raises(LookupError, match="e000001"):
        TruthLibrary(lambda episode_id: None).rewards(Segment("e000001", 0, 2))
