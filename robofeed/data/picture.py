"""Pictures to JPEG and back, and fitted into a size."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from robofeed.data.errors import DataError
from robofeed.data.observation import Picture

_QUANTISER = 3
"""ffmpeg's scale, 2 (best) to 31: at 3 a picture of 640 x 480 takes 25 to 50 kB"""


def as_jpeg(picture: Picture, quantiser: int = _QUANTISER) -> bytes:
    """A picture, uint8 [height, width, 3], as a JPEG file."""
    import av

    height, width, _ = picture.shape
    encoder: Any = av.CodecContext.create("mjpeg", "w")
    encoder.height, encoder.width = height, width
    encoder.pix_fmt, encoder.time_base = "yuvj420p", Fraction(1)
    encoder.options = {"qmin": str(quantiser), "qmax": str(quantiser), "threads": "1"}
    frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuvj420p")
    frame.pts, frame.time_base = 0, Fraction(1)
    packets = [*encoder.encode(frame), *encoder.encode(None)]
    return b"".join(bytes(packet) for packet in packets)


def from_jpeg(jpeg: bytes, height: int = 0, width: int = 0) -> Picture:
    """The picture in a JPEG file, uint8 [height, width, 3]; where asked, `fitted` into that size.

    Raises:
        DataError: it is damaged.
    """
    import av

    decoder: Any = av.CodecContext.create("mjpeg", "r")
    try:
        frames = decoder.decode(av.Packet(jpeg)) + decoder.decode(None)
    except av.FFmpegError as error:
        raise DataError(f"a damaged JPEG: {error}") from error
    if not frames:
        raise DataError("a JPEG without a picture")
    frame = frames[0]
    if not height:
        whole: Picture = frame.to_ndarray(format="rgb24")
        return whole
    return _fitted(frame, height, width)


def fitted(picture: Picture, height: int, width: int) -> Picture:
    """The whole picture, undistorted, in a size; bars fill what it leaves free."""
    import av

    whole = np.ascontiguousarray(picture)
    return _fitted(av.VideoFrame.from_ndarray(whole, format="rgb24"), height, width)


def _fitted(frame: Any, height: int, width: int) -> Picture:
    share = min(height / frame.height, width / frame.width)
    rows, columns = (max(2, round(side * share)) for side in (frame.height, frame.width))
    small = frame.reformat(columns, rows, "rgb24").to_ndarray()
    picture = np.zeros((height, width, 3), np.uint8)
    top, left = (height - rows) // 2, (width - columns) // 2
    picture[top : top + rows, left : left + columns] = small
    return picture
