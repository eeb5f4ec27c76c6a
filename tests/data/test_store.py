"""Episodes on disk: what comes back, what is refused, what a full disk costs."""

import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robofeed.data.episode import Episode, TruthTrace
from robofeed.data.episode_writer import EpisodeWriter
from robofeed.data.errors import DataError
from robofeed.data.observation import Ended
from robofeed.data.store import EpisodeStore

FIELDS = (
    "observations",
    "time_ns",
    "proposed",
    "executed",
    "gates",
    "mode",
    "policy_version",
    "scene",
)


def make_episode(episode_id="e000000", steps=5, widths=(3, 2, 4), draw=0, **changes):
    rng = np.random.default_rng(draw)
    observation, action, scene = widths
    return Episode(
        **{
            "id": episode_id,
            "observations": rng.normal(size=(steps + 1, observation)),
            "time_ns": rng.integers(0, 2**62, steps + 1),
            "proposed": rng.normal(size=(steps, action)),
            "executed": rng.normal(size=(steps, action)),
            "gates": rng.integers(0, 2**16, steps),
            "mode": rng.integers(0, 3, steps),
            "policy_version": rng.integers(-1, 2**40, steps),
            "scene": rng.normal(size=(steps + 1, scene)),
            "ended": Ended.TRUNCATED,
            "seed": draw,
            "spec_hash": "ab12",
            **changes,
        }
    )


def make_truth(episode):
    rng = np.random.default_rng(len(episode))
    steps = len(episode)
    return TruthTrace(
        episode.id,
        rng.normal(size=steps).astype(np.float32),
        rng.integers(0, 2, steps).astype(bool),
        rng.integers(0, 2, steps).astype(bool),
    )


def assert_same(one, other):
    for name in FIELDS:
        ours, theirs = getattr(one, name), getattr(other, name)
        assert ours.dtype == theirs.dtype, name
        assert ours.shape == theirs.shape, name
        assert ours.tobytes() == theirs.tobytes(), name
    for name in ("id", "ended", "seed", "spec_hash", "reason"):
        assert getattr(one, name) == getattr(other, name)


@settings(deadline=None, max_examples=60)
@given(
    steps=st.integers(0, 60),
    widths=st.tuples(st.integers(1, 30), st.integers(1, 8), st.integers(0, 30)),
    seed=st.none() | st.integers(0, 2**63),
    ended=st.sampled_from(Ended),
    reason=st.text(max_size=30),
    odd=st.sampled_from([np.nan, np.inf, -np.inf, -0.0, 1e-45]),
)
def test_every_episode_comes_back_bit_for_bit(
    tmp_path_factory, steps, widths, seed, ended, reason, odd
):
    store = EpisodeStore(tmp_path_factory.mktemp("run"))
    plain = make_episode(steps=steps, widths=widths)
    observations, proposed = plain.observations.copy(), plain.proposed.copy()
    observations[0, 0] = odd
    proposed[-1:] = odd
    episode = replace(
        plain,
        observations=observations,
        proposed=proposed,
        seed=seed,
        ended=ended,
        reason=reason,
    )
    truth = make_truth(episode)
    store.write(episode, truth)
    assert_same(store.read(episode.id), episode)
    stored = store.read_truth(episode.id)
    for name in ("reward", "success", "collided"):
        assert getattr(stored, name).tobytes() == getattr(truth, name).tobytes()


def test_what_is_read_back_cannot_be_changed(tmp_path):
    store = EpisodeStore(tmp_path)
    store.write(make_episode())
    with pytest.raises(ValueError, match="read-only"):
        store.read("e000000").executed[0] = 0


def test_a_reason_fits_into_a_sentence_whether_it_is_one_or_not():
    for reason in ("it holds", "it holds."):
        assert make_episode(reason=reason).why == "it holds"
    assert make_episode().why == ""


def test_ids_lists_whole_episodes_only(tmp_path):
    store = EpisodeStore(tmp_path)
    assert store.ids() == ()
    for episode_id in ("e000001", "e000000", "v000000"):
        episode = make_episode(episode_id)
        store.write(episode, make_truth(episode))
    (store.folder / ".e000002.parquet.writing").write_bytes(b"PAR1 torn")
    assert store.ids() == ("e000000", "e000001", "v000000")


def test_the_truth_is_in_a_file_of_its_own(tmp_path):
    store = EpisodeStore(tmp_path)
    episode = make_episode()
    path = store.write(episode, make_truth(episode))
    columns = pq.read_schema(path).names
    assert set(columns) == set(FIELDS)
    assert store.has_truth(episode.id)
    store.write(make_episode("e000001"))
    assert not store.has_truth("e000001")
    with pytest.raises(DataError, match="no truth of e000001"):
        store.read_truth("e000001")


