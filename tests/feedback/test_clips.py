"""Clips: a picture a step, the same content the same file, and a missing picture in plain sight."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from robofeed.data.episode import Episode, Segment
from robofeed.data.errors import ConfigError, DataError, HardwareError
from robofeed.data.observation import Ended
from robofeed.data.store import EpisodeStore
from robofeed.feedback.clip_encoding import decode_mp4
from robofeed.feedback.clips import Camera, ClipLook, ClipStore, missing_picture

LOOK = ClipLook(width=96, height=64)


def paint(scene: np.ndarray, height: int, width: int, camera: str = "") -> np.ndarray:
    """A stand-in for a renderer: brightness tells the scene, and `camera` may darken it."""
    return np.full((height, width, 3), int(scene[0]) // (2 if camera == "night" else 1), np.uint8)


class Counting:
    """Paints, and counts."""

    def __init__(self) -> None:
        self.pictures = 0

    def __call__(self, scene: np.ndarray, *size: int) -> np.ndarray:
        self.pictures += 1
        return paint(scene, *size)


def store_episode(run_dir: Path, episode_id: str, scene: np.ndarray) -> None:
    steps = len(scene) - 1
    EpisodeStore(run_dir).write(
        Episode(
            id=episode_id,
            observations=np.zeros((steps + 1, 2), np.float32),
            time_ns=np.arange(steps + 1) * 40_000_000,
            proposed=np.zeros((steps, 2), np.float32),
            executed=np.zeros((steps, 2), np.float32),
            gates=np.zeros(steps, np.uint16),
            mode=np.zeros(steps, np.uint8),
            policy_version=np.zeros(steps, np.int64),
            scene=scene,
            ended=Ended.TRUNCATED,
            seed=1,
            spec_hash="0",
        )
    )


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run of one episode of 20 steps whose scenes are 0, 10, 20 ... 200."""
    store_episode(tmp_path, "e000000", np.arange(21, dtype=np.float32)[:, None] * 10)
    return tmp_path


@pytest.mark.parametrize(("width", "height"), [(96, 64), (64, 96)])
def test_cameras_share_a_picture_along_its_longer_side(
    tmp_path: Path, width: int, height: int
) -> None:
    scene = np.full((3, 1), 200, np.float32)
    store_episode(tmp_path, "e000000", scene)
    look = ClipLook(width, height, camera="day+night")
    picture = ClipStore(tmp_path, Camera(paint), look).draw(scene[0])
    assert picture.shape == (height, width, 3)
    day, night = np.array_split(picture, 2, axis=0 if height > width else 1)
    assert (day == 200).all() and (night == 100).all()


def test_each_step_is_the_picture_of_what_it_led_to(run: Path) -> None:
    clip = ClipStore(run, Camera(paint), LOOK).clip(Segment("e000000", 3, 9))

    decoded = decode_mp4(clip.path)
    assert clip.frames == len(decoded) == 6 and clip.missing == ()
    assert decoded.shape[1:] == (64, 96, 3)
    np.testing.assert_allclose(decoded.mean(axis=(1, 2, 3)), [40, 50, 60, 70, 80, 90], atol=3)


def test_browsers_can_play_it(run: Path) -> None:
    clip = ClipStore(run, Camera(paint, period_s=0.05), LOOK).clip(Segment("e000000", 0, 5))

    data = clip.path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat"), "the index must come first"
    with av.open(str(clip.path)) as container:
        (stream,) = container.streams.video
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert stream.average_rate == 20 and clip.fps == pytest.approx(20)


def test_a_speed_of_its_own_leaves_no_picture_out(run: Path) -> None:
    fast = ClipStore(run, Camera(paint), replace(LOOK, fps=50.0)).clip(Segment("e000000", 0, 20))

    assert (fast.frames, fast.fps) == (20, 50.0)


def test_a_clip_that_is_there_is_not_drawn_again(run: Path) -> None:
    render = Counting()
    first = ClipStore(run, Camera(render), LOOK).clip(Segment("e000000", 0, 5))
    again = ClipStore(run, Camera(render), LOOK).clip(Segment("e000000", 0, 5))

    assert first == again and render.pictures == 5


