"""Segments as clips: one picture a step, drawn from scenes or taken by cameras, kept by content."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from robofeed.data.episode import Episode, Segment
from robofeed.data.episode_frames import EpisodeFrames
from robofeed.data.errors import DataError, HardwareError
from robofeed.data.observation import Picture
from robofeed.data.run_folder import RunFolder
from robofeed.data.spec import FloatArray
from robofeed.data.store import EpisodeStore
from robofeed.feedback.clip_encoding import decode_mp4, read_header, write_mp4
from robofeed.feedback.shots import DrawnShots, FilmedShots, Shots, together

Render = Callable[..., Picture]
"""Makes a picture of a stored scene: `Renders.render`, given (scene, height, width[, camera])."""

_VERSION = 2
"""Changes whenever a clip of the same content would look otherwise."""
_EPISODES_IN_MEMORY = 8
_STRIPE_PX = 16
MISSING_COLOURS = ((214, 40, 122), (32, 32, 36))
"""Stripes that stand for a picture which could not be made: magenta and near black."""


@dataclass(frozen=True, slots=True)
class Camera:
    """What stored scenes are filmed with: a backend's `Renders.render` and its period.

    `render` is None where there is none; `why_not` then says so in place of a film. `identity`
    names the backend and its settings, since another one draws the same scene otherwise.
    """

    render: Render | None
    period_s: float = 0.04
    why_not: str = "no renderer was given"
    identity: str = ""


@dataclass(frozen=True, slots=True)
class ClipLook:
    """Size in px, pictures a second (0 = as fast as the arm moved), and the camera ("" = usual).

    Several cameras, as in "corner+side", share the picture: side by side, or one above the other
    in a picture that is higher than wide. One picture shows no depth; two do.
    """

    width: int = 320
    height: int = 240
    fps: float = 0.0
    camera: str = ""


@dataclass(frozen=True, slots=True)
class Clip:
    """A segment as an MP4 file: `frames` pictures, one a step.

    `missing` are the places (from 0) whose picture could not be made; stripes stand there, and
    `why_missing` says why the first of them is missing.
    """

    id: str
    path: Path
    frames: int
    fps: float
    missing: tuple[int, ...] = ()
    why_missing: str = ""

    def decode(self) -> NDArray[np.uint8]:
        """Its pictures, uint8 [frames, height, width, 3]. Raises DataError if it is damaged."""
        return decode_mp4(self.path)


@dataclass(frozen=True, slots=True)
class Pictures:
    """The pictures of a segment, uint8 [steps, height, width, 3], and which are stripes."""

    frames: NDArray[np.uint8]
    missing: tuple[int, ...] = ()
    why_missing: str = ""


class ClipStore:
    """The clips of one run, in its `clips` folder. Not for several threads at once.

    The picture of a step shows what the step led to. A clip that is there is not made again;
    whoever makes the same one at the same time writes the same file.
    """

    def __init__(self, run_dir: Path, camera: Camera, look: ClipLook = ClipLook()) -> None:
        self._store = EpisodeStore(run_dir)
        self._folder = RunFolder(run_dir).clips_path
        self._camera, self._look = camera, look
        self._episodes: OrderedDict[str, Episode] = OrderedDict()
        self._filmed: tuple[str, EpisodeFrames] | None = None

    @property
    def fps(self) -> float:
        """Pictures a second."""
        return self._look.fps or 1.0 / self._camera.period_s

    def clip_id(self, segment: Segment) -> str:
        """A name for the clip that tells nothing of episode or time: 32 hexadecimal digits."""
        return _digest(segment.episode_id, segment.start, segment.stop, *self._drawn())[:32]

    def clip(self, segment: Segment) -> Clip:
        """The clip of a segment, made now where it is not there yet.

        Raises:
            DataError: the episode cannot be read or is shorter, there is nothing to draw it with
                and no camera was there, or the file cannot be written.
            ConfigError: a camera that the backend does not have.
        """
        shots = self._shots(segment)
        name = _digest(shots.content(), *self._drawn())[:40]
        path = self._folder / f"{name}.mp4"
        if path.is_file():
            try:
                return self._read(segment, path)
            except DataError:
                pass  # Damaged, by a power cut for instance: it is made anew.
        pictures = self._taken(shots, len(segment))
        note = json.dumps({"missing": pictures.missing, "why_missing": pictures.why_missing})
        try:
            self._folder.mkdir(exist_ok=True)
            write_mp4(path, pictures.frames, self.fps, comment=note, private=shots.show_a_room)
        except OSError as error:
            raise DataError(
                f"cannot write the clip {path}: {error.strerror or error}; free some space, then "
                "ask again"
            ) from error
        shown = len(decode_mp4(path))
        if shown != len(segment):
            path.unlink()
            raise DataError(f"{path} shows {shown} pictures of {len(segment)} steps")
        return self._read(segment, path)

    def draw(self, scene: FloatArray) -> Picture:
        """Draw one scene, stored or live. Raises DataError where it, or a renderer, is missing."""
        look = self._look
        if self._camera.render is None:
            raise DataError(f"nothing can be drawn: {self._camera.why_not}")
        if scene.size == 0:
            raise DataError("the episode was stored without scenes")
        if not np.isfinite(scene).all():
            raise DataError("the scene is not finite")
        render = self._camera.render

        def view(height: int, width: int, name: str) -> Picture:
            return render(scene, height, width, name) if name else render(scene, height, width)

        return together(view, look.height, look.width, look.camera)

    def pictures(self, segment: Segment) -> Pictures:
        """Draw or find those of a segment. Raises as `clip` does."""
        return self._taken(self._shots(segment), len(segment))

    def _taken(self, shots: Shots, steps: int) -> Pictures:
        look = self._look
        frames = np.empty((steps, look.height, look.width, 3), np.uint8)
        missing: list[int] = []
        why = ""
        for place in range(steps):
            try:
                frames[place] = shots.picture(place)
            except (DataError, HardwareError) as error:
                frames[place] = missing_picture(look.height, look.width)
                missing.append(place)
                why = why or str(error)
        return Pictures(frames, tuple(missing), why)

    def _read(self, segment: Segment, path: Path) -> Clip:
        header = read_header(path)
        try:
            note = json.loads(header.comment)
            missing = tuple(int(place) for place in note["missing"])
            why = str(note["why_missing"])
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f"{path} is no clip that robofeed wrote") from error
        if header.frames != len(segment):
            raise DataError(f"{path} has {header.frames} pictures of {len(segment)} steps")
        return Clip(self.clip_id(segment), path, header.frames, header.frames_per_s, missing, why)

    def _drawn(self) -> tuple[object, ...]:
        """All that decides how a scene looks."""
        look = self._look
        return (_VERSION, self._camera.identity, look.width, look.height, self.fps, look.camera)

    def _shots(self, segment: Segment) -> Shots:
        episode = self._episode(segment.episode_id)
        if segment.stop > len(episode):
            raise DataError(f"{segment} is no part of the episode, which has {len(episode)} steps")
        led_to = slice(segment.start + 1, segment.stop + 1)
        if self._camera.render is None or not episode.scene.size:
            if self._store.has_frames(episode.id):
                look, frames = self._look, self._frames(episode.id)
                times_ns = episode.time_ns[led_to]
                return FilmedShots(frames, times_ns, look.height, look.width, look.camera)
            if self._camera.render is None:
                raise DataError(
                    f"no clip of {segment} can be drawn: {self._camera.why_not}; and nothing that "
                    "a camera saw is stored with it"
                )
        return DrawnShots(episode.scene[led_to], self.draw)

    def _frames(self, episode_id: str) -> EpisodeFrames:
        if self._filmed is None or self._filmed[0] != episode_id:
            self._filmed = episode_id, self._store.read_frames(episode_id)
        return self._filmed[1]

    def _episode(self, episode_id: str) -> Episode:
        if episode_id not in self._episodes:
            self._episodes[episode_id] = self._store.read(episode_id)
            while len(self._episodes) > _EPISODES_IN_MEMORY:
                self._episodes.popitem(last=False)
        return self._episodes[episode_id]


def missing_picture(height: int, width: int) -> Picture:
    """Diagonal stripes: a picture that nobody takes for one of the arm."""
    rows, columns = np.mgrid[:height, :width]
    stripe = (rows + columns) // _STRIPE_PX % 2
    picture: Picture = np.array(MISSING_COLOURS, np.uint8)[stripe]
    return picture


def _digest(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()