def test_the_same_episode_again_is_no_change_whatever_the_clock_says(tmp_path):
    store = EpisodeStore(tmp_path)
    first = make_episode(observations=np.full((6, 3), np.nan))
    path = store.write(first)
    written = path.read_bytes()
    assert store.write(replace(first, time_ns=first.time_ns + 1)) == path
    assert path.read_bytes() == written


@pytest.mark.parametrize(
    "change",
    [{"seed": 7}, {"ended": Ended.FAULT}, {"reason": "x"}, {"mode": np.ones(5), "draw": 1}],
)
def test_an_id_never_comes_to_mean_another_episode(tmp_path, change):
    store = EpisodeStore(tmp_path)
    first = make_episode()
    store.write(first)
    with pytest.raises(DataError, match="went otherwise: an episode id is never used twice"):
        store.write(make_episode(**change))
    assert_same(store.read("e000000"), first)


def test_a_file_torn_by_a_power_cut_is_written_anew_and_named(tmp_path, caplog):
    store = EpisodeStore(tmp_path)
    episode = make_episode()
    path = store.write(episode)
    path.write_bytes(path.read_bytes()[:500])
    store.write(episode)
    assert_same(store.read("e000000"), episode)
    assert f"{path} is torn" in caplog.text


@pytest.mark.parametrize("episode_id", ["../e0", "a/b", "", ".hidden", "e0.truth", "x" * 101])
def test_an_id_cannot_lead_out_of_the_folder(tmp_path, episode_id):
    store = EpisodeStore(tmp_path)
    with pytest.raises(DataError, match="is no episode id"):
        store.write(make_episode(episode_id))
    with pytest.raises(DataError, match="is no episode id"):
        store.read(episode_id)


def test_truth_of_another_episode_is_refused_before_anything_is_written(tmp_path):
    store = EpisodeStore(tmp_path)
    with pytest.raises(DataError, match="was given the truth of e000009"):
        store.write(make_episode(), make_truth(make_episode("e000009")))
    assert store.ids() == ()


def test_a_missing_episode_is_named(tmp_path):
    with pytest.raises(DataError, match="no episode of e000007"):
        EpisodeStore(tmp_path).read("e000007")


def test_a_torn_file_is_refused_by_name_wherever_it_is_cut(tmp_path):
    store = EpisodeStore(tmp_path)
    path = store.write(make_episode())
    whole = path.read_bytes()
    for length in [*range(0, len(whole), 97), len(whole) - 1]:
        path.write_bytes(whole[:length])
        with pytest.raises(DataError, match=r"e000000\.parquet"):
            store.read("e000000")


def test_a_flipped_bit_in_the_arrays_is_refused_by_name(tmp_path):
    store = EpisodeStore(tmp_path)
    episode = make_episode(steps=50)
    path = store.write(episode)
    whole = path.read_bytes()
    data_ends = pq.ParquetFile(path).metadata.row_group(0).column(0).total_compressed_size
    for place in range(20, data_ends, 23):
        damaged = bytearray(whole)
        damaged[place] ^= 16
        path.write_bytes(damaged)
        with pytest.raises(DataError, match=r"e000000\.parquet"):
            store.read("e000000")


def test_foreign_files_are_refused_by_name(tmp_path):
    store = EpisodeStore(tmp_path)
    path = store.write(make_episode())
    own = pq.read_table(path)
    about = own.schema.metadata[b"robofeed"]
    foreign = {
        "not one of robofeed": own.replace_schema_metadata(None),
        "holds robofeed.episode e000001": own.replace_schema_metadata(
            {b"robofeed": about.replace(b"e000000", b"e000001")}
        ),
        "use a newer robofeed": own.replace_schema_metadata(
            {b"robofeed": about.replace(b'"version": 1', b'"version": 2')}
        ),
        'Field "scene" does not exist': own.drop_columns(["scene"]),
        "column gates holds float64": own.set_column(
            own.schema.get_field_index("gates"), "gates", pa.array([0.5] * 6)
        ),
        "column time_ns has 3 rows": own.slice(0, 3),
        "is not an episode": own.replace_schema_metadata(
            {b"robofeed": about.replace(b"TRUNCATED", b"EXPLODED")}
        ),
    }
    for expected, table in foreign.items():
        pq.write_table(table, path)
        with pytest.raises(DataError, match=expected) as caught:
            store.read("e000000")
        assert str(path) in str(caught.value)


