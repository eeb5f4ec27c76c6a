"""The pictures of a segment, one a step: drawn from stored scenes, or taken by cameras."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from robofeed.data.episode_frames import EpisodeFrames
from robofeed.data.errors import DataError
from robofeed.data.film_roll import NEAR_S
from robofeed.data.observation import Picture
from robofeed.data.picture import from_jpeg
from robofeed.data.spec import FloatArray

View = Callable[[int, int, str], Picture]
"""What one camera sees: given height, width and its name ("" = the usual one)."""
AND = "+"
"""Between the names of cameras that share a picture."""


class Shots(Protocol):
    """Where the pictures of a segment come from."""

    show_a_room: bool
    """and whoever is in it: a file of them is for its owner alone"""

    def content(self) -> str:
        """Told apart by: a digest of all that decides how they look, the size apart."""

    def picture(self, place: int) -> Picture:
        """That of step `place`. Raises DataError, HardwareError where it cannot be had."""


class DrawnShots:
    """Pictures of stored scenes, float32 [steps, scene]."""

    show_a_room = False

    def __init__(self, scenes: FloatArray, draw: Callable[[FloatArray], Picture]) -> None:
        self._scenes, self._draw = scenes, draw

    def content(self) -> str:
        content = hashlib.sha256(np.ascontiguousarray(self._scenes).tobytes()).hexdigest()
        return f"{content} {self._scenes.shape}"

    def picture(self, place: int) -> Picture:
        return self._draw(self._scenes[place])


class FilmedShots:
    """Pictures that an arm's cameras took: of each step the one nearest in time.

    Args:
        frames: What was recorded.
        times_ns: Of what each step led to.
        height: Of the pictures to make.
        width: Of them.
        camera: Which of them (`cameras_shown`).
    """

    show_a_room = True

    def __init__(
        self,
        frames: EpisodeFrames,
        times_ns: NDArray[np.int64],
        height: int,
        width: int,
        camera: str,
    ) -> None:
        self._frames, self._times_ns = frames, times_ns
        self._size = height, width
        self._camera = AND.join(cameras_shown(camera, list(frames.films)))
        self._decoded: dict[str, tuple[int, Picture]] = {}

    def content(self) -> str:
        digest = hashlib.sha256()
        for name in self._camera.split(AND):
            for time_ns in self._times_ns.tolist():
                photograph = self._frames.at(name, time_ns) if name else None
                jpeg = photograph.jpeg if photograph is not None else b""
                digest.update(hashlib.sha256(jpeg).digest())
        return f"filmed {digest.hexdigest()}"

    def picture(self, place: int) -> Picture:
        time_ns = int(self._times_ns[place])

        def view(height: int, width: int, name: str) -> Picture:
            photograph = self._frames.at(name, time_ns)
            if photograph is None:
                why = self._frames.troubles.get(name, "its pictures were lost, or came too late")
                raise DataError(f"camera {name} has no picture within {NEAR_S:g} s of this: {why}")
            before = self._decoded.get(name)
            if before is None or before[0] != photograph.time_ns:
                decoded = from_jpeg(photograph.jpeg, height, width)
                self._decoded[name] = before = photograph.time_ns, decoded
            return before[1]

        return together(view, *self._size, self._camera)


def cameras_shown(camera: str, there: Sequence[str]) -> list[str]:
    """Which cameras of an arm are shown: those named, joined by "+"; "" = the first.

    None of those named is there = all that are: presets name the views of a simulator, and a real
    arm has the cameras that it has.
    """
    named = [name for name in camera.split(AND) if name in there]
    return named or list(there[: None if camera else 1])


def together(view: View, height: int, width: int, camera: str) -> Picture:
    """What one camera sees, or what several do: side by side, in a high picture above another."""
    names: Sequence[str] = camera.split(AND)
    across = width >= height
    side = width if across else height
    edges = [side * number // len(names) for number in range(len(names) + 1)]
    views = []
    for name, start, stop in zip(names, edges[:-1], edges[1:], strict=True):
        size = (height, stop - start) if across else (stop - start, width)
        views.append(view(*size, name))
    return np.concatenate(views, axis=1 if across else 0) if len(views) > 1 else views[0]
