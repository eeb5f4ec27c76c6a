"""What a camera saw lately, read while it is written, and stored beside an episode."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robofeed.data import film_roll
from robofeed.data.episode import Episode
from robofeed.data.episode_frames import NO_FRAMES, Darkroom, EpisodeFrames
from robofeed.data.errors import DataError, HardwareError
from robofeed.data.film_roll import (
    Photograph,
    RollReader,
    RollSize,
    RollWriter,
    own_folder,
    roll_path,
    size_for,
)
from robofeed.data.observation import Ended
from robofeed.data.picture import as_jpeg, fitted, from_jpeg
from robofeed.data.spec import ArraySpec, BackendSpec, FrameSpec
from robofeed.data.store import EpisodeStore

MS = 1_000_000


SMALL = {"pictures": 16, "film_bytes": 10_000}


def roll(path: Path, height: int = 2, width: int = 2) -> RollWriter:
    """One with room for next to nothing."""
    return RollWriter(path, RollSize(height, width, **SMALL))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "front.roll"


def test_the_newest_picture_is_copied_once(path: Path) -> None:
    writer, reader = roll(path, 4, 6), RollReader(path)
    assert reader.newest() is None and reader.pid == os.getpid()
    for number in range(7):
        writer.show(np.full((4, 6, 3), number, np.uint8), number * MS)
        frame = reader.newest()
        assert frame is not None and frame.time_ns == number * MS
        assert (frame.image == number).all()
        assert reader.newest() is frame


def test_a_picture_that_is_being_written_is_not_handed_out(path: Path) -> None:
    writer, reader = roll(path, 4, 6), RollReader(path)
    writer.show(np.full((4, 6, 3), 1, np.uint8), 1)
    first = reader.newest()
    # Three pictures on, the slot of the newest one is marked as unfinished, as `show` begins.
    film_roll._SLOT.pack_into(writer._view, writer._slot_at(4), 0, 4)
    assert reader.newest() is first
    writer.show(np.full((4, 6, 3), 2, np.uint8), 2)
    newest = reader.newest()
    assert newest is not None and newest.time_ns == 2


@given(sizes=st.lists(st.integers(1, 4000), min_size=1, max_size=60), at=st.integers(0, 59))
@settings(max_examples=60)
def test_what_a_roll_still_has_is_whole_and_in_order(sizes: list[int], at: int) -> None:
    path = roll_path(f"test {os.getpid()}")
    own_folder(path)
    writer, rng = roll(path), np.random.default_rng(0)
    try:
        reader = RollReader(path)
        taken = [Photograph(number * MS, rng.bytes(size)) for number, size in enumerate(sizes)]
        for photograph in taken:
            writer.keep(photograph)
        found = reader.between(0, len(taken) * MS)
        # The last ones, without gaps; and as many as there is room for.
        assert found == taken[len(taken) - len(found) :]
        assert found and reader.last() == taken[-1]
        if len(taken) <= 16 and sum(sizes) <= 10_000:
            assert len(found) == len(taken)
        start = min(at, len(taken) - 1)
        around = reader.between(start * MS, start * MS)
        assert set(around) <= set(taken[max(0, start - 1) : start + 2])
    finally:
        writer.remove()


def test_the_oldest_that_just_made_room_for_the_newest_is_no_older(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer, reader = roll(path), RollReader(path)
    for number in range(16):
        writer.keep(Photograph(number * MS, b"jpeg %d" % number))
    counts = reader._counts()
    writer.keep(Photograph(16 * MS, b"jpeg 16"))
    monkeypatch.setattr(reader, "_counts", lambda: counts)  # as read just before
    times = [each.time_ns for each in reader.between(0, 20 * MS)]
    assert times == [number * MS for number in range(1, 17)]


@pytest.mark.parametrize(("height", "width", "fps"), [(480, 640, 15.0), (1080, 1920, 60.0)])
def test_a_roll_has_room_for_its_seconds_whatever_the_pictures(
    height: int, width: int, fps: float
) -> None:
    """50 kB of 640 x 480 are at the upper end of what pictures of rooms take."""
    size = size_for(height, width, kept_s=75.0, kept_fps=fps)
    assert size.pictures == 75 * fps
    assert size.film_bytes >= size.pictures * 50_000 * (height * width) / (480 * 640)
    assert size.nbytes - size.film_bytes < 4 * height * width * 3


def test_a_roll_that_finds_no_room_says_what_to_lower(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int, offset: int, length: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
    with pytest.raises(HardwareError, match=r"\(58 MiB\): No space left.* kept_fps or kept_s"):
        RollWriter(path, size_for(480, 640, 75.0, 15.0))
    assert not list(path.parent.iterdir())


def test_trouble_is_said_and_taken_back(path: Path) -> None:
    writer, reader = roll(path), RollReader(path)
    assert reader.trouble() == ""
    writer.note("dark: take its cover off")
    assert reader.trouble() == "dark: take its cover off"
    writer.note("x" * 10_000)  # cut where there is no room, never half-read
    writer.note("")
    assert reader.trouble() == ""


def test_a_roll_that_was_made_anew_is_another_one(path: Path) -> None:
    first = roll(path)
    reader = RollReader(path)
    assert reader.current
    roll(path)
    assert not reader.current
    first.keep(Photograph(1, b"still there"))
    assert reader.last() == Photograph(1, b"still there")


def test_no_roll_and_what_is_none_are_named(path: Path) -> None:
    with pytest.raises(HardwareError, match="no camera writes to"):
        RollReader(path)
    path.write_bytes(b"something else" * 100)
    with pytest.raises(HardwareError, match="not a roll"):
        RollReader(path)


def test_pictures_of_a_room_are_nobody_else_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    path = roll_path("0")
    assert path == roll_path("0") != roll_path("1")
    own_folder(path)
    assert path.parent.stat().st_mode & 0o777 == 0o700
    path.parent.chmod(0o755)
    with pytest.raises(HardwareError, match="open to others"):
        own_folder(path)


# --- stored with an episode -----------------------------------------------------------------------


def episode(steps: int = 4) -> Episode:
    return Episode(
        id="e000000",
        observations=np.zeros((steps + 1, 2), np.float32),
        time_ns=np.arange(steps + 1) * 100 * MS + 1000 * MS,
        proposed=np.zeros((steps, 2), np.float32),
        executed=np.zeros((steps, 2), np.float32),
        gates=np.zeros(steps, np.uint16),
        mode=np.zeros(steps, np.uint8),
        policy_version=np.zeros(steps, np.int64),
        scene=np.zeros((steps + 1, 0), np.float32),
        ended=Ended.TRUNCATED,
        seed=None,
        spec_hash="0",
    )


def spec(*paths: Path) -> BackendSpec:
    numbers = ArraySpec((2,), np.full(2, -1, np.float32), np.ones(2, np.float32))
    frames = {path.stem: FrameSpec(2, 2, str(path)) for path in paths}
    return BackendSpec(numbers, numbers, 0.1, frames=frames)


def test_an_episode_has_what_its_cameras_saw_while_it_went_on(tmp_path: Path) -> None:
    front, side = roll(tmp_path / "front.roll"), tmp_path / "side.roll"
    for number in range(12):
        front.keep(Photograph((700 + 67 * number) * MS, b"jpeg %d" % number))
    front.note("gone")
    store = EpisodeStore(tmp_path, Darkroom(spec(front.path, side)))
    store.write(episode())
    frames = store.read_frames("e000000")
    assert store.ids() == ("e000000",) and store.has_frames("e000000")
    # 1000 to 1400 ms, and the one before and after.
    assert [each.jpeg for each in frames.films["front"]] == [b"jpeg %d" % n for n in range(4, 12)]
    assert frames.films["side"] == ()
    assert frames.troubles["front"] == "gone" and "no camera" in frames.troubles["side"]
    near = frames.at("front", 1110 * MS)
    assert near is not None and near.jpeg == b"jpeg 6"
    assert frames.at("front", 2500 * MS) is None and frames.at("side", 1110 * MS) is None


def test_a_picture_of_another_moment_is_none_of_the_episode(tmp_path: Path) -> None:
    front = roll(tmp_path / "front.roll")
    for time_ms in (400, 1000, 2000):  # the episode is from 1000 to 1400 ms
        front.keep(Photograph(time_ms * MS, b"jpeg %d" % time_ms))
    store = EpisodeStore(tmp_path, Darkroom(spec(front.path)))
    store.write(episode())
    assert [each.jpeg for each in store.read_frames("e000000").films["front"]] == [b"jpeg 1000"]


def test_a_film_that_came_too_late_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    front = roll(tmp_path / "front.roll")
    front.keep(Photograph(2700 * MS, b"a jpeg"))
    store = EpisodeStore(tmp_path, Darkroom(spec(front.path)))
    store.write(episode(steps=20))  # from 1000 to 3000 ms
    assert (
        store.read_frames("e000000")
        .troubles["front"]
        .startswith("nothing is left of the first 1.7 s: it did not see then, or kept_s")
    )
    assert caplog.text.count("nothing is left of the first 1.7 s") == 1


THEN = EpisodeFrames({"top": (Photograph(5, b"then"),)}, {})


@pytest.mark.parametrize("frames", [THEN, NO_FRAMES])
def test_an_episode_of_elsewhere_has_its_own_pictures_or_none(
    tmp_path: Path, frames: EpisodeFrames
) -> None:
    front = roll(tmp_path / "front.roll")
    front.keep(Photograph(1100 * MS, b"somebody who stands there now"))
    store = EpisodeStore(tmp_path, Darkroom(spec(front.path)))
    store.write(episode(), frames=frames)
    assert store.has_frames("e000000") == bool(frames.films)
    if frames.films:
        assert store.read_frames("e000000") == frames


def test_pictures_of_an_episode_are_nobody_else_s(tmp_path: Path) -> None:
    front = roll(tmp_path / "front.roll")
    path = EpisodeStore(tmp_path, Darkroom(spec(front.path))).write(episode())
    frames = path.with_name("e000000.frames.parquet")
    assert frames.stat().st_mode & 0o777 == 0o600


def test_an_arm_without_cameras_stores_none(tmp_path: Path) -> None:
    store = EpisodeStore(tmp_path, Darkroom(spec()))
    store.write(episode())
    assert not store.has_frames("e000000")
    with pytest.raises(DataError, match="no frames of e000000"):
        store.read_frames("e000000")


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    front = roll(tmp_path / "front.roll")
    front.keep(Photograph(1100 * MS, np.random.default_rng(0).bytes(3000)))
    store = EpisodeStore(tmp_path, Darkroom(spec(front.path)))
    store.write(episode())
    path = tmp_path / "episodes" / "e000000.frames.parquet"
    data = bytearray(path.read_bytes())
    data[1500] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"e000000\.frames\.parquet is torn"):
        store.read_frames("e000000")


# --- pictures -------------------------------------------------------------------------------------


def test_a_jpeg_is_its_picture_again() -> None:
    rows, columns = np.mgrid[:48, :64]
    picture = np.stack([rows * 5, columns * 4, (rows + columns) * 2], -1).astype(np.uint8)
    again = from_jpeg(as_jpeg(picture))
    assert again.shape == picture.shape
    assert np.abs(again.astype(int) - picture).mean() < 4


@given(height=st.integers(16, 200), width=st.integers(16, 200))
def test_a_picture_fits_into_any_size_whole(height: int, width: int) -> None:
    picture = np.full((60, 80, 3), 200, np.uint8)
    small = fitted(picture, height, width)
    assert small.shape == (height, width, 3)
    shown = small.max(axis=2) > 100
    rows, columns = shown.any(axis=1).sum(), shown.any(axis=0).sum()
    assert rows == height or columns == width
    assert abs(columns / rows - 80 / 60) < 0.15


@pytest.mark.parametrize("data", [b"", b"hello", as_jpeg(np.zeros((16, 16, 3), np.uint8))[:40]])
def test_a_jpeg_that_is_none_is_said_to_be(data: bytes) -> None:
    with pytest.raises(DataError, match="JPEG"):
        from_jpeg(data)
