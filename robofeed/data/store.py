"""Episodes on disk: one parquet file an episode; its ground truth, and what cameras saw, beside it.

A file is written under a temporary name, closed and renamed, so that whatever bears an episode's
name is whole. An id never comes to mean another episode: answers of people speak of it.
"""

from __future__ import annotations

import logging
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from robofeed.data.episode import Episode, TruthTrace
from robofeed.data.episode_frames import Darkroom, EpisodeFrames
from robofeed.data.episode_tables import (
    episode_table,
    frames_table,
    read_episode,
    read_frames,
    read_truth,
    same_but_for_times,
    truth_table,
)
from robofeed.data.errors import DataError

if TYPE_CHECKING:
    from pyarrow import Table

FOLDER = "episodes"
_SUFFIX = ".parquet"
_TRUTH_SUFFIX = ".truth.parquet"
_FRAMES_SUFFIX = ".frames.parquet"

_log = logging.getLogger(__name__)


class EpisodeStore:
    """The episodes of one run, under `run_dir`/episodes.

    With a `darkroom`, what the arm's cameras saw is stored with each.
    """

    def __init__(self, run_dir: Path, darkroom: Darkroom | None = None) -> None:
        self.folder = run_dir / FOLDER
        self._darkroom = darkroom
        self._unsynced: list[Path] = []

    def write(
        self,
        episode: Episode,
        truth: TruthTrace | None = None,
        frames: EpisodeFrames | None = None,
    ) -> Path:
        """Write an episode and return its path once its files are closed and renamed.

        `frames` are of an episode that was recorded elsewhere or long ago, `NO_FRAMES` where it has
        none; otherwise they are what the darkroom finds of its time.

        The same episode again, as a resumed run repeats it, is no change; times may differ.

        Raises:
            DataError: the disk refuses, the id belongs to an episode that went otherwise or is no
                file name, or the truth is of another episode or length.
        """
        path = self._path(episode.id)
        if path.exists():
            try:
                there = self.read(episode.id)
            except DataError as error:
                # Torn by a power cut: what it was is lost, and the resumed run repeats it.
                _log.warning("%s. It is written anew", error)
            else:
                if same_but_for_times(there, episode):
                    return path
                raise DataError(
                    f"{path} is there already and went otherwise: an episode id is never used twice"
                )
        # Truth first: an episode that is there has its truth beside it.
        if truth is not None:
            if truth.episode_id != episode.id or len(truth.reward) != len(episode):
                raise DataError(
                    f"episode {episode.id} of {len(episode)} steps was given the truth of "
                    f"{truth.episode_id} with {len(truth.reward)}"
                )
            self._write(truth_table(truth), self._truth_path(episode.id))
        if frames is None and self._darkroom is not None:
            start_ns, stop_ns = int(episode.time_ns[0]), int(episode.time_ns[-1])
            frames = self._darkroom.develop(start_ns, stop_ns)
        if frames is not None and frames.films:
            table, beside = frames_table(episode.id, frames), self._frames_path(episode.id)
            # Pictures show a room, and whoever is in it: they are for this user alone.
            self._write(table, beside, compression="none", mode=0o600)
        self._write(episode_table(episode), path)
        return path

    def read(self, episode_id: str) -> Episode:
        """Read an episode back.

        Raises:
            DataError: no such episode, or a file that is torn, foreign or of a newer robofeed.
        """
        return read_episode(self._path(episode_id), episode_id)

    def read_truth(self, episode_id: str) -> TruthTrace:
        """Read the ground truth of an episode: for evaluation and simulated teachers only.

        Raises:
            DataError: none was stored, or a file that is torn, foreign or of a newer robofeed.
        """
        return read_truth(self._truth_path(episode_id), episode_id)

    def read_frames(self, episode_id: str) -> EpisodeFrames:
        """Read what cameras saw in an episode.

        Raises:
            DataError: it was recorded without any, or a file that is torn, foreign or of a newer
                robofeed.
        """
        return read_frames(self._frames_path(episode_id), episode_id)

    def has_frames(self, episode_id: str) -> bool:
        """Whether what cameras saw was stored with an episode."""
        return self._frames_path(episode_id).exists()

    def has_truth(self, episode_id: str) -> bool:
        """Whether ground truth was stored with an episode."""
        return self._truth_path(episode_id).exists()

    def ids(self) -> tuple[str, ...]:
        """Ids of all episodes that are whole on disk, sorted."""
        try:
            names = os.listdir(self.folder)
        except FileNotFoundError:
            return ()
        return tuple(
            sorted(
                name.removesuffix(_SUFFIX)
                for name in names
                if name.endswith(_SUFFIX)
                and not name.endswith((_TRUTH_SUFFIX, _FRAMES_SUFFIX))
                and not name.startswith(".")
            )
        )

    def sync(self) -> None:
        """Make what was written so far survive a power cut too, not only a killed process.

        Raises:
            DataError: the disk refuses.
        """
        if not self._unsynced:
            return
        path = self.folder
        try:
            # Popped one by one: the writer's thread may be adding at the other end.
            while self._unsynced:
                path = self._unsynced.pop()
                _fsync(path)
            _fsync(self.folder)
        except OSError as error:
            raise DataError(f"cannot sync {path} to disk: {error.strerror}") from error

    def _path(self, episode_id: str) -> Path:
        return self.folder / f"{_file_name(episode_id)}{_SUFFIX}"

    def _truth_path(self, episode_id: str) -> Path:
        return self.folder / f"{_file_name(episode_id)}{_TRUTH_SUFFIX}"

    def _frames_path(self, episode_id: str) -> Path:
        return self.folder / f"{_file_name(episode_id)}{_FRAMES_SUFFIX}"

    def _write(
        self, table: Table, path: Path, compression: str = "snappy", mode: int = 0o666
    ) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        temporary = path.with_name(f".{path.name}.writing")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            # Into memory first, because pyarrow leaves the torn file when the disk is full. Without
            # dictionaries and statistics a file of 50 rows takes half the time.
            sink = pa.BufferOutputStream()
            pq.write_table(
                table,
                sink,
                compression=compression,
                use_dictionary=False,
                write_statistics=False,
                write_page_checksum=True,
            )
            _write_file(temporary, memoryview(sink.getvalue()), mode)
            os.rename(temporary, path)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise DataError(
                f"cannot write {path}: {error.strerror or error}; episodes announced before it "
                "are whole on disk"
            ) from error
        self._unsynced.append(path)


def _file_name(episode_id: str) -> str:
    """The id itself, if it cannot lead out of the folder."""
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,100}", episode_id):
        raise DataError(f"{episode_id!r} is no episode id: letters, digits, _ and - only")
    return episode_id


def _write_file(path: Path, data: memoryview, mode: int) -> None:
    # Plain system calls: Python's file objects double the cost of a file this small.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        while data:
            data = data[os.write(descriptor, data) :]
    finally:
        os.close(descriptor)


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