def fill_disk_for(store, episode_id):
    """Make the write of one episode fail for real: its temporary file leads to /dev/full."""
    store.folder.mkdir(exist_ok=True)
    (store.folder / f".{episode_id}.parquet.writing").symlink_to("/dev/full")


def test_a_full_disk_is_an_error_that_names_the_path_and_leaves_nothing_torn(tmp_path):
    store = EpisodeStore(tmp_path)
    store.write(make_episode("e000000"))
    fill_disk_for(store, "e000001")
    with pytest.raises(DataError, match=r"e000001\.parquet: No space left on device"):
        store.write(make_episode("e000001"))
    assert os.listdir(store.folder) == ["e000000.parquet"]


def test_the_writer_announces_each_episode_once_it_is_whole_and_in_order(tmp_path):
    store = EpisodeStore(tmp_path)
    announced = []

    def announce(episode):
        assert threading.current_thread() is threading.main_thread()
        assert_same(EpisodeStore(tmp_path).read(episode.id), episode)
        announced.append(episode.id)

    with EpisodeWriter(store, capacity=3) as writer:
        for number in range(20):
            episode = make_episode(f"e{number:06}", draw=number)
            writer.write(episode, make_truth(episode), lambda episode=episode: announce(episode))
        writer.flush()
        assert announced == [f"e{number:06}" for number in range(20)]
        writer.write(make_episode("e000020"), None, lambda: announced.append("last"))
    assert announced[-1] == "last"
    with pytest.raises(DataError, match="after the episode writer was closed"):
        writer.write(make_episode("e000021"))
    writer.close()


def test_a_full_disk_surfaces_on_the_next_call_and_loses_nothing_announced(tmp_path):
    store = EpisodeStore(tmp_path)
    fill_disk_for(store, "e000002")
    announced = []
    writer = EpisodeWriter(store)
    with pytest.raises(DataError, match=r"e000002\.parquet.*Not recorded: e000002") as caught:
        for number in range(100_000):
            episode_id = f"e{number:06}"
            writer.write(
                make_episode(episode_id), None, lambda name=episode_id: announced.append(name)
            )
    assert "resume" in str(caught.value)
    assert announced == ["e000000", "e000001"]
    assert store.ids() == ("e000000", "e000001")
    with pytest.raises(DataError, match="Not recorded"):
        writer.flush()
    with pytest.raises(DataError, match="Not recorded"):
        writer.write(make_episode("e999999"))
    writer.close()


def test_a_failure_in_the_last_episode_is_not_swallowed_by_close(tmp_path):
    store = EpisodeStore(tmp_path)
    fill_disk_for(store, "e000000")
    writer = EpisodeWriter(store)
    writer.write(make_episode())
    with pytest.raises(DataError, match="Not recorded: e000000"):
        writer.close()


KILLED = """
import sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from test_store import EpisodeStore, EpisodeWriter, make_episode, make_truth
writer = EpisodeWriter(EpisodeStore(Path({folder!r})))
for number in range(100_000):
    episode = make_episode(f"e{{number:06}}", steps=50, draw=number)
    writer.write(episode, make_truth(episode), lambda name=episode.id: print(name, flush=True))
"""


def test_after_kill_9_every_announced_episode_is_whole(tmp_path):
    source = KILLED.format(tests=os.path.dirname(__file__), folder=str(tmp_path))
    child = subprocess.Popen([sys.executable, "-c", source], stdout=subprocess.PIPE, text=True)
    announced = [child.stdout.readline().strip() for _ in range(40)]
    child.send_signal(signal.SIGKILL)
    announced += [line.strip() for line in child.stdout if line.endswith("\n")]
    child.wait()
    child.stdout.close()
    store = EpisodeStore(tmp_path)
    assert set(announced) <= set(store.ids())
    for episode_id in store.ids():
        episode = make_episode(episode_id, steps=50, draw=int(episode_id[1:]))
        assert_same(store.read(episode_id), episode)
        assert store.has_truth(episode_id)


@pytest.mark.parametrize("steps", [0, 5])
def test_what_a_person_asked_for_comes_back_and_an_episode_without_has_none(tmp_path, steps):
    store = EpisodeStore(tmp_path)
    plain = make_episode("e000000", steps=steps)
    correction = np.full((steps, 2), np.nan, np.float32)
    correction[2:4] = 0.5
    steered = make_episode("e000001", steps=steps, correction=correction)
    store.write(plain)
    store.write(steered)
    store.write(steered)
    assert store.read("e000000").correction is None
    assert store.read("e000001").correction.tobytes() == correction.tobytes()
    with pytest.raises(DataError, match="went otherwise"):
        store.write(replace(plain, correction=np.zeros((steps, 2), np.float32)))
