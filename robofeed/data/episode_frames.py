"""What cameras saw in an episode: JPEGs with their times, in a file of their own beside it.

No video: nothing is encoded twice, each picture can be had by itself, and pages of the file carry
checksums. What it costs is room (docs/files.md).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from robofeed.data.errors import HardwareError
from robofeed.data.film_roll import NEAR_S, Photograph, RollReader
from robofeed.data.spec import BackendSpec

if TYPE_CHECKING:
    from pyarrow import Table

_log = logging.getLogger(__name__)

Film = tuple[Photograph, ...]
"""Of one camera, in the order of time."""


@dataclass(frozen=True, slots=True)
class EpisodeFrames:
    """The films of an episode by camera, the usual one first.

    `troubles` are of cameras that did not see when it ended, or kept nothing of its beginning.
    """

    films: Mapping[str, Film]
    troubles: Mapping[str, str]

    def at(self, camera: str, time_ns: int) -> Photograph | None:
        """The picture nearest to a time; None where none is near."""
        film = self.films[camera]
        distances = [abs(each.time_ns - time_ns) for each in film]
        if not distances or min(distances) > NEAR_S * 1e9:
            return None
        return film[int(np.argmin(distances))]


NO_FRAMES = EpisodeFrames({}, {})
"""Of an episode that no camera saw."""


class Darkroom:
    """Develops what cameras' rolls kept while an episode went on: for whoever stores it."""

    def __init__(self, spec: BackendSpec) -> None:
        self._paths = {name: Path(each.roll) for name, each in spec.frames.items() if each.roll}
        self._rolls: dict[str, RollReader] = {}
        self._warned: set[str] = set()

    def develop(self, start_ns: int, stop_ns: int) -> EpisodeFrames | None:
        """The frames of that time; None of an arm without cameras."""
        if not self._paths:
            return None
        films: dict[str, Film] = {}
        troubles = {}
        for name, path in self._paths.items():
            try:
                roll = self._roll(name, path)
            except HardwareError as error:
                films[name], troubles[name] = (), str(error)
                continue
            films[name] = film = tuple(roll.between(start_ns, stop_ns))
            late_s = ((film[0].time_ns if film else stop_ns) - start_ns) / 1e9
            if trouble := roll.trouble():
                troubles[name] = trouble
            elif late_s > NEAR_S:
                troubles[name] = (
                    f"nothing is left of the first {late_s:.1f} s: it did not see then, or kept_s "
                    "in its table is less than the episode took"
                )
                self._warn(name, troubles[name])
        return EpisodeFrames(films, troubles)

    def _warn(self, name: str, trouble: str) -> None:
        """Once a camera: who records should not learn of it when they look at the clips."""
        if name not in self._warned:
            self._warned.add(name)
            _log.warning("camera %s: %s", name, trouble)

    def _roll(self, name: str, path: Path) -> RollReader:
        roll = self._rolls.get(name)
        if roll is None or (path.exists() and not roll.current):
            roll = self._rolls[name] = RollReader(path)
        return roll


def frames_columns(frames: EpisodeFrames) -> tuple[dict[str, Any], dict[str, Any]]:
    """Columns of a table, and what it says about itself."""
    import pyarrow as pa

    each = [(name, photo) for name, film in frames.films.items() for photo in film]
    columns = {
        "camera": pa.array([name for name, _ in each], pa.string()),
        "time_ns": pa.array([photo.time_ns for _, photo in each], pa.int64()),
        "jpeg": pa.array([photo.jpeg for _, photo in each], pa.binary()),
    }
    return columns, {"cameras": list(frames.films), "troubles": dict(frames.troubles)}


def frames_of(table: Table, about: Mapping[str, Any]) -> EpisodeFrames:
    """What `frames_columns` made. Raises KeyError, ValueError, TypeError where it did not."""
    names: Sequence[str] = about["cameras"]
    columns = [table.column(name).to_pylist() for name in ("camera", "time_ns", "jpeg")]
    films: dict[str, list[Photograph]] = {name: [] for name in names}
    for name, time_ns, jpeg in zip(*columns, strict=True):
        films[name].append(Photograph(int(time_ns), bytes(jpeg)))
    return EpisodeFrames({name: tuple(film) for name, film in films.items()}, about["troubles"])
