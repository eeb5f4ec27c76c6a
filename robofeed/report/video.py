"""Pictures to a small video that every browser plays: H.264 in MP4, index first; and its poster."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
"""RGB, [height, width, 3]."""


def write_mp4(path: Path, pictures: Iterable[Picture], frames_per_s: float, crf: int = 24) -> None:
    """Write `pictures` as an MP4 file that plays at `frames_per_s`; whole, or not at all.

    An odd height or width loses its last row or column: 4:2:0 colour, the only kind all browsers
    decode, needs even sizes. `crf` is x264's constant rate factor, lower is better and larger.

    Raises:
        ValueError: no pictures.
    """
    import av

    rate = Fraction(frames_per_s).limit_denominator(1000)
    # To put the index first, the muxer reads its own file again: a buffer would not do.
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with av.open(
            str(unfinished), "w", format="mp4", options={"movflags": "+faststart"}
        ) as container:
            stream = None
            for place, picture in enumerate(pictures):
                height, width = (length // 2 * 2 for length in picture.shape[:2])
                if stream is None:
                    stream = container.add_stream("libx264", rate=rate)
                    stream.height, stream.width, stream.pix_fmt = height, width, "yuv420p"
                    stream.options = {"crf": str(crf), "preset": "veryfast"}
                frame = av.VideoFrame.from_ndarray(
                    np.ascontiguousarray(picture[:height, :width]), format="rgb24"
                )
                frame.pts, frame.time_base = place, 1 / rate
                container.mux(stream.encode(frame))
            if stream is None:
                raise ValueError(f"{path.name}: a video of no pictures")
            container.mux(stream.encode(None))
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def jpeg_of_frame(video: Path, place: int) -> bytes:
    """Return frame `place` of a video (its last one where it is shorter) as a JPEG file."""
    import av

    with av.open(str(video)) as container:
        pictures = list(itertools.islice(container.decode(video=0), place + 1))
    if not pictures:
        raise ValueError(f"{video.name}: a video of no pictures")
    picture = pictures[-1]
    encoder = av.CodecContext.create("mjpeg", "w")
    encoder.height, encoder.width = picture.height, picture.width
    encoder.pix_fmt, encoder.time_base = "yuvj420p", Fraction(1)
    still = picture.reformat(format="yuvj420p")
    still.pts, still.time_base = 0, Fraction(1)
    return b"".join(bytes(packet) for packet in [*encoder.encode(still), *encoder.encode(None)])
