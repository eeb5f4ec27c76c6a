"""Cameras beside an arm: each in a process of its own, whose newest picture is looked up."""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from typing import IO

from robofeed.data.errors import ConfigError, HardwareError
from robofeed.data.film_roll import RollReader, roll_path
from robofeed.data.observation import Frame
from robofeed.data.spec import FrameSpec
from robofeed.observe import camera_process
from robofeed.observe.camera_settings import CameraSettings

OPEN_S = 15.0
"""An interpreter and OpenCV have to be loaded, and some webcams take seconds to wake up."""
_SETTLE_S = 2.0
"""A picture that is dark at first may be one of a camera that is still choosing its exposure."""
_POLL_S = 0.02
_ENVIRONMENT = {"OPENCV_LOG_LEVEL": "ERROR", "OMP_NUM_THREADS": "1"}

_log = logging.getLogger(__name__)


class Cameras:
    """The cameras of an arm, for its backend.

        self._cameras = Cameras(settings.cameras)  # in the constructor
        BackendSpec(..., frames=self._cameras.spec)
        self._cameras.open()                       # in open; close() in close
        Observation(..., frames=self._cameras.frames())

    Nothing here waits for a camera but `open`. `open` and `close` may come again.
    """

    def __init__(self, settings: Mapping[str, CameraSettings]) -> None:
        self._settings = dict(settings)
        self._cameras: dict[str, _Camera] = {}

    @property
    def spec(self) -> Mapping[str, FrameSpec]:
        """What observations will hold."""
        return {
            name: FrameSpec(each.height, each.width, str(roll_path(str(each.source))))
            for name, each in self._settings.items()
        }

    def open(self) -> None:
        """Start them, and wait until each shows something.

        Raises:
            HardwareError: one that is needed is not there, is used by somebody else, or sees
                nothing; it is named. One that is not needed costs a warning.
            ConfigError: its kind is not installed, or its settings fit no camera.
        """
        if self._cameras or not self._settings:
            return
        try:
            for name, settings in self._settings.items():
                self._cameras[name] = _Camera(name, settings)
            for camera in self._cameras.values():
                camera.wait()
        except BaseException:
            self.close()
            raise

    def frames(self) -> Mapping[str, Frame]:
        """The newest picture of each camera, with its time; none of one that does not see.

        Costs a copy where a picture is new, and a few microseconds where none is.
        """
        now_ns = time.monotonic_ns()
        frames = {}
        for name, camera in self._cameras.items():
            frame = camera.newest(now_ns)
            if frame is not None:
                frames[name] = frame
        return frames

    def troubles(self) -> Mapping[str, str]:
        """What is wrong with each camera that gives no pictures now, in words."""
        now_ns = time.monotonic_ns()
        return {name: why for name, each in self._cameras.items() if (why := each.trouble(now_ns))}

    def close(self) -> None:
        """End their processes. Idempotent."""
        cameras, self._cameras = self._cameras, {}
        for camera in cameras.values():
            camera.close()


class _Camera:
    """One camera's process, seen from the arm's."""

    def __init__(self, name: str, settings: CameraSettings) -> None:
        self._name, self._settings = name, settings
        self._path = roll_path(str(settings.source))
        self._max_age_ns = round(settings.max_age_s * 1e9)
        self._roll: RollReader | None = None
        self._told = ""
        """why there is no picture, as far as anybody was told"""
        self._words: IO[bytes] = tempfile.TemporaryFile("a+b")
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                camera_process.__name__,
                settings.model_dump_json(),
                str(self._path),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=self._words,
            env={**os.environ, **_ENVIRONMENT},
            start_new_session=True,  # Ctrl-C in the terminal is the run's affair
        )

    def wait(self) -> None:
        """Until it shows something; or say, or raise, what is wrong."""
        end_s = time.monotonic() + OPEN_S
        troubled_s = 0.0
        while True:
            now_s = time.monotonic()
            code = self._process.poll()
            if self._roll is None and self._path.exists():
                with contextlib.suppress(HardwareError):  # a roll that another one left
                    self._take_roll()
            trouble = self._roll.trouble() if self._roll is not None else ""
            if self._roll is not None and not trouble and self._roll.newest() is not None:
                return
            troubled_s = (troubled_s or now_s) if trouble else 0.0
            if code is not None or now_s > end_s or (trouble and now_s - troubled_s > _SETTLE_S):
                break
            time.sleep(_POLL_S)
        why = trouble or self._last_words() or f"no picture came within {OPEN_S:g} s"
        text = f"camera {self._name} ({self._settings.source}): {why}"
        if code == ConfigError.exit_code:
            raise ConfigError(text)
        if self._settings.needed:
            raise HardwareError(
                f"{text} (nothing has moved; a run that can do without its pictures says needed = "
                "false in the camera's table)"
            )
        self._told = trouble or "blind"
        _log.warning("%s. The run goes on without its pictures", text)

    def newest(self, now_ns: int) -> Frame | None:
        """The newest picture, if it is new enough to be handed out."""
        frame = self._roll.newest() if self._roll is not None else None
        if frame is not None and now_ns - frame.time_ns > self._max_age_ns:
            frame = None
        if frame is None:
            self._warn(now_ns)
        elif self._told:
            self._told = ""
            _log.warning("camera %s (%s) sees again", self._name, self._settings.source)
        return frame

    def _warn(self, now_ns: int) -> None:
        """Say why there is no picture, once, and once more where the camera knows better."""
        said = self._roll.trouble() if self._roll is not None else ""
        if self._told and said in ("", self._told):
            return
        self._told = said or "blind"
        _log.warning(
            "camera %s (%s): %s. The arm goes on; its observations are without this picture",
            self._name,
            self._settings.source,
            self.trouble(now_ns),
        )

    def trouble(self, now_ns: int) -> str:
        """What is wrong with it, "" where nothing is."""
        roll = self._roll
        if roll is None or self._process.poll() is not None:
            return f"its process ended: {self._last_words() or 'it said nothing'}"
        frame = roll.newest()
        if frame is not None and now_ns - frame.time_ns <= self._max_age_ns:
            return ""
        if said := roll.trouble():
            return said
        age_s = (now_ns - frame.time_ns) / 1e9 if frame is not None else OPEN_S
        return f"no new picture for {age_s:.1f} s. Look at its plug, and at what it is pointed at"

    def close(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(2.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._remove_roll()
        self._words.close()

    def _remove_roll(self) -> None:
        """One that was killed leaves it behind."""
        with contextlib.suppress(HardwareError):  # none is there, as it should be
            if RollReader(self._path).pid == self._process.pid:
                self._path.unlink(missing_ok=True)

    def _take_roll(self) -> None:
        roll = RollReader(self._path)
        if roll.pid == self._process.pid:
            self._roll = roll

    def _last_words(self) -> str:
        self._words.seek(0)
        lines = self._words.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else ""
