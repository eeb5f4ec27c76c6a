"""The clips of a question, decoded, and the moment that all of them show at one time."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from robofeed import Clip, ClipMaker, DataError
from robofeed.data.feedback import Query

PAUSE_S = 0.6
"""How long the last pictures stand before all clips begin again."""


@dataclass(frozen=True, slots=True)
class Film:
    """Clips in the order they stand on the screen; `trouble` says what is wrong with each."""

    pictures: tuple[NDArray[np.uint8], ...]
    """uint8 [frames, height, width, 3] each"""
    trouble: tuple[str, ...]
    fps: float

    @property
    def length_s(self) -> float:
        """From the first picture to the end of the pause."""
        return max(len(each) for each in self.pictures) / self.fps + PAUSE_S

    def place(self, at_s: float) -> int:
        """Number of the picture that is on at this time, the same for all clips."""
        return int(at_s % self.length_s * self.fps)

    def picture(self, clip: int, place: int) -> NDArray[np.uint8]:
        """Picture `place` of a clip, the last where it is shorter."""
        frames = self.pictures[clip]
        shown: NDArray[np.uint8] = frames[min(place, len(frames) - 1)]
        return shown


def load_film(maker: ClipMaker, query: Query, timeout_s: float = 60.0) -> Film:
    """Have the clips of a question made, in the order of the screen, and decode them.

    A clip that cannot be made stands as black pictures, and its trouble is said.

    Raises:
        DataError: none of them can be made.
    """
    made: list[Clip | str] = []
    for position in query.shown_order:
        try:
            made.append(maker.clip(query.segments[position], timeout_s))
        except DataError as error:
            made.append(str(error))
    there = [clip for clip in made if isinstance(clip, Clip)]
    if not there:
        raise DataError(f"no clip of question {query.id} can be shown: {made[0]}")
    pictures = {clip.id: clip.decode() for clip in there}
    shape = (1, *pictures[there[0].id].shape[1:])
    black = np.zeros(shape, np.uint8)
    return Film(
        tuple(pictures[clip.id] if isinstance(clip, Clip) else black for clip in made),
        tuple(_trouble(clip) if isinstance(clip, Clip) else clip for clip in made),
        there[0].fps,
    )


def _trouble(clip: Clip) -> str:
    if not clip.missing:
        return ""
    return f"{len(clip.missing)} of {clip.frames} pictures are missing: {clip.why_missing}"


class Playing:
    """A clock that can be stopped, so that a film stands still."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began_s = clock()
        self._stopped_s: float | None = None

    @property
    def at_s(self) -> float:
        """Seconds played."""
        now_s = self._clock() if self._stopped_s is None else self._stopped_s
        return now_s - self._began_s

    def restart(self) -> None:
        """From the beginning, running or standing as before."""
        self._began_s = self._clock()
        if self._stopped_s is not None:
            self._stopped_s = self._began_s

    def stand(self, still: bool) -> None:
        """Stand still or go on."""
        if still and self._stopped_s is None:
            self._stopped_s = self._clock()
        elif not still and self._stopped_s is not None:
            self._began_s += self._clock() - self._stopped_s
            self._stopped_s = None


def numbers_of(groups: Sequence[Sequence[int]]) -> dict[int, int]:
    """The rank (1 = best) of each position placed so far."""
    return {position: place for place, group in enumerate(groups, 1) for position in group}
