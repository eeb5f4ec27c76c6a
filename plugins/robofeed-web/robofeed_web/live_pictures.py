"""Pictures of the arm as it is now, drawn from the scenes it sends, once for all who watch."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robofeed import RobofeedError

Draw = Callable[[NDArray[np.float32]], NDArray[np.uint8]]
"""A scene to a picture, uint8 [height, width, 3]."""
_EVERY_S = 0.1


class LivePictures:
    """JPEGs of the newest scene, at most ten a second however many watch."""

    def __init__(self, draw: Draw) -> None:
        self._draw = draw
        self._number = 0
        self._jpeg = b""
        self._drawn_s = 0.0
        self._lock = asyncio.Lock()

    async def newer(self, scene: Sequence[float] | None, seen: int) -> tuple[int, bytes]:
        """The newest picture and its number; no bytes where `seen` is that number already."""
        async with self._lock:
            if scene and time.monotonic() - self._drawn_s >= _EVERY_S:
                self._drawn_s = time.monotonic()
                self._jpeg = await asyncio.to_thread(self._make, scene)
                self._number += 1
        return self._number, self._jpeg if seen != self._number else b""

    def _make(self, scene: Sequence[float]) -> bytes:
        try:
            return as_jpeg(self._draw(np.asarray(scene, np.float32)))
        except RobofeedError:
            # The page says that there is no picture; state and Stop work without.
            return b""


def as_jpeg(picture: NDArray[np.uint8]) -> bytes:
    """A picture, uint8 [height, width, 3], as a JPEG file."""
    import av

    height, width, _ = picture.shape
    encoder: Any = av.CodecContext.create("mjpeg", "w")
    encoder.height, encoder.width = height, width
    encoder.pix_fmt, encoder.time_base = "yuvj420p", Fraction(1)
    frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuvj420p")
    frame.pts, frame.time_base = 0, Fraction(1)
    packets = [*encoder.encode(frame), *encoder.encode(None)]
    return b"".join(bytes(packet) for packet in packets)
