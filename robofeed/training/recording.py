"""Recording demonstrations: no policy, no learner, a person at the controls of one arm."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from robofeed.act.collector import TRAINING_SEEDS
from robofeed.act.helm import Helm
from robofeed.act.recording import Recorded
from robofeed.act.rollout import HoldingPolicy, Rollout
from robofeed.config import RunConfig
from robofeed.data.episode_frames import Darkroom
from robofeed.data.errors import SafetyStop
from robofeed.data.feedback import Demonstration, Stamp
from robofeed.data.ledger import Ledger
from robofeed.data.observation import Ended
from robofeed.data.store import EpisodeStore
from robofeed.observe.fleet import LocalFleet
from robofeed.plugins import PluginRegistry
from robofeed.training.controls import records_of
from robofeed.training.examples import DEMONSTRATIONS
from robofeed.training.manned import manned


@dataclass(frozen=True, slots=True)
class RecordingResult:
    """What was recorded. `episodes` counts all, also those that are no demonstrations."""

    folder: Path
    kept: int
    episodes: int
    interrupted: bool
    latencies_ms: tuple[float, ...]
    """of each key: until the end of the step that obeyed it"""
    period_s: float


def record(
    config: RunConfig,
    demonstrations: int,
    *,
    seconds: float = 60.0,
    opened: Callable[[Path], Callable[[], bool]] = lambda folder: lambda: False,
    registry: PluginRegistry | None = None,
) -> RecordingResult:
    """Record so many demonstrations in a new folder, each of at most `seconds`.

    An episode is a demonstration if a person steered in it and it ended well: with the task done,
    called a success, or with its time over and the person still at the controls. All others are
    kept on disk, without a `Demonstration` in the ledger.

    Args:
        config: Names the backend and its settings; nothing is learned.
        demonstrations: How many to record.
        seconds: The longest episode, in place of the backend's own.
        opened: Called with the folder once somebody may take the controls; returns what says
            whether to wait for them no longer.
        registry: The plugins; loaded where there are none.

    Raises:
        SafetyStop: the person stopped the arm; what was recorded until then is on disk.
        RobofeedError: an unusable configuration, a simulator that failed, a full disk.
    """
    with manned(
        config,
        f"{config.run.preset}-demonstrations",
        "recording",
        seconds=seconds,
        opened=opened,
        registry=registry,
        about={"records": DEMONSTRATIONS},
    ) as desk:
        store = EpisodeStore(desk.folder.path, Darkroom(desk.fleet.spec))
        session = _Session(desk.fleet, desk.helm, store, desk.ledger)
        session.go(demonstrations, np.random.default_rng(config.run.seed))
        return RecordingResult(
            desk.folder.path,
            desk.helm.kept,
            session.episodes,
            desk.interrupted(),
            tuple(session.latencies_ms),
            desk.fleet.spec.period_s,
        )


class _Session:
    def __init__(self, fleet: LocalFleet, helm: Helm, store: EpisodeStore, ledger: Ledger) -> None:
        self._fleet, self._helm, self._store, self._ledger = fleet, helm, store, ledger
        self.episodes = 0
        self.latencies_ms: list[float] = []

    def go(self, demonstrations: int, rng: np.random.Generator) -> None:
        helm, policy = self._helm, HoldingPolicy(self._fleet)
        while helm.kept < demonstrations and not helm.interrupted():
            # The scene is there to be seen, and waits for somebody to take the controls.
            seed, name = int(rng.integers(*TRAINING_SEEDS)), f"d{self.episodes:06d}"
            rollout = Rollout(self._fleet, [seed], [name], lambda: policy, None, helm=helm)
            for recorded in rollout.run():
                self._keep(recorded)

    def _keep(self, recorded: Recorded) -> None:
        episode, visit = recorded.episode, self._helm.visit
        if not len(episode):
            return
        self._store.write(episode, recorded.truth)
        self._store.sync()
        self.episodes += 1
        self.latencies_ms += visit.latencies_ms
        kept = not (visit.discarded or visit.cut_short)
        for record in records_of(visit) if kept else ():
            self._ledger.append(record)
        if visit.stopped_by is not None or episode.ended is Ended.FAULT:
            reason = episode.why or "stopped by a person"
            raise SafetyStop(
                f"{episode.id}, step {len(episode)}: {reason}. "
                "What was recorded until then is on disk"
            )
        if not kept:
            return
        well = visit.mark.success if visit.mark is not None else self._helm.driver is not None
        if visit.stretches and (well or episode.ended is Ended.TERMINATED):
            driver = visit.stretches[-1].driver
            stamp = Stamp(
                str(uuid.uuid4()), driver.person, driver.source, answered_at_ns=time.time_ns()
            )
            self._ledger.append(Demonstration(stamp, episode.id))
            self._helm.kept += 1
