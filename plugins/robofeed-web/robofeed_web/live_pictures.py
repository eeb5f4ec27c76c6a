"""Pictures of the arm as it is now, once for all who watch.

Drawn from the scenes that a simulator sends, or as a real arm's cameras see it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from robofeed import RobofeedError
from robofeed.data.picture import as_jpeg

Draw = Callable[[NDArray[np.float32]], NDArray[np.uint8]]
"""A scene to a picture, uint8 [height, width, 3]."""
Newest = Callable[[], bytes]
"""What cameras see, as a JPEG. Raises RobofeedError where they do not."""
_EVERY_S = 0.1


class LivePictures:
    """JPEGs of the newest scene or frame, at most ten a second however many watch."""

    def __init__(self, draw: Draw, newest: Newest) -> None:
        self._draw, self._newest = draw, newest
        self._number = 0
        self._jpeg = b""
        self._drawn_s = 0.0
        self._lock = asyncio.Lock()
        self.why_not = ""
        """why there is no picture now, in words; "" while there is"""

    async def newer(self, scene: Sequence[float] | None, seen: int) -> tuple[int, bytes]:
        """The newest picture and its number; no bytes where `seen` is that number already."""
        async with self._lock:
            if time.monotonic() - self._drawn_s >= _EVERY_S:
                self._drawn_s = time.monotonic()
                jpeg = await asyncio.to_thread(self._make, scene)
                if jpeg != self._jpeg:
                    self._jpeg = jpeg
                    self._number += 1
        return self._number, self._jpeg if seen != self._number else b""

    def _make(self, scene: Sequence[float] | None) -> bytes:
        try:
            picture = (
                as_jpeg(self._draw(np.asarray(scene, np.float32))) if scene else self._newest()
            )
        except RobofeedError as error:
            # State and Stop work without; the page shows nothing rather than what was.
            self.why_not = str(error)
            return b""
        self.why_not = ""
        return picture
