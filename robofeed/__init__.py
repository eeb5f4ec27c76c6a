"""Trains robots from human feedback: observe, act, collect human feedback, update.

Everything named here may be imported as `from robofeed import ...`; it is loaded at first use, so
`import robofeed` itself loads nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from robofeed.data.control_client import ControlClient
    from robofeed.data.episode import Episode
    from robofeed.data.errors import (
        ConfigError,
        DataError,
        HardwareError,
        RobofeedError,
        SafetyStop,
    )
    from robofeed.data.observation import Observation
    from robofeed.data.spec import ArraySpec, BackendSpec, Limits
    from robofeed.events import (
        Corrected,
        EpisodeRecorded,
        Evaluated,
        FeedbackReceived,
        RewardFitted,
        RunFinished,
        RunStarted,
        Updated,
    )
    from robofeed.feedback.agreement import summarise_people
    from robofeed.feedback.answering import Draft, Respondent
    from robofeed.feedback.clips import Clip, ClipStore
    from robofeed.hookspecs import hookimpl
    from robofeed.interfaces import (
        Backend,
        Learner,
        Policy,
        Provider,
        Ranker,
        RewardModel,
    )
    from robofeed.labelling.clip_maker import ClipMaker
    from robofeed.labelling.live_film import LiveFilm
    from robofeed.labelling.run_camera import open_clips
    from robofeed.observe.camera import Cameras
    from robofeed.observe.camera_settings import CameraSettings
    from robofeed.run_file import load_config
    from robofeed.safety import Guarded
    from robofeed.training import resume, steer, train

__all__ = [
    "ArraySpec",
    "Backend",
    "BackendSpec",
    "CameraSettings",
    "Cameras",
    "Clip",
    "ClipMaker",
    "ClipStore",
    "ConfigError",
    "ControlClient",
    "Corrected",
    "DataError",
    "Draft",
    "Episode",
    "EpisodeRecorded",
    "Evaluated",
    "FeedbackReceived",
    "Guarded",
    "HardwareError",
    "Learner",
    "Limits",
    "LiveFilm",
    "Observation",
    "Policy",
    "Provider",
    "Ranker",
    "Respondent",
    "RewardFitted",
    "RewardModel",
    "RobofeedError",
    "RunFinished",
    "RunStarted",
    "SafetyStop",
    "Updated",
    "hookimpl",
    "load_config",
    "open_clips",
    "resume",
    "steer",
    "summarise_people",
    "train",
]

_HOMES = {
    "robofeed.data.control_client": ("ControlClient",),
    "robofeed.data.episode": ("Episode",),
    "robofeed.data.errors": (
        "ConfigError",
        "DataError",
        "HardwareError",
        "RobofeedError",
        "SafetyStop",
    ),
    "robofeed.data.observation": ("Observation",),
    "robofeed.data.spec": ("ArraySpec", "BackendSpec", "Limits"),
    "robofeed.events": (
        "Corrected",
        "EpisodeRecorded",
        "Evaluated",
        "FeedbackReceived",
        "RewardFitted",
        "RunFinished",
        "RunStarted",
        "Updated",
    ),
    "robofeed.feedback.answering": ("Draft", "Respondent"),
    "robofeed.feedback.clips": ("Clip", "ClipStore"),
    "robofeed.feedback.agreement": ("summarise_people",),
    "robofeed.hookspecs": ("hookimpl",),
    "robofeed.interfaces": (
        "Backend",
        "Learner",
        "Policy",
        "Provider",
        "Ranker",
        "RewardModel",
    ),
    "robofeed.labelling.clip_maker": ("ClipMaker",),
    "robofeed.labelling.live_film": ("LiveFilm",),
    "robofeed.labelling.run_camera": ("open_clips",),
    "robofeed.observe.camera": ("Cameras",),
    "robofeed.observe.camera_settings": ("CameraSettings",),
    "robofeed.run_file": ("load_config",),
    "robofeed.safety": ("Guarded",),
    "robofeed.training": ("resume", "steer", "train"),
}
"""The module each public name lives in."""


def __getattr__(name: str) -> Any:
    for module, names in _HOMES.items():
        if name in names:
            from importlib import import_module

            value = getattr(import_module(module), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module 'robofeed' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
