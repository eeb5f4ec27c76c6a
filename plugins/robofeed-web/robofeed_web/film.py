"""Clips of a run: made by a process beside this one, known by ids that tell nothing."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from robofeed import Clip, ClipMaker, LiveFilm, open_clips
from robofeed.data.episode import Segment


class RunFilm:
    """The clips of one run folder. Any thread may use it."""

    def __init__(self, run_dir: Path) -> None:
        self._clips = open_clips(run_dir)
        self._maker = ClipMaker(run_dir)
        self._live = LiveFilm(run_dir)
        self._drawing = threading.Lock()

    def clip_id(self, segment: Segment) -> str:
        """Opaque: 32 hexadecimal digits."""
        return self._clips.clip_id(segment)

    def ready(self, segment: Segment) -> Clip | None:
        """The file of a clip if it is made. Raises DataError where it could not be."""
        made = self._maker.ready(segment)
        return made if made is not None and made.path.is_file() else None

    def clip(self, segment: Segment, timeout_s: float) -> Clip:
        """The file of a clip, made before all others if need be. Raises DataError."""
        return self._maker.clip(segment, timeout_s)

    def draw(self, scene: NDArray[np.float32]) -> NDArray[np.uint8]:
        """A picture of one scene, uint8 [height, width, 3]. Raises DataError."""
        with self._drawing:
            return self._clips.draw(scene)

    def newest(self) -> bytes:
        """What a real arm's cameras see now, as a JPEG. Raises DataError where they do not."""
        with self._drawing:
            return self._live.newest()

    def close(self) -> None:
        """End the process. Idempotent."""
        self._maker.close()
