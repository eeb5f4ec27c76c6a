"""What a real arm's cameras see now, for whoever watches the run from another process."""

from __future__ import annotations

import time
from pathlib import Path

from robofeed.data.errors import DataError, HardwareError, RobofeedError
from robofeed.data.film_roll import RollReader
from robofeed.data.observation import Picture
from robofeed.data.picture import as_jpeg, from_jpeg
from robofeed.data.run_folder import RunFolder
from robofeed.feedback.shots import AND, cameras_shown, together
from robofeed.labelling.run_camera import make_backend
from robofeed.run_file import load_config

FRESH_S = 1.0
"""Whoever drives by an older picture drives blindly."""


class LiveFilm:
    """The newest pictures of a run's cameras, as `[clips]` chooses them. Not for several threads.

    A run without cameras, or whose backend is not at hand, costs the pictures only.
    """

    def __init__(self, run_dir: Path) -> None:
        self._rolls: dict[str, RollReader] = {}
        self._paths: dict[str, Path] = {}
        self._why_not = "this arm has no camera"
        try:
            config = load_config(file=RunFolder(run_dir).config_path)
            frames = make_backend(config).spec.frames
        except RobofeedError as error:
            self._why_not = str(error)
            return
        self._look = config.clips
        paths = {name: Path(each.roll) for name, each in frames.items() if each.roll}
        shown = cameras_shown(config.clips.camera, list(paths))
        self._paths = {name: paths[name] for name in shown}

    def newest(self) -> bytes:
        """What they see, as a JPEG: one camera's own, or those of several in one picture.

        Raises:
            DataError: they do not see just now; the message says which, and why.
        """
        if not self._paths:
            raise DataError(self._why_not)
        jpegs = {name: self._jpeg(name, path) for name, path in self._paths.items()}
        if len(jpegs) == 1:
            return next(iter(jpegs.values()))

        def view(height: int, width: int, name: str) -> Picture:
            return from_jpeg(jpegs[name], height, width)

        return as_jpeg(together(view, self._look.height, self._look.width, AND.join(jpegs)))

    def _jpeg(self, name: str, path: Path) -> bytes:
        roll = self._rolls.get(name)
        if roll is None or not roll.current:
            try:
                roll = self._rolls[name] = RollReader(path)
            except HardwareError:
                self._rolls.pop(name, None)
                raise DataError(f"camera {name} is not open: its run is not going on") from None
        last = roll.last()
        age_s = (time.monotonic_ns() - last.time_ns) / 1e9 if last is not None else FRESH_S
        # One that is to come was taken before the machine was started anew.
        if last is None or not 0 <= age_s < FRESH_S:
            since = f" for {age_s:.0f} s" if age_s > 0 else ""
            why = roll.trouble() or f"no new picture{since}"
            raise DataError(f"camera {name}: {why}")
        return last.jpeg
