"""Clips of an arm that nobody can draw: each step is the picture its cameras took nearest to it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from robofeed.data.episode import Episode, Segment
from robofeed.data.episode_frames import Darkroom, EpisodeFrames
from robofeed.data.errors import DataError
from robofeed.data.film_roll import Photograph
from robofeed.data.observation import Ended
from robofeed.data.picture import as_jpeg
from robofeed.data.spec import ArraySpec, BackendSpec
from robofeed.data.store import EpisodeStore
from robofeed.feedback.clips import Camera, ClipLook, ClipStore, missing_picture
from robofeed.feedback.shots import cameras_shown

MS = 1_000_000
STEPS = 20
LOOK = ClipLook(width=96, height=64)
NOBODY = Camera(None, 0.1, "the backend cannot render stored scenes")
NUMBERS = ArraySpec((2,), np.full(2, -1, np.float32), np.ones(2, np.float32))
SPEC = BackendSpec(NUMBERS, NUMBERS, 0.1)


def photograph(time_ms: int, level: int) -> Photograph:
    return Photograph(time_ms * MS, as_jpeg(np.full((48, 72, 3), level, np.uint8)))


class Films(Darkroom):
    """Hands out what a test says that cameras saw."""

    def __init__(self, **films: list[Photograph]) -> None:
        super().__init__(SPEC)
        self.films = films

    def develop(self, start_ns: int, stop_ns: int) -> EpisodeFrames:
        films = {name: tuple(film) for name, film in self.films.items()}
        return EpisodeFrames(films, {"front": "gone: look at its plug"})


def record(run_dir: Path, darkroom: Darkroom | None) -> None:
    """An episode of 20 steps of 0.1 s, without scenes."""
    EpisodeStore(run_dir, darkroom).write(
        Episode(
            id="e000000",
            observations=np.zeros((STEPS + 1, 2), np.float32),
            time_ns=np.arange(STEPS + 1) * 100 * MS,
            proposed=np.zeros((STEPS, 2), np.float32),
            executed=np.zeros((STEPS, 2), np.float32),
            gates=np.zeros(STEPS, np.uint16),
            mode=np.zeros(STEPS, np.uint8),
            policy_version=np.zeros(STEPS, np.int64),
            scene=np.zeros((STEPS + 1, 0), np.float32),
            ended=Ended.TRUNCATED,
            seed=None,
            spec_hash="0",
        )
    )


def test_each_step_is_the_picture_nearest_to_what_it_led_to(tmp_path: Path) -> None:
    # A picture each 70 ms, as bright as its time: 10 levels are 100 ms.
    record(tmp_path, Films(front=[photograph(time, time // 10) for time in range(0, 2100, 70)]))
    clip = ClipStore(tmp_path, NOBODY, LOOK).clip(Segment("e000000", 4, 12))
    levels = clip.decode().mean(axis=(1, 2, 3))
    assert clip.missing == () and clip.fps == 10
    assert clip.path.stat().st_mode & 0o777 == 0o600, "it shows a room"
    # Step 4 led to the moment at 500 ms.
    assert levels == pytest.approx([10 * place for place in range(5, 13)], abs=6)


def test_moments_that_no_camera_saw_are_striped_with_the_reason(tmp_path: Path) -> None:
    record(tmp_path, Films(front=[photograph(time, 200) for time in (0, 100, 200, 300)]))
    store = ClipStore(tmp_path, NOBODY, LOOK)
    clip = store.clip(Segment("e000000", 0, STEPS))
    # Up to half a second from the last picture, at 800 ms, it still stands for the moment.
    assert clip.missing == tuple(range(8, STEPS))
    assert clip.why_missing == (
        "camera front has no picture within 0.5 s of this: gone: look at its plug"
    )
    pictures = store.pictures(Segment("e000000", 0, STEPS)).frames
    assert (pictures[8] == missing_picture(64, 96)).all()


def test_two_cameras_share_the_picture(tmp_path: Path) -> None:
    films = Films(front=[photograph(0, 40)], side=[photograph(0, 220)])
    record(tmp_path, films)
    look = ClipLook(width=96, height=48, camera="side+front")
    (picture,) = ClipStore(tmp_path, NOBODY, look).pictures(Segment("e000000", 0, 1)).frames
    side, front = picture[20:28, :48], picture[20:28, 48:]
    assert side.mean() == pytest.approx(220, abs=4) and front.mean() == pytest.approx(40, abs=4)


@pytest.mark.parametrize(
    ("asked", "there", "shown"),
    [
        ("", ["front", "side"], ["front"]),
        ("side", ["front", "side"], ["side"]),
        ("side+front", ["front"], ["front"]),
        ("side+corner", ["wrist", "desk"], ["wrist", "desk"]),
        ("side", [], []),
    ],
)
def test_a_preset_s_views_are_no_camera_s_names(
    asked: str, there: list[str], shown: list[str]
) -> None:
    assert cameras_shown(asked, there) == shown


def test_the_same_pictures_are_the_same_file(tmp_path: Path) -> None:
    record(tmp_path, Films(front=[photograph(0, 40)]))
    store = ClipStore(tmp_path, NOBODY, LOOK)
    assert store.clip(Segment("e000000", 0, 3)).path == store.clip(Segment("e000000", 1, 4)).path
    assert store.clip(Segment("e000000", 0, 8)).path != store.clip(Segment("e000000", 0, 3)).path


def test_without_scenes_and_cameras_there_is_no_clip(tmp_path: Path) -> None:
    record(tmp_path, None)
    with pytest.raises(DataError, match="render stored scenes; and nothing that a camera saw"):
        ClipStore(tmp_path, NOBODY, LOOK).clip(Segment("e000000", 0, 3))


def test_a_damaged_film_is_named(tmp_path: Path) -> None:
    record(tmp_path, Films(front=[photograph(0, 40)]))
    path = tmp_path / "episodes" / "e000000.frames.parquet"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match=r"e000000\.frames\.parquet is torn"):
        ClipStore(tmp_path, NOBODY, LOOK).clip(Segment("e000000", 0, 3))
