"""Pictures of stored scenes: drawn in another process, alike, and showing what is there."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from robofeed.data.errors import ConfigError, DataError
from robofeed.safety import Guarded
from robofeed_pybullet import table
from robofeed_pybullet.arms import ARMS
from robofeed_pybullet.backend import PybulletBackend
from robofeed_pybullet.config import PybulletConfig
from robofeed_pybullet.picture import VIEWS

ELSEWHERE = """
import hashlib, sys
import numpy as np
from robofeed_pybullet.backend import PybulletBackend
from robofeed_pybullet.config import PybulletConfig
backend = PybulletBackend(PybulletConfig(task="obstacles"))
picture = backend.render(np.load(sys.argv[1]), 120, 160)
print(hashlib.sha256(picture.tobytes()).hexdigest())
"""


def scene_of(seed: int, **settings: object) -> tuple[PybulletBackend, np.ndarray]:
    backend = PybulletBackend(PybulletConfig.model_validate(settings))
    guarded = Guarded(backend)
    guarded.open()
    guarded.reset(seed)
    for _ in range(4):
        guarded.apply(backend.expert_action())
    return backend, backend.scene()


def greenish(picture: np.ndarray) -> np.ndarray:
    red, green, blue = picture.astype(int).transpose(2, 0, 1)
    return (green > red + 60) & (green > blue + 40)


def test_another_process_draws_the_same_picture(tmp_path: Path) -> None:
    backend, scene = scene_of(1, task="obstacles")
    np.save(tmp_path / "scene.npy", scene)
    picture = backend.render(scene, 120, 160)
    assert picture.shape == (120, 160, 3) and picture.dtype == np.uint8
    elsewhere = subprocess.run(
        [sys.executable, "-c", ELSEWHERE, str(tmp_path / "scene.npy")],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    assert elsewhere == hashlib.sha256(picture.tobytes()).hexdigest()
    backend.close()


@pytest.mark.parametrize("arm", ARMS)
def test_the_goal_is_seen_where_it_is(arm: str) -> None:
    backend, scene = scene_of(2, arm=arm, task="push")
    goal = len(ARMS[arm].joints) + 1
    scale = ARMS[arm].scale
    centres = []
    for y in (-0.12, 0.12):
        scene[goal : goal + 3] = np.array([0.26, y, 0.02]) * scale
        pixels = np.argwhere(greenish(backend.render(scene, 240, 320)))
        assert len(pixels) > 20
        centres.append(pixels.mean(axis=0))
    assert np.linalg.norm(centres[0] - centres[1]) > 30
    backend.close()


def test_a_narrow_picture_cuts_nothing_off_at_its_sides() -> None:
    backend, scene = scene_of(2)
    scene[6:9] = 0.15, 0.28, 0.1
    wide, narrow = (greenish(backend.render(scene, 120, width, "front")) for width in (160, 90))
    assert wide.sum() > 20 and narrow.sum() > 5
    place, same = (np.argwhere(ball)[:, 1].mean() / ball.shape[1] for ball in (wide, narrow))
    assert same == pytest.approx(place, abs=0.02)
    backend.close()


def test_the_arm_moves_in_the_picture() -> None:
    backend, scene = scene_of(3)
    before = backend.render(scene, 120, 160).astype(int)
    scene[0] += 0.5
    after = backend.render(scene, 120, 160).astype(int)
    assert (np.abs(after - before).max(axis=2) > 30).sum() > 100
    backend.close()


def test_bodies_of_another_scene_do_not_stay() -> None:
    backend, crowded = scene_of(1, task="obstacles")
    empty = crowded.copy()
    empty[9:] = 0.0
    first = backend.render(empty, 120, 160)
    assert not np.array_equal(backend.render(crowded, 120, 160), first)
    assert np.array_equal(backend.render(empty, 120, 160), first)
    backend.close()


def test_drawing_leaves_the_simulation_alone() -> None:
    runs = []
    for draws in (False, True):
        backend = PybulletBackend(PybulletConfig())
        backend.open()
        backend.reset(0)
        for _ in range(5):
            if draws:
                backend.render(backend.scene(), 60, 80)
            backend.send(backend.plan(np.full(3, 0.01, np.float32)))
        runs.append(backend.observe().state)
        backend.close()
    assert np.array_equal(*runs)


def test_observations_carry_frames_where_a_camera_is_asked_for() -> None:
    backend = PybulletBackend(PybulletConfig(camera_height=60, camera_width=80))
    backend.open()
    assert backend.spec.frames["front"].width == 80
    observation = backend.reset(0)
    frame = observation.frames["front"]
    assert frame.image.shape == (60, 80, 3)
    assert frame.time_ns == observation.time_ns
    backend.send(backend.plan(np.full(3, 0.02, np.float32)))
    assert not np.array_equal(backend.observe().frames["front"].image, frame.image)
    backend.close()


def test_numbers_that_are_no_scene_of_this_arm_are_refused() -> None:
    backend = PybulletBackend(PybulletConfig())
    with pytest.raises(DataError, match="5 joints"):
        backend.render(np.zeros(17, np.float32), 60, 80)
    backend.close()


def test_cameras_see_the_same_scene_each_in_its_way() -> None:
    backend, scene = scene_of(1, task="obstacles")
    seen = {camera: backend.render(scene, 60, 80, camera) for camera in ("", *VIEWS)}
    assert np.array_equal(seen.pop(""), seen["corner"])
    assert len({picture.tobytes() for picture in seen.values()}) == len(VIEWS)
    with pytest.raises(ConfigError, match="did you mean 'front'"):
        backend.render(scene, 60, 80, "frnt")
    backend.close()


@pytest.mark.parametrize("arm", ARMS)
def test_shadows_are_where_the_whole_table_would_show_them(
    arm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend, scene = scene_of(4, arm=arm, task="pick_place")
    spared = backend.render(scene, 120, 160).astype(int)
    monkeypatch.setattr(table, "_SLOPE", 1e6)  # every shadow may fall anywhere
    whole = backend.render(scene, 120, 160).astype(int)
    assert (np.abs(spared - whole).max(axis=2) > 6).sum() < 10
    backend.close()
