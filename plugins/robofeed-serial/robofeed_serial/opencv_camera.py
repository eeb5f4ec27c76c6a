"""Cameras that OpenCV opens: webcams, video files, streams. Loaded in a camera's process alone."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from robofeed import CameraSettings, HardwareError
from robofeed.data.observation import Picture

PATIENCE_MS = 2000
"""OpenCV itself would wait for ten seconds for a picture, and for thirty for a connection."""


class OpenCvCamera:
    """One `cv2.VideoCapture`."""

    def __init__(self, capture: Any, cv2: Any, pace_s: float) -> None:
        self._capture, self._cv2, self._pace_s = capture, cv2, pace_s
        self._due_s = time.monotonic()

    def read(self) -> Picture | None:
        try:
            there, picture = self._capture.read()
        except self._cv2.error:  # what some drivers make of a plug that is pulled
            return None
        if not there:
            return None
        if self._pace_s:  # a file gives its pictures as fast as it is asked
            self._due_s = max(self._due_s + self._pace_s, time.monotonic() - self._pace_s)
            time.sleep(max(0.0, self._due_s - time.monotonic()))
        seen: Picture = self._cv2.cvtColor(picture, self._cv2.COLOR_BGR2RGB)
        return seen

    def close(self) -> None:
        self._capture.release()


def open_camera(settings: CameraSettings) -> OpenCvCamera:
    """Open the source, be it a number, a device, a file or a URL.

    Raises:
        HardwareError: it is not there or gives no picture; the message says what to do.
    """
    os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", str(PATIENCE_MS // 1000))
    import cv2

    cv2.setNumThreads(1)
    source = settings.source
    if isinstance(source, str) and source.isdecimal():
        source = int(source)
    is_file = isinstance(source, str) and Path(source).is_file()
    if isinstance(source, str) and source.startswith("/dev/"):
        # By its number: OpenCV takes no links, and those under /dev/v4l/by-id are what lasts.
        source = _device(source)
    if isinstance(source, int) or is_file:
        capture = cv2.VideoCapture(source)
    else:
        limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, PATIENCE_MS]
        limits += [cv2.CAP_PROP_READ_TIMEOUT_MSEC, PATIENCE_MS]
        capture = cv2.VideoCapture(source, cv2.CAP_FFMPEG, limits)
    if not capture.isOpened():
        capture.release()
        raise HardwareError(_not_there(source))
    if isinstance(source, int):
        # Compressed, since a hub has no room for two cameras' raw pictures; one picture waiting at
        # most, since old ones are of no use.
        capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, settings.width)
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, settings.height)
        capture.set(cv2.CAP_PROP_FPS, settings.fps)
        capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
    return OpenCvCamera(capture, cv2, 1 / settings.fps if is_file else 0.0)


def _device(path: str) -> int | str:
    name = os.path.basename(os.path.realpath(path))
    digits = name.removeprefix("video")
    return int(digits) if digits.isdecimal() else path


def _not_there(source: int | str) -> str:
    if isinstance(source, int):
        path = Path(f"/dev/video{source}")
        if path.exists() and not os.access(path, os.R_OK | os.W_OK):
            return f"no permission for {path}: sudo usermod -aG video $USER, then log in anew"
        return (
            f"camera number {source} cannot be opened: it is not plugged in, another program has "
            "it, or it is not the one. ls -l /dev/v4l/by-id tells which are there"
        )
    return f"{source} cannot be opened: is it there, and is the address right?"
