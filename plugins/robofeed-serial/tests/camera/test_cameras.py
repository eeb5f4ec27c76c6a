"""Real OpenCV on a real stream and a real file: what a camera shows, and what may befall it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest

from robofeed import Cameras, CameraSettings, ConfigError, HardwareError
from robofeed.data.film_roll import RollReader, roll_path
from robofeed.data.picture import from_jpeg

from .web_camera import HEIGHT, WIDTH, WebCamera, until


def cameras(webcam: WebCamera, **settings: object) -> Cameras:
    values = {"width": WIDTH, "height": HEIGHT, "frozen_s": 1.0, "max_age_s": 1.5, **settings}
    return Cameras({"front": CameraSettings.model_validate({"source": webcam.url, **values})})


def test_the_newest_picture_lies_beside_the_state_with_its_time(webcam: WebCamera) -> None:
    front = cameras(webcam)
    front.open()
    try:
        frame = front.frames()["front"]
        assert frame.image.shape == (HEIGHT, WIDTH, 3) and not frame.image.flags.writeable
        # Red, green, blue: half of the picture is coloured, half is black.
        right, left = frame.image[:, WIDTH // 2 + 8 :], frame.image[:, : WIDTH // 2 - 8]
        assert right.mean(axis=(0, 1)) == pytest.approx(webcam.colour, abs=8)
        assert left.mean() < 8
        assert 0 < time.monotonic_ns() - frame.time_ns
        webcam.colour = (20, 220, 90)
        green = WIDTH - 9
        until(
            lambda: (
                (newer := front.frames().get("front"))
                and newer.time_ns > frame.time_ns
                and newer.image[HEIGHT // 2, green, 1] > 180
            )
        )
        roll = RollReader(roll_path(webcam.url))
        until(lambda: (last := roll.last()) and last.time_ns > frame.time_ns)
        last = roll.last()
        assert last is not None and from_jpeg(last.jpeg).shape == (HEIGHT, WIDTH, 3)
    finally:
        front.close()
    assert front.frames() == {}
    assert not list(roll_path(webcam.url).parent.glob(f"{roll_path(webcam.url).stem}*"))


def test_a_camera_that_no_longer_sees_gives_no_picture_and_says_why(
    webcam: WebCamera, caplog: pytest.LogCaptureFixture
) -> None:
    front = cameras(webcam)
    front.open()
    try:
        kept = RollReader(roll_path(webcam.url))
        for what, said in (
            ("frozen", "frozen: it has shown"),
            ("blind", "dark: take"),
            ("gone", "cannot be opened: is it there"),
        ):
            caplog.clear()
            setattr(webcam, what, True)
            until(partial(_says, front, said))
            assert front.frames() == {}
            # What it does not see is not kept: nobody is to take it for an arm that held still.
            before = kept.last()
            time.sleep(0.3)
            assert kept.last() == before
            assert "camera front" in caplog.text and "The arm goes on" in caplog.text
            setattr(webcam, what, False)
            until(lambda: "front" in front.frames())
            assert "sees again" in caplog.text and front.troubles() == {}
    finally:
        front.close()


def _says(front: Cameras, said: str) -> bool:
    front.frames()  # as an arm's loop does, which is who warns
    return said in front.troubles().get("front", "")


def test_a_needed_camera_that_shows_nothing_is_refused_at_open(webcam: WebCamera) -> None:
    webcam.blind = True
    with pytest.raises(HardwareError, match=r"camera front .*dark: take its cover off"):
        cameras(webcam).open()
    assert not roll_path(webcam.url).exists()


def test_one_that_is_not_needed_costs_a_warning(
    webcam: WebCamera, caplog: pytest.LogCaptureFixture
) -> None:
    webcam.gone = True
    front = cameras(webcam, needed=False)
    front.open()
    try:
        assert "camera front" in caplog.text and "goes on without" in caplog.text
        assert front.frames() == {}
        webcam.gone = False
        until(lambda: "front" in front.frames())
    finally:
        front.close()


def test_a_camera_is_one_runs_at_a_time(webcam: WebCamera) -> None:
    front = cameras(webcam)
    front.open()
    try:
        with pytest.raises(HardwareError, match="another run uses it"):
            cameras(webcam).open()
        assert front.frames()
    finally:
        front.close()


def test_what_a_camera_saw_goes_with_its_run_though_its_process_was_killed(
    webcam: WebCamera,
) -> None:
    front = cameras(webcam)
    front.open()
    os.kill(RollReader(roll_path(webcam.url)).pid, signal.SIGKILL)
    front.close()
    assert not roll_path(webcam.url).exists()


def test_kinds_that_nobody_installed_are_named() -> None:
    unknown = Cameras({"front": CameraSettings(source=0, use="opencvv")})
    with pytest.raises(ConfigError, match=r"opencvv.*did you mean 'opencv'"):
        unknown.open()


def test_a_file_plays_at_its_rate_and_fits_into_the_size(tmp_path: Path) -> None:
    path = tmp_path / "arm.avi"
    film = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 20, (160, 80))
    for place in range(10):
        picture = np.zeros((80, 160, 3), np.uint8)
        picture[:, 16 * place : 16 * place + 16] = 255
        film.write(picture)
    film.release()
    # Of 10 pictures, and begun again a second after its end.
    settings = CameraSettings(source=str(path), width=160, height=120, fps=20, max_age_s=10)
    camera = Cameras({"file": settings})
    camera.open()
    try:
        image = camera.frames()["file"].image
        assert image.shape == (120, 160, 3)
        assert image[:18].max() < 40 and image[102:].max() < 40  # bars: nothing is cut or stretched
        assert image[60].max() > 200
    finally:
        camera.close()


def test_its_process_ends_with_whoever_started_it_however_that_ended(webcam: WebCamera) -> None:
    program = (
        "import os, sys, time\n"
        "from robofeed import Cameras, CameraSettings\n"
        f"c = Cameras({{'a': CameraSettings(source={webcam.url!r}, width=128, height=96)}})\n"
        "c.open(); print('open', flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None and parent.stdout.readline() == b"open\n"
        pid = RollReader(roll_path(webcam.url)).pid
        parent.kill()
    until(lambda: not _alive(pid))


def _alive(pid: int) -> bool:
    try:
        with Path(f"/proc/{pid}/stat").open() as about:
            return about.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_only_the_camera_s_own_process_loads_opencv() -> None:
    program = (
        "import sys\n"
        "from robofeed_serial.driving.driver import SerialArm\n"
        "from robofeed_serial.driving.config import SerialConfig\n"
        "config = SerialConfig(arm='so101', cameras={'front': {'source': 0}})\n"
        "print(sorted(SerialArm(config, 'feetech').spec.frames), 'cv2' in sys.modules)\n"
    )
    said = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, env=dict(os.environ)
    )
    assert said.stdout.decode().strip() == "['front'] False"


def test_an_operator_looks_through_a_camera(webcam: WebCamera, tmp_path: Path) -> None:
    seen = tmp_path / "seen.jpg"
    command = [sys.executable, "-m", "robofeed", "arm", "camera", webcam.url, "--out", str(seen)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "pictures a second, 640 x 480" in said and "It sees" in said
    assert from_jpeg(seen.read_bytes()).shape == (480, 640, 3)
    misnamed = subprocess.run([*command[:-1], "seen.png"], capture_output=True, text=True)
    assert misnamed.returncode == 2 and "FILE.jpg" in misnamed.stderr
