"""From a twin before its camera to a clip that people can be shown: real OpenCV, real MJPEG."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from robofeed import Cameras, CameraSettings, DataError, HardwareError, LiveFilm, open_clips
from robofeed.act.rollout import ExpertPolicy, Rollout
from robofeed.config import resolve
from robofeed.data.episode import Segment
from robofeed.data.episode_frames import Darkroom
from robofeed.data.observation import Ended
from robofeed.data.picture import from_jpeg
from robofeed.data.run_folder import RunFolder
from robofeed.data.store import EpisodeStore
from robofeed.labelling.run_camera import camera_of
from robofeed.observe.fleet import LocalFleet
from robofeed.plugins import load_plugins
from robofeed.run_file import dump_toml, load_config
from robofeed.training.arms import MakeBackend
from robofeed_serial.driving.config import SerialConfig
from robofeed_serial.driving.driver import SerialArm
from robofeed_serial.twin.process import Twin

from .web_camera import HEIGHT, WIDTH, WebCamera, until

STEPS = 30
PERIOD_S = 0.1


@pytest.fixture(scope="module")
def twin() -> Iterator[Twin]:
    with Twin("so101", "--camera-port", "0") as started:
        yield started


def test_an_episode_of_a_real_arm_is_shown_as_its_camera_saw_it(twin: Twin, tmp_path: Path) -> None:
    feetech = "backend.feetech"
    config = load_config(
        preset="reach",
        overrides=[
            "backend.use=feetech",
            f"{feetech}.arm=so101",
            f"{feetech}.port={twin.port}",
            f"{feetech}.calibration=nominal",
            f"{feetech}.horizon={STEPS}",
            f"{feetech}.period_s={PERIOD_S}",
            f"{feetech}.watchdog_s=0.5",  # the twin draws its arm on the same processors
            f"{feetech}.max_observation_age_s=0.5",
            f"{feetech}.cameras.front.source={twin.camera_url}",
            f"{feetech}.cameras.front.max_age_s=2.0",
            "clips.width=160",
            "clips.height=120",
        ],
    )
    resolved = resolve(config, load_plugins().provider)
    folder = RunFolder(tmp_path)
    folder.config_path.write_text(dump_toml(resolved.config), encoding="utf-8")
    folder.write_about({"status": "finished"})
    fleet = LocalFleet(MakeBackend("feetech", resolved.backend.settings.model_dump(mode="json")))
    try:
        store = EpisodeStore(tmp_path, Darkroom(fleet.spec))
        rollout = Rollout(fleet, [3], ["e000000"], lambda: ExpertPolicy(fleet), None)
        ((recorded),) = rollout.run()
        store.write(recorded.episode, recorded.truth)
        live = LiveFilm(tmp_path)
        until(partial(_sees, live))
    finally:
        fleet.close()
    with pytest.raises(DataError, match="camera front"):
        live.newest()

    clip = open_clips(tmp_path).clip(Segment("e000000", 0, STEPS))

    assert store.ids() == ("e000000",)
    film = store.read_frames("e000000").films["front"]
    assert len(film) >= 3
    assert film[0].time_ns <= recorded.episode.time_ns[0]
    assert clip.frames == STEPS and clip.fps == pytest.approx(1 / PERIOD_S)
    assert len(clip.missing) < STEPS / 2, clip.why_missing
    shown = clip.decode().astype(float)
    assert shown[0].std() > 10
    # The arm has moved from its home pose to a target, before a table that stays where it is.
    changed = np.abs(shown[0] - shown[-1]).mean(axis=2) > 30
    assert 0.002 < changed.mean() < 0.5


def test_a_twin_of_the_simulator_s_arm_is_filmed_as_it_lies_there() -> None:
    with Twin("so101", "--physics", "pybullet", "--camera-port", "0", "--task", "push") as twin:
        cameras = Cameras({"front": CameraSettings(source=twin.camera_url, width=320, height=240)})
        cameras.open()
        try:
            until(lambda: cameras.frames())
        finally:
            cameras.close()


def test_arms_that_nothing_draws_have_no_camera() -> None:
    for arm, said in (("koch", "no pictures of 'koch'"), ("uarm", "no weight and no pictures")):
        with pytest.raises(HardwareError, match=said):
            Twin(arm, "--camera-port", "0").start()


@pytest.mark.parametrize(
    ("camera", "said"),
    [
        ([], "a table [backend.feetech.cameras.front] in the run file gives it one"),
        (["backend.feetech.cameras.side.source=0"], "clips of it are what its cameras (side) saw"),
    ],
)
def test_an_arm_that_nothing_draws_says_where_pictures_come_from(
    tmp_path: Path, camera: list[str], said: str
) -> None:
    config = load_config(
        preset="reach", overrides=["backend.use=feetech", "backend.feetech.arm=so101", *camera]
    )
    RunFolder(tmp_path).config_path.write_text(dump_toml(config), encoding="utf-8")

    assert said in camera_of(tmp_path).why_not


def _sees(live: LiveFilm) -> bool:
    """Whether the live view has a picture; under load one may be late."""
    try:
        return from_jpeg(live.newest()).shape == (480, 640, 3)
    except DataError:
        return False


def test_an_arm_goes_on_when_its_camera_is_gone(webcam: WebCamera, twin: Twin) -> None:
    front = CameraSettings(source=webcam.url, width=WIDTH, height=HEIGHT, max_age_s=1.5)
    settings = SerialConfig(
        arm="so101",
        port=str(twin.port),
        calibration="nominal",
        start="stay",
        watchdog_s=0.5,
        max_observation_age_s=0.5,
        cameras={"front": front},
    )
    arm = SerialArm(settings, "feetech")
    arm.open()
    try:
        seen = arm.reset(1)
        assert seen.frames["front"].image.shape == (HEIGHT, WIDTH, 3)
        webcam.gone = True
        until(lambda: not arm.observe().frames)
        blind = arm.observe()
        assert blind.ended is Ended.RUNNING and blind.time_ns > seen.time_ns
        assert blind.state.shape == seen.state.shape
    finally:
        arm.close()
