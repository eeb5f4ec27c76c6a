"""What films the stored scenes of a run: its own backend, which need not be opened."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from robofeed.config import RunConfig, checked
from robofeed.data.errors import RobofeedError
from robofeed.data.run_folder import RunFolder, open_run_folder
from robofeed.feedback.clips import Camera, ClipLook, ClipStore
from robofeed.interfaces import Backend, Provider, Renders
from robofeed.plugins import load_plugins
from robofeed.run_file import load_config


def camera_of(run_dir: Path) -> Camera:
    """Return the camera of a run.

    A backend that is missing or broken costs the pictures, not the rest: the camera says why.
    """
    try:
        return _camera(load_config(file=RunFolder(run_dir).config_path))
    except RobofeedError as error:
        return Camera(None, why_not=f"the backend of this run is not at hand: {error}")


def open_clips(run_dir: Path) -> ClipStore:
    """The clips of a run, looking as its configuration says ([clips]).

    Raises:
        DataError: `run_dir` is not a run.
        ConfigError: its configuration, or the plugin of its backend, cannot be read.
    """
    folder = open_run_folder(run_dir)
    config = load_config(file=folder.config_path)
    look = config.clips
    return ClipStore(
        folder.path,
        _camera(config),
        ClipLook(look.width, look.height, look.fps, look.camera),
    )


def make_backend(config: RunConfig) -> Backend:
    """The backend of a run, not opened.

    Raises:
        ConfigError: its plugin is missing or broken, or its settings are not understood.
    """
    provider, settings = _chosen(config)
    backend: Backend = provider.create(settings, None)
    return backend


def _chosen(config: RunConfig) -> tuple[Provider[Any], BaseModel]:
    use = config.backend.use
    provider = load_plugins().provider("backend", use)
    return provider, checked(provider.config_type, config.backend.table(use), ("backend", use))


def _camera(config: RunConfig) -> Camera:
    use = config.backend.use
    provider, settings = _chosen(config)
    backend: Backend = provider.create(settings, None)
    period_s = backend.spec.period_s
    if not isinstance(backend, Renders):
        return Camera(None, period_s, _why_not(use, settings, list(backend.spec.frames)))
    identity = json.dumps([use, settings.model_dump(mode="json")], sort_keys=True)
    return Camera(backend.render, period_s, identity=identity)


def _why_not(use: str, settings: BaseModel, cameras: Sequence[str]) -> str:
    """Why a backend that draws nothing has no pictures of an episode, and what would have some."""
    cannot = f"the backend {use} cannot render stored scenes"
    if cameras:
        return f"{cannot}; clips of it are what its cameras ({', '.join(cameras)}) saw"
    if "cameras" in type(settings).model_fields:
        return (
            f"{cannot}, and its arm has no camera: a table [backend.{use}.cameras.front] in the "
            "run file gives it one (docs/cameras.md)"
        )
    return cannot
