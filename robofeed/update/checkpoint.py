"""Checkpoints on disk: safetensors and a manifest with hashes, written whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from robofeed.data.errors import DataError

FORMAT = "robofeed-checkpoint"
VERSION = 1
MANIFEST = "manifest.json"

Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Checkpoint:
    """A checkpoint read back. `skipped` says which newer ones were passed over, and why."""

    path: Path
    step: int
    parts: Mapping[str, Arrays]
    meta: Mapping[str, Any]
    best: str | None = None
    """name of the one that was the best when this was written"""
    skipped: tuple[str, ...] = ()


def save_checkpoint(
    folder: Path,
    step: int,
    parts: Mapping[str, Arrays],
    meta: Mapping[str, Any],
    keep: int = 3,
    best: str | None = None,
) -> Path:
    """Write `folder`/step_<9 digits> durably; keep the last `keep` and the one named `best`.

    Which one is the best is for the caller to say, who may judge all anew each time; it may be
    this one. Written under a temporary name, files first, the manifest last; only then renamed.

    Raises:
        DataError: the disk refuses; earlier checkpoints are untouched.
    """
    target = folder / name_of(step)
    temporary = folder / f".{target.name}.writing"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir()
        files: dict[str, dict[str, Any]] = {}
        for name, arrays in parts.items():
            data = save_tensors(
                {key: np.asarray(value, order="C") for key, value in arrays.items()}
            )
            files[f"{name}.safetensors"] = {
                "sha256": hashlib.sha256(data).hexdigest(),
                "bytes": len(data),
            }
            _write(temporary / f"{name}.safetensors", data)
        manifest = {
            "format": FORMAT,
            "version": VERSION,
            "step": step,
            "best": best,
            "files": files,
            "meta": dict(meta),
        }
        text = json.dumps(manifest, indent=1, sort_keys=True)
        seal = hashlib.sha256(text.encode()).hexdigest()
        _write(temporary / MANIFEST, f"{text}\n{seal}\n".encode())
        _sync(temporary)
        _replace(temporary, target)
        _sync(folder)
    except OSError as error:
        shutil.rmtree(temporary, ignore_errors=True)
        raise DataError(
            f"cannot write the checkpoint {target}: {error.strerror}. Earlier checkpoints are "
            "untouched; free some space, then `robofeed resume` the run"
        ) from error
    _prune(folder, keep, best)
    return target


def name_of(step: int) -> str:
    """The folder name of the checkpoint of a step."""
    return f"step_{step:09d}"


def all_checkpoints(folder: Path) -> list[Path]:
    """Those there are, oldest first, whether or not they can be read."""
    return sorted(folder.glob("step_*"))


def load_checkpoint(path: Path, only: Collection[str] | None = None) -> Checkpoint:
    """Read one checkpoint, or `only` these of its parts; one that it lacks is left out.

    Raises:
        DataError: it is missing, damaged, foreign or of another version; the message names it.
    """
    manifest = _manifest(path)
    parts: dict[str, Arrays] = {}
    try:
        step, meta, files = int(manifest["step"]), dict(manifest["meta"]), dict(manifest["files"])
        hashes = {str(file): str(about["sha256"]) for file, about in files.items()}
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"checkpoint {path}: {MANIFEST} lacks something: {error!r}") from None
    _refuse_strangers(path, {MANIFEST, *hashes})
    for file, sha256 in hashes.items():
        name = Path(file)
        if name.name != file or name.suffix != ".safetensors":
            raise DataError(f"checkpoint {path}: {file!r} is no file of a checkpoint")
        if only is not None and name.stem not in only:
            continue
        try:
            data = (path / file).read_bytes()
        except OSError as error:
            raise DataError(f"checkpoint {path}: {file} cannot be read: {error.strerror}") from None
        if hashlib.sha256(data).hexdigest() != sha256:
            raise DataError(f"checkpoint {path}: {file} is damaged (its SHA-256 does not match)")
        try:
            parts[name.stem] = load_tensors(data)
        except (SafetensorError, ValueError, TypeError, KeyError) as error:
            raise DataError(f"checkpoint {path}: {file} is not safetensors: {error}") from error
    return Checkpoint(path, step, parts, meta, manifest.get("best"))


def load_latest(folder: Path) -> Checkpoint | None:
    """Read the newest good checkpoint, passing over damaged ones; None where there is none at all.

    Raises:
        DataError: there are checkpoints, and every one is damaged.
    """
    skipped: list[str] = []
    for path in reversed(all_checkpoints(folder)):
        try:
            found = load_checkpoint(path)
        except DataError as error:
            skipped.append(str(error))
            continue
        return replace(found, skipped=tuple(skipped))
    if skipped:
        raise DataError(f"no checkpoint in {folder} can be used: " + "; ".join(skipped))
    return None


def _manifest(path: Path) -> dict[str, Any]:
    try:
        # as bytes: reading as text would take a carriage return for the newline it replaced
        text, seal, rest = (path / MANIFEST).read_bytes().rsplit(b"\n", 2)
        manifest = json.loads(text)
        whole = hashlib.sha256(text).hexdigest().encode() == seal and rest == b""
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"checkpoint {path}: no readable {MANIFEST}: {error}") from None
    if not whole:
        raise DataError(f"checkpoint {path}: {MANIFEST} is damaged")
    if not isinstance(manifest, dict):
        raise DataError(f"checkpoint {path}: {MANIFEST} is not a manifest")
    if manifest.get("format") != FORMAT or manifest.get("version") != VERSION:
        raise DataError(
            f"checkpoint {path}: {manifest.get('format')} version {manifest.get('version')} is not "
            f"{FORMAT} version {VERSION}"
        )
    return manifest


def _refuse_strangers(path: Path, expected: set[str]) -> None:
    """Pickles and the like have no business here, whether or not anything would read them."""
    for entry in sorted(path.iterdir()):
        if entry.name not in expected or entry.is_symlink() or not entry.is_file():
            raise DataError(
                f"checkpoint {path}: {entry.name} is no part of it; only safetensors files that "
                f"{MANIFEST} lists are ever read"
            )


def _prune(folder: Path, keep: int, best: str | None) -> None:
    """Remove all but the last `keep` and the best, and unfinished ones."""
    for leftover in folder.glob(".step_*"):
        shutil.rmtree(leftover)
    for path in all_checkpoints(folder)[:-keep]:
        if path.name != best:
            shutil.rmtree(path)


def _replace(temporary: Path, target: Path) -> None:
    if target.exists():
        # The same step again, after a resume: the old one goes only when the new one is whole.
        old = target.with_name(f".{target.name}.old")
        shutil.rmtree(old, ignore_errors=True)
        target.rename(old)
        temporary.rename(target)
        shutil.rmtree(old, ignore_errors=True)
    else:
        temporary.rename(target)


def _write(path: Path, data: bytes) -> None:
    with open(path, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
