"""Short films of the policy at the start, in the middle and at the end of a run."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from robofeed.data.errors import DataError, RobofeedError
from robofeed.data.observation import Picture
from robofeed.data.run_folder import RunFolder
from robofeed.data.store import EpisodeStore
from robofeed.events import Evaluated
from robofeed.feedback.clip_encoding import jpeg_of_frame, write_mp4
from robofeed.feedback.clips import Camera, missing_picture
from robofeed.feedback.shots import FilmedShots
from robofeed.report.run_record import RunRecord

HEIGHT, WIDTH = 288, 384
EPISODES = 3
"""Episodes in a film, one after another."""
SECONDS_A_FILM = 12.0
"""Rendering time after which a film gets no further episode: software renders meshes slowly."""
POSTER_S = 1.4
"""The moment of a film that stands for it before it plays."""
PAUSE_S = 0.4
"""How long the last picture of an episode stands."""
NOT_ASKED_FOR = "clips were not asked for (--no-clips)"
_OTHERS_READ = 0o044


@dataclass(frozen=True, slots=True)
class Film:
    """The policy at one moment of the run: a video as data, or the reason why there is none."""

    title: str
    evaluation: Evaluated | None
    mp4_base64: str = ""
    poster_base64: str = ""
    missing: str = ""
    private: bool = False
    """whether its file is closed to others, as one of a camera's pictures is"""


@dataclass(frozen=True, slots=True)
class Studio:
    """A camera and the episodes to film; those that an arm's own cameras saw need none.

    Where it makes none, only films that are in the run folder already are shown.
    """

    store: EpisodeStore
    camera: Camera
    makes: bool = True

    def films(self, record: RunRecord) -> list[Film]:
        """Make the three films, taking those already in the run folder as they are."""
        return [
            self._film(record, title, evaluation)
            for title, evaluation in moments(record.evaluations)
        ]

    def _film(self, record: RunRecord, title: str, evaluation: Evaluated | None) -> Film:
        if evaluation is None:
            return Film(title, None, missing="the run has no evaluation at this moment")
        if not evaluation.episode_ids:
            return Film(title, evaluation, missing="no episode of this evaluation was kept")
        ids = evaluation.episode_ids[:EPISODES]
        camera = self.camera
        path = RunFolder(record.run_dir).clips_path / f"{'-'.join((evaluation.moment, *ids))}.mp4"
        try:
            if not path.is_file():
                if not self.makes:
                    return Film(title, evaluation, missing=NOT_ASKED_FOR)
                filmed = any(map(self.store.has_frames, ids))
                if camera.render is None and not filmed:
                    return Film(title, evaluation, missing=camera.why_not)
                path.parent.mkdir(exist_ok=True)
                write_mp4(path, self._pictures(ids), 1 / camera.period_s, private=filmed)
            poster = jpeg_of_frame(path, round(POSTER_S / camera.period_s))
            private = not path.stat().st_mode & _OTHERS_READ
            data = path.read_bytes()
            return Film(title, evaluation, _base64(data), _base64(poster), private=private)
        except (RobofeedError, OSError, ValueError) as error:
            return Film(title, evaluation, missing=f"the clip could not be made: {error}")

    def _pictures(self, episode_ids: Sequence[str]) -> Iterator[Picture]:
        began = time.monotonic()
        for episode_id in episode_ids:
            if time.monotonic() - began > SECONDS_A_FILM:
                return
            for picture in self._episode(episode_id):
                yield picture
            for _ in range(round(PAUSE_S / self.camera.period_s)):
                yield picture

    def _episode(self, episode_id: str) -> Iterator[Picture]:
        episode, render = self.store.read(episode_id), self.camera.render
        if render is not None and episode.scene.size:
            for scene in episode.scene:
                yield render(scene, HEIGHT, WIDTH)
            return
        if not self.store.has_frames(episode_id):
            raise ValueError(f"episode {episode_id} was stored without scenes")
        frames = self.store.read_frames(episode_id)
        shots = FilmedShots(frames, episode.time_ns, HEIGHT, WIDTH, camera="")
        for place in range(len(episode.time_ns)):
            try:
                yield shots.picture(place)
            except DataError:
                yield missing_picture(HEIGHT, WIDTH)


def moments(evaluations: Sequence[Evaluated]) -> list[tuple[str, Evaluated | None]]:
    """Choose what to film: the first evaluation, the one nearest to half of the steps, the last."""
    if not evaluations:
        return [("Start", None), ("Middle", None), ("End", None)]
    first, last = evaluations[0], evaluations[-1]
    half = (first.steps + last.steps) / 2
    between = [event for event in evaluations[1:-1] if event.episode_ids]
    middle = min(between, key=lambda event: abs(event.steps - half), default=None)
    end = last if len(evaluations) > 1 else None
    return [("Start", first), ("Middle", middle), ("End", end)]


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
