"""Recording demonstrations: no policy, no learner, a person at the controls of one arm."""

from __future__ import annotations

import contextlib
import signal
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from robofeed.act.collector import TRAINING_SEEDS
from robofeed.act.helm import Helm
from robofeed.act.recording import Recorded
from robofeed.act.rollout import HoldingPolicy, Rollout
from robofeed.config import ResolvedRun, RunConfig, resolve
from robofeed.data.episode_frames import Darkroom
from robofeed.data.errors import ConfigError, SafetyStop
from robofeed.data.feedback import Demonstration, Stamp
from robofeed.data.ledger import Ledger
from robofeed.data.observation import Ended
from robofeed.data.run_folder import create_run_folder
from robofeed.data.store import EpisodeStore
from robofeed.observe.fleet import LocalFleet
from robofeed.plugins import PluginRegistry, load_plugins
from robofeed.run_file import dump_toml
from robofeed.training.controls import open_controls, records_of
from robofeed.training.parts import MakeBackend
from robofeed.training.session import describe_run


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
    registry = registry or load_plugins()
    resolved = resolve(config, registry.provider)
    if not config.control.socket:
        raise ConfigError("control.socket = false leaves nobody a way to the controls")
    fleet = LocalFleet(_long_episodes(resolved, seconds), with_truth=config.simulation.truth)
    with contextlib.ExitStack() as stack:
        stack.callback(fleet.close)
        folder = create_run_folder(
            Path(config.run.out),
            config.run.name,
            title=f"{config.run.preset}-demonstrations",
            seed=config.run.seed,
        )
        unnamed = resolved.config.run.model_copy(update={"name": ""})
        saved = resolved.config.model_copy(update={"run": unnamed})
        folder.config_path.write_text(dump_toml(saved), encoding="utf-8")
        folder.write_about(
            {**describe_run(folder, resolved, registry), "records": "demonstrations"}
        )
        stack.callback(folder.update_about, status="finished")
        ledger = Ledger.open(folder.ledger)
        stack.callback(ledger.close)
        controls = open_controls(config.control, folder, fleet, ledger, phase="recording")
        if controls is None:
            raise ConfigError(f"an arm of {config.backend.use} has no actions a person can steer")
        stack.callback(controls.close)
        interrupted = stack.enter_context(_catching_interrupt())
        gone = opened(folder.path)
        store = EpisodeStore(folder.path, Darkroom(fleet.spec))
        controls.helm.interrupted = lambda: interrupted() or gone()
        session = _Session(fleet, controls.helm, store, ledger)
        session.go(demonstrations, np.random.default_rng(config.run.seed))
        return RecordingResult(
            folder.path,
            controls.helm.kept,
            session.episodes,
            interrupted(),
            tuple(session.latencies_ms),
            fleet.spec.period_s,
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
        if visit.stopped_by is not None or episode.ended is Ended.FAULT:
            raise SafetyStop(
                f"{episode.id}, step {len(episode)}: {episode.reason or 'stopped by a person'}. "
                "What was recorded until then is on disk"
            )
        if visit.discarded or visit.cut_short:
            return
        for record in records_of(visit):
            self._ledger.append(record)
        well = visit.mark.success if visit.mark is not None else self._helm.driver is not None
        if visit.stretches and (well or episode.ended is Ended.TERMINATED):
            driver = visit.stretches[-1].driver
            stamp = Stamp(
                str(uuid.uuid4()), driver.person, driver.source, answered_at_ns=time.time_ns()
            )
            self._ledger.append(Demonstration(stamp, episode.id))
            self._helm.kept += 1


def _long_episodes(resolved: ResolvedRun, seconds: float) -> MakeBackend:
    """The backend, with time for a person and an end at success where its settings know these."""
    settings: dict[str, Any] = resolved.backend.settings.model_dump(mode="json", exclude_none=True)
    made = MakeBackend(resolved.config.backend.use, settings)
    if "horizon" in settings:
        settings["horizon"] = max(1, round(seconds / made().spec.period_s))
    if "fixed_horizon" in settings:
        settings["fixed_horizon"] = False
    return made


@contextlib.contextmanager
def _catching_interrupt() -> Iterator[Callable[[], bool]]:
    """The first Ctrl-C or SIGTERM ends the recording in order, a second one at once."""
    came = False

    def interrupt(number: int, frame: object) -> None:
        nonlocal came
        if came:
            raise KeyboardInterrupt
        came = True

    try:
        before = {
            number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)
        }
    except ValueError:
        # Not the main thread: whoever records there has their own way of ending it.
        before = {}
    try:
        yield lambda: came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
