"""Episodes as parquet tables: their columns, and what a file says about itself.

One table holds the episode, another its ground truth, a third what cameras saw.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from robofeed.data.episode import Episode, TruthTrace
from robofeed.data.episode_frames import EpisodeFrames, frames_columns, frames_of
from robofeed.data.errors import DataError
from robofeed.data.observation import Ended

if TYPE_CHECKING:
    from pyarrow import Table

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


def same_but_for_times(one: Episode, other: Episode) -> bool:
    """Whether all but the times agree, bit for bit."""
    arrays = (_AROUND.keys() | _STEPS.keys() | _SOME_STEPS.keys()) - {"time_ns"}
    values = ("ended", "seed", "spec_hash", "reason")
    return all(
        _bytes(getattr(one, name)) == _bytes(getattr(other, name)) for name in arrays
    ) and all(getattr(one, name) == getattr(other, name) for name in values)


def _bytes(array: np.ndarray | None) -> bytes | None:
    return None if array is None else array.tobytes()


def episode_table(episode: Episode) -> Table:
    """An episode as a table; a row a step, and one for what was observed after the last."""
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


def truth_table(truth: TruthTrace) -> Table:
    """The ground truth of an episode, a row a step."""
    import pyarrow as pa

    columns = {
        name: pa.array(np.asarray(getattr(truth, name), dtype)) for name, dtype in _TRUTH.items()
    }
    about = {"id": truth.episode_id, "steps": len(truth.reward)}
    return _described(pa.table(columns), "robofeed.truth", about)


def frames_table(episode_id: str, frames: EpisodeFrames) -> Table:
    """What cameras saw in an episode, a row a picture."""
    import pyarrow as pa

    columns, about = frames_columns(frames)
    return _described(pa.table(columns), "robofeed.frames", {"id": episode_id, **about})


def read_episode(path: Path, episode_id: str) -> Episode:
    """Read an episode from its file.

    Raises:
        DataError: there is none, or it is torn, foreign or of a newer robofeed.
    """
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


def read_truth(path: Path, episode_id: str) -> TruthTrace:
    """Read the ground truth of an episode from its file. Raises as `read_episode` does."""
    table, about = _load(path, "robofeed.truth", episode_id)
    try:
        steps = int(about["steps"])
        columns = {name: _column(table, name, dtype, steps, None) for name, dtype in _TRUTH.items()}
        return TruthTrace(episode_id, **columns)
    except (KeyError, ValueError, TypeError, IndexError) as error:
        raise DataError(f"{path} is not truth as robofeed writes it: {error!r}") from error


def read_frames(path: Path, episode_id: str) -> EpisodeFrames:
    """Read what cameras saw in an episode from its file. Raises as `read_episode` does."""
    table, about = _load(path, "robofeed.frames", episode_id)
    try:
        return frames_of(table, about)
    except (KeyError, ValueError, TypeError) as error:
        raise DataError(f"{path} has no frames as robofeed writes them: {error!r}") from error


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
