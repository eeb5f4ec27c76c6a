"""Playing a recorded episode back: what was executed is executed again, and compared."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from robofeed.config import resolve
from robofeed.data.episode import Episode, Segment
from robofeed.data.errors import DataError
from robofeed.data.observation import ControlMode, Gate
from robofeed.data.run_folder import open_run_folder
from robofeed.data.spec import FloatArray
from robofeed.data.store import FOLDER, EpisodeStore
from robofeed.feedback.clips import Clip
from robofeed.labelling.run_camera import open_clips
from robofeed.observe.clock import FixedRate
from robofeed.plugins import load_plugins
from robofeed.run_file import load_config
from robofeed.safety import Guarded

_SUFFIX = ".parquet"


@dataclass(frozen=True, slots=True)
class FoundEpisode:
    """An episode and the folder of its run."""

    run_dir: Path
    episode: Episode


@dataclass(frozen=True, slots=True)
class Replayed:
    """How an episode went the second time."""

    episode_id: str
    steps: int
    same: bool
    """every observation to the bit"""
    largest_difference: float
    """of any element of an observation, in its unit"""

    def describe(self) -> str:
        """In a sentence."""
        how = (
            "every observation is the same to the bit"
            if self.same
            else f"observations differ by up to {self.largest_difference:.3g}"
        )
        return f"{self.episode_id}: {self.steps} steps executed again; {how}"


def find_episode(path: Path) -> FoundEpisode:
    """The episode at RUN/EPISODE, RUN/episodes/EPISODE or its file.

    Raises:
        DataError: there is none.
    """
    name = path.name.removesuffix(_SUFFIX)
    run_dir = path.parent.parent if path.parent.name == FOLDER else path.parent
    folder = open_run_folder(run_dir)
    store = EpisodeStore(folder.path)
    if name not in store.ids():
        some = ", ".join(store.ids()[:3]) or "none"
        raise DataError(f"{run_dir} has no episode {name!r}; there are, for instance: {some}")
    return FoundEpisode(folder.path, store.read(name))


def film(found: FoundEpisode) -> Clip:
    """The whole episode as a clip, one picture a step, drawn from its stored scenes.

    Raises:
        DataError: it has no steps, or the film cannot be written.
    """
    if not len(found.episode):
        raise DataError(f"{found.episode.id} has no steps to film")
    segment = Segment(found.episode.id, 0, len(found.episode))
    return open_clips(found.run_dir).clip(segment)


def reexecute(found: FoundEpisode, window: bool = False) -> Replayed:
    """Start from the episode's seed and execute its actions again.

    With a `window` in the simulator's own, at real time.

    Raises:
        DataError: it was recorded without a seed, or with a backend that is not repeatable.
        HardwareError: no window can be opened.
    """
    config = load_config(
        file=open_run_folder(found.run_dir).config_path,
        overrides=["backend.pybullet.gui=true"] if window else [],
    )
    backend_choice = resolve(config, load_plugins().provider).backend
    guarded = Guarded(backend_choice.provider.create(backend_choice.settings, None))
    episode = found.episode
    if episode.seed is None or not guarded.spec.seedable:
        raise DataError(f"{episode.id} was recorded without a seed: it cannot be executed again")
    if episode.spec_hash != guarded.spec.hash():
        raise DataError(f"{episode.id} was recorded with other observations or actions")
    rate = FixedRate(guarded.spec.period_s)
    guarded.open()
    try:
        seen = [guarded.reset(episode.seed).state]
        if window:
            rate.start()
        for action in asked(episode):
            if window:
                rate.wait()
            guarded.apply(action)
            seen.append(guarded.observe().state)
    finally:
        guarded.close()
    difference = np.abs(np.stack(seen) - episode.observations)
    return Replayed(
        episode.id,
        len(episode),
        bool((difference == 0).all()),
        float(difference.max()),
    )


def asked(episode: Episode) -> FloatArray:
    """What stood before the safety gates at each step, float32 [T, action].

    Where a gate shortened the way of the joints, no action leads to quite the same goal: there the
    gates are given what they were given then.
    """
    actions = episode.executed.copy()
    touched = episode.gates != Gate.NONE
    autonomous = touched & (episode.mode == ControlMode.AUTONOMOUS)
    actions[autonomous] = episode.proposed[autonomous]
    if episode.correction is not None:
        steered = touched & (episode.mode == ControlMode.CORRECTING)
        actions[steered] = episode.correction[steered]
    return actions
