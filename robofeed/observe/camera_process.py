"""The process of one camera: `python -m robofeed.observe.camera_process`.

It reads pictures as they come, says which is the newest, keeps the last ones as JPEGs and watches
whether they still show something. A camera that is gone is looked for once a second. It ends with
whoever started it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import sys
import threading
import time
from pathlib import Path

import numpy as np

from robofeed.data.errors import HardwareError, RobofeedError
from robofeed.data.film_roll import Photograph, RollWriter, own_folder, size_for
from robofeed.data.observation import Picture
from robofeed.data.picture import as_jpeg, fitted
from robofeed.observe.camera_settings import CameraSettings
from robofeed.observe.camera_source import CameraSource, OpenCamera, find_kind
from robofeed.observe.picture_watch import PictureWatch

NICE = 5
RETRY_S = 1.0
_WORDS_BYTES = 1 << 20


class Camera:
    """Takes pictures of a source onto a roll."""

    def __init__(self, settings: CameraSettings, roll: RollWriter) -> None:
        self._settings, self._roll = settings, roll
        self._watch = PictureWatch(settings.frozen_s)
        self._kept_every_ns = round(0.9e9 / settings.kept_fps)
        self._kept_ns = 0
        self._said = ""

    def follow(self, opening: OpenCamera) -> None:
        """Take pictures for ever, opening the source again whenever it is gone."""
        while True:
            try:
                source = opening(self._settings)
            except HardwareError as error:
                self._say(str(error))
            else:
                with contextlib.closing(source):
                    self._follow(source)
                self._say("gone: it gives no more pictures. Look at its plug")
            time.sleep(RETRY_S)

    def _follow(self, source: CameraSource) -> None:
        while (picture := source.read()) is not None:
            self.take(picture, time.monotonic_ns())

    def take(self, picture: Picture, time_ns: int) -> None:
        """A picture has come."""
        news = self._watch.is_news(picture, time_ns)
        if news:
            height, width = self._settings.height, self._settings.width
            if picture.shape != (height, width, 3):
                picture = fitted(picture, height, width)
            self._roll.show(np.ascontiguousarray(picture), time_ns)
            if time_ns - self._kept_ns >= self._kept_every_ns:
                _cut_words()
                self._roll.keep(Photograph(time_ns, as_jpeg(picture)))
                self._kept_ns = time_ns
        self._say(self._watch.trouble)

    def _say(self, trouble: str) -> None:
        if trouble != self._said:
            self._said = trouble
            self._roll.note(trouble)


def _cut_words() -> None:
    """Drivers write a line a picture where a plug is loose, for days; only the last ones count."""
    about = os.fstat(sys.stderr.fileno())
    if stat.S_ISREG(about.st_mode) and about.st_size > _WORDS_BYTES:
        os.ftruncate(sys.stderr.fileno(), 0)


def _take(path: Path) -> None:
    """Become the only process that takes pictures onto the roll at `path`, until this one ends.

    Raises:
        HardwareError: there is another.
    """
    while True:
        lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
            raise HardwareError(
                "another run uses it: end that one, or take another camera"
            ) from None
        # The one before removes its lock at its end, perhaps just now.
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(lock), path.stat()):
                return  # held, being open, until this process ends
        os.close(lock)


def main() -> None:
    """Entry of the process: settings as JSON, and where the roll lies."""
    settings, path = CameraSettings.model_validate_json(sys.argv[1]), Path(sys.argv[2])
    lock = path.with_suffix(".lock")
    os.nice(NICE)
    try:
        own_folder(path)
        _take(lock)
        try:
            opening = find_kind(settings.use)
            size = size_for(settings.height, settings.width, settings.kept_s, settings.kept_fps)
            roll = RollWriter(path, size)
            threading.Thread(target=_end_with_parent, args=(roll, lock), daemon=True).start()
            Camera(settings, roll).follow(opening)
        finally:
            # However it ends: what it saw is nobody's any more.
            path.unlink(missing_ok=True)
            lock.unlink(missing_ok=True)
    except RobofeedError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)


def _end_with_parent(roll: RollWriter, lock: Path) -> None:
    """Its input ends when it is told to end, and when whoever started it is no more."""
    while os.read(0, 1024):
        pass
    roll.remove()
    lock.unlink(missing_ok=True)
    os._exit(0)  # a driver may hang in a read for as long as it likes


if __name__ == "__main__":
    main()
