"""Episodes on disk: one parquet file an episode; its ground truth, and what cameras saw, beside it.

A file is written under a temporary name, closed and renamed, so that whatever bears an episode's
name is whole. An id never comes to mean another episode: answers of people speak of it.
"""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from robofeed.data.episode import Episode, TruthTrace
from robofeed.data.episode_frames import Darkroom, EpisodeFrames, frames_columns, frames_of
from robofeed.data.errors import DataError
from robofeed.data.observation import Ended

if TYPE_CHECKING:
    from pyarrow import Table

FOLDER = "episodes"
_SUFFIX = ".parquet"
_TRUTH_SUFFIX = ".truth.parquet"
_FRAMES_SUFFIX = ".frames.parquet"
_VERSION = 1
_AROUND: dict[str, Any] = {
    "time_ns": np.int64,
    "observations": np.float32,
    "scene": np.float32,
}
"""Columns with a value before and after each step."""
_STEPS: dict[str, Any] = {
    "proposed": np.float32,
    "executed": np.float32,
    "gates": np.uint16,
    "mode": np.uint8,
    "policy_version": np.int64,
}
"""Columns with a value a step; null in the last row, the observation after the last step."""
_SOME_STEPS: dict[str, Any] = {"correction": np.float32}
"""The same, in episodes that have them at all."""
_TRUTH: Mapping[str, Any] = {"reward": np.float32, "success": np.bool_, "collided": np.bool_}

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
                if _same(there, episode):
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
            self._write(_truth_table(truth), self._truth_path(episode.id))
        if frames is None and self._darkroom is not None:
            start_ns, stop_ns = int(episode.time_ns[0]), int(episode.time_ns[-1])
            frames = self._darkroom.develop(start_ns, stop_ns)
        if frames is not None and frames.films:
            table, beside = _frames_table(episode.id, frames), self._frames_path(episode.id)
            # Pictures show a room, and whoever is in it: they are for this user alone.
            self._write(table, beside, compression="none", mode=0o600)
        self._write(_episode_table(episode), path)
        return path

    def read(self, episode_id: str) -> Episode:
        """Read an episode back.

        Raises:
            DataError: no such episode, or a file that is torn, foreign or of a newer robofeed.
        """
        path = self._path(episode_id)
        table, about = _load(path, "robofeed.episode", episode_id)
        try:
            steps = int(about["steps"])
            widths: Mapping[str, int] = about["widths"]
            columns = {
                name: _column(table, name, dtype, steps + 1, widths.get(name))
                for name, dtype in _AROUND.items()
            } | {
                name: _column(table, name, dtype, steps, widths.get(name))
                for name, dtype in (_STEPS | _SOME_STEPS).items()
                if name not in _SOME_STEPS or name in table.column_names
            }
            return Episode(
                id=episode_id,
                ended=Ended[about["ended"]],
                seed=about["seed"],
                spec_hash=about["spec_hash"],
                reason=about["reason"],
                **columns,
            )
        except (KeyError, ValueError, TypeError, IndexError) as error:
            raise DataError(f"{path} is not an episode as robofeed writes it: {error!r}") from error

    def read_truth(self, episode_id: str) -> TruthTrace:
        """Read the ground truth of an episode: for evaluation and simulated teachers only.

        Raises:
            DataError: none was stored, or a file that is torn, foreign or of a newer robofeed.
        """
        path = self._truth_path(episode_id)
        table, about = _load(path, "robofeed.truth", episode_id)
        try:
            steps = int(about["steps"])
            columns = {
                name: _column(table, name, dtype, steps, None) for name, dtype in _TRUTH.items()
            }
            return TruthTrace(episode_id, **columns)
        except (KeyError, ValueError, TypeError, IndexError) as error:
            raise DataError(f"{path} is not truth as robofeed writes it: {error!r}") from error

    def read_frames(self, episode_id: str) -> EpisodeFrames:
        """Read what cameras saw in an episode.

        Raises:
            DataError: it was recorded without any, or a file that is torn, foreign or of a newer
                robofeed.
        """
        path = self._frames_path(episode_id)
        table, about = _load(path, "robofeed.frames", episode_id)
        try:
            return frames_of(table, about)
        except (KeyError, ValueError, TypeError) as error:
            raise DataError(f"{path} has no frames as robofeed writes them: {error!r}") from error

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


