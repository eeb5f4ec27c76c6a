"""Pictures to a small video that every browser plays: H.264 in MP4, index first; and back."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from robofeed.data.errors import DataError
from robofeed.data.observation import Picture


@dataclass(frozen=True, slots=True)
class VideoHeader:
    """What a video file says of itself, without decoding it. `comment` is what its writer noted."""

    frames: int
    frames_per_s: float
    height: int
    width: int
    comment: str


def write_mp4(
    path: Path,
    pictures: Iterable[Picture],
    frames_per_s: float,
    crf: int = 24,
    comment: str = "",
    private: bool = False,
) -> None:
    """Write `pictures` as an MP4 file that plays at `frames_per_s`; whole, or not at all.

    An odd height or width loses its last row or column: 4:2:0 colour, the only kind all browsers
    decode, needs even sizes. `crf` is x264's constant rate factor, lower is better and larger.
    A `private` file can be read by its owner alone.

    Raises:
        ValueError: no pictures.
    """
    import av

    rate = Fraction(frames_per_s).limit_denominator(1000)
    # To put the index first, the muxer reads its own file again: a buffer would not do.
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        mode = 0o600 if private else 0o666
        os.close(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode))
        with av.open(
            str(unfinished), "w", format="mp4", options={"movflags": "+faststart"}
        ) as container:
            if comment:
                container.metadata["comment"] = comment
            stream = None
            for place, picture in enumerate(pictures):
                height, width = (length // 2 * 2 for length in picture.shape[:2])
                if stream is None:
                    stream = container.add_stream("libx264", rate=rate)
                    stream.height, stream.width, stream.pix_fmt = height, width, "yuv420p"
                    stream.options = {"crf": str(crf), "preset": "veryfast", "threads": "1"}
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


def read_header(path: Path) -> VideoHeader:
    """Read what a video says of itself.

    Raises:
        DataError: no video there, or a damaged one.
    """
    import av

    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            return VideoHeader(
                stream.frames,
                float(stream.average_rate or 0.0),
                stream.height,
                stream.width,
                container.metadata.get("comment", ""),
            )
    except (OSError, av.FFmpegError, IndexError) as error:
        raise DataError(f"{path} is no video that can be read: {error}") from error


def decode_mp4(path: Path) -> NDArray[np.uint8]:
    """Decode every picture of a video: uint8 [frames, height, width, 3].

    Raises:
        DataError: no video there, or a damaged one.
    """
    import av

    try:
        with av.open(str(path)) as container:
            pictures = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    except (OSError, av.FFmpegError, IndexError) as error:
        raise DataError(f"{path} is no video that can be read: {error}") from error
    if not pictures:
        raise DataError(f"{path} is a video of no pictures")
    return np.stack(pictures)


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