def test_content_decides_the_file(run: Path) -> None:
    store_episode(run, "e000001", np.arange(21, dtype=np.float32)[:, None] * 10)
    clips = ClipStore(run, Camera(paint), LOOK)

    same = {clips.clip(Segment(episode, 0, 5)).path for episode in ("e000000", "e000001")}
    others = {
        ClipStore(run, Camera(paint, identity=backend), replace(LOOK, camera=camera))
        .clip(Segment("e000000", start, 5 + start))
        .path
        for backend, camera, start in (("a", "", 0), ("b", "", 0), ("a", "night", 0), ("a", "", 1))
    }
    assert len(same) == 1 and len(others) == 4 and not same & others


def test_a_clip_is_known_by_an_id_that_tells_nothing(run: Path) -> None:
    clips = ClipStore(run, Camera(paint), LOOK)
    segment = Segment("e000000", 2, 7)

    name = clips.clip_id(segment)
    assert name == clips.clip(segment).id == ClipStore(run, Camera(paint), LOOK).clip_id(segment)
    assert len(name) == 32 and set(name) <= set("0123456789abcdef")
    assert name != clips.clip_id(Segment("e000000", 2, 8))


def test_a_missing_picture_is_listed_and_seen(run: Path) -> None:
    scene = np.arange(21, dtype=np.float32)[:, None] * 10
    scene[[4, 6]] = np.nan
    store_episode(run, "e000002", scene)

    for _ in range(2):  # made, then taken from the folder
        clip = ClipStore(run, Camera(paint), LOOK).clip(Segment("e000002", 2, 8))
        assert (clip.frames, clip.missing) == (6, (1, 3))
        assert "not finite" in clip.why_missing
    decoded = decode_mp4(clip.path).astype(int)
    stripes = missing_picture(64, 96).astype(int)
    wrong = np.abs(decoded - stripes).mean(axis=(1, 2, 3))
    assert (wrong[[1, 3]] < 20).all() and (wrong[[0, 2, 4, 5]] > 40).all()


def test_a_renderer_that_fails_and_an_episode_without_scenes_miss_every_picture(run: Path) -> None:
    def broken(scene: np.ndarray, height: int, width: int) -> np.ndarray:
        raise HardwareError("no simulator")

    store_episode(run, "e000003", np.zeros((21, 0), np.float32))
    failed = ClipStore(run, Camera(broken), LOOK).clip(Segment("e000000", 0, 4))
    blind = ClipStore(run, Camera(paint), LOOK).clip(Segment("e000003", 0, 4))

    assert failed.missing == blind.missing == (0, 1, 2, 3)
    assert failed.why_missing == "no simulator" and "without scenes" in blind.why_missing


def test_a_damaged_file_is_made_anew(run: Path) -> None:
    clips = ClipStore(run, Camera(paint), LOOK)
    clip = clips.clip(Segment("e000000", 0, 5))
    whole = clip.path.read_bytes()
    clip.path.write_bytes(whole[: len(whole) // 3])

    assert clips.clip(Segment("e000000", 0, 5)) == clip
    assert len(decode_mp4(clip.path)) == 5


@pytest.mark.parametrize(
    ("segment", "said"),
    [
        (Segment("e000009", 0, 5), "no episode of e000009"),
        (Segment("e000000", 15, 21), "which has 20 steps"),
        (Segment("../e000000", 0, 5), "no episode id"),
    ],
)
def test_what_is_not_there_is_said(run: Path, segment: Segment, said: str) -> None:
    with pytest.raises(DataError, match=said):
        ClipStore(run, Camera(paint), LOOK).clip(segment)
    assert not (run / "clips").exists()


def test_no_renderer_and_an_unknown_camera_are_said(run: Path) -> None:
    def choosy(scene: np.ndarray, height: int, width: int, camera: str = "") -> np.ndarray:
        raise ConfigError(f"clips.camera = {camera!r}; known: front")

    segment = Segment("e000000", 0, 5)
    with pytest.raises(DataError, match="the plugin is not installed"):
        ClipStore(run, Camera(None, why_not="the plugin is not installed")).clip(segment)
    with pytest.raises(ConfigError, match="known: front"):
        ClipStore(run, Camera(choosy), replace(LOOK, camera="rear")).clip(segment)


def test_a_disk_that_refuses_is_said_and_leaves_nothing(run: Path) -> None:
    (run / "clips").write_text("in the way")

    with pytest.raises(DataError, match="cannot write the clip"):
        ClipStore(run, Camera(paint), LOOK).clip(Segment("e000000", 0, 5))