def _same(one: Episode, other: Episode) -> bool:
    """Whether all but the times agree, bit for bit."""
    arrays = (_AROUND.keys() | _STEPS.keys() | _SOME_STEPS.keys()) - {"time_ns"}
    values = ("ended", "seed", "spec_hash", "reason")
    return all(
        _bytes(getattr(one, name)) == _bytes(getattr(other, name)) for name in arrays
    ) and all(getattr(one, name) == getattr(other, name) for name in values)


def _bytes(array: np.ndarray | None) -> bytes | None:
    return None if array is None else array.tobytes()


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


def _episode_table(episode: Episode) -> Table:
    import pyarrow as pa

    last = np.zeros(len(episode) + 1, np.bool_)
    last[-1] = True
    absent = pa.array(last)
    columns: dict[str, Any] = {}
    widths: dict[str, int] = {}
    for name, dtype in (_AROUND | _STEPS | _SOME_STEPS).items():
        values = getattr(episode, name)
        if values is None:
            continue
        mask = None
        if name not in _AROUND:
            mask = absent
            values = np.concatenate([values, np.zeros((1, *values.shape[1:]), dtype)])
        if values.ndim == 1:
            columns[name] = pa.array(values, mask=None if mask is None else last)
            continue
        widths[name] = width = values.shape[1]
        # Parquet has no lists of no elements.
        if width:
            flat = pa.array(values.reshape(-1))
            columns[name] = pa.FixedSizeListArray.from_arrays(flat, width, mask=mask)
    about = {
        "id": episode.id,
        "steps": len(episode),
        "widths": widths,
        "ended": episode.ended.name,
        "seed": episode.seed,
        "spec_hash": episode.spec_hash,
        "reason": episode.reason,
    }
    return _described(pa.table(columns), "robofeed.episode", about)


def _truth_table(truth: TruthTrace) -> Table:
    import pyarrow as pa

    columns = {
        name: pa.array(np.asarray(getattr(truth, name), dtype)) for name, dtype in _TRUTH.items()
    }
    about = {"id": truth.episode_id, "steps": len(truth.reward)}
    return _described(pa.table(columns), "robofeed.truth", about)


def _frames_table(episode_id: str, frames: EpisodeFrames) -> Table:
    import pyarrow as pa

    columns, about = frames_columns(frames)
    return _described(pa.table(columns), "robofeed.frames", {"id": episode_id, **about})


def _described(table: Table, kind: str, about: Mapping[str, Any]) -> Table:
    text = json.dumps({"format": kind, "version": _VERSION, **about})
    return table.replace_schema_metadata({b"robofeed": text.encode()})


def _load(path: Path, kind: str, episode_id: str) -> tuple[Table, dict[str, Any]]:
    """The table and what it says about itself, if it is whole and is what it should be."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            # Threads would cost more than they save at this size.
            table = file.read(use_threads=False)
    except FileNotFoundError:
        raise DataError(f"no {kind.partition('.')[2]} of {episode_id} at {path}") from None
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{path} is torn or no parquet file: {error}") from error
    try:
        about = json.loads((table.schema.metadata or {})[b"robofeed"])
        said, version, its_id = about["format"], about["version"], about["id"]
    except (KeyError, ValueError, TypeError, IndexError) as error:
        raise DataError(f"{path} is a parquet file, but not one of robofeed") from error
    if said != kind or its_id != episode_id:
        raise DataError(f"{path} holds {said} {its_id}, not {kind} {episode_id}")
    if version != _VERSION:
        raise DataError(
            f"{path} has version {version}, this robofeed reads {_VERSION}: use a newer robofeed"
        )
    return table, about


def _column(table: Table, name: str, dtype: Any, length: int, width: int | None) -> Any:
    """The first `length` rows of a column, [length] or, with a width, [length, width]."""
    if width == 0:
        return np.zeros((length, 0), dtype)
    values = table.column(name).combine_chunks().slice(0, length)
    if values.null_count or len(values) != length:
        raise ValueError(f"column {name} has {len(values)} rows where {length} belong, or gaps")
    if width is not None:
        values = values.flatten()
    array = values.to_numpy(zero_copy_only=False)
    if array.dtype != dtype:
        raise ValueError(f"column {name} holds {array.dtype}, not {np.dtype(dtype)}")
    return array if width is None else array.reshape(length, width)
