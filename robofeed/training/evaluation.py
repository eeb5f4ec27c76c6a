"""Evaluating a finished or interrupted run's policy from its last good checkpoint."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from robofeed.act.collector import REPORTING_SEEDS
from robofeed.act.examiner import examine
from robofeed.act.helm import Helm
from robofeed.act.recording import Recorded
from robofeed.config import ResolvedRun, resolve
from robofeed.data.episode_frames import Darkroom
from robofeed.data.errors import DataError
from robofeed.data.fleet import Fleet
from robofeed.data.intervals import wilson_interval
from robofeed.data.ledger import Ledger
from robofeed.data.run_folder import RunFolder, open_run_folder
from robofeed.data.store import EpisodeStore
from robofeed.interfaces import Backend, HasTruth
from robofeed.plugins import load_plugins
from robofeed.run_file import load_config
from robofeed.training.arms import make_backend, open_fleet
from robofeed.training.controls import open_controls
from robofeed.training.interrupt import catching_interrupt
from robofeed.training.trained import load_trained


@dataclass(frozen=True, slots=True)
class RunEvaluation:
    """Success of a policy's mean actions; the interval is Wilson's, 95 %."""

    run: str
    checkpoint: str
    episodes: int
    first_seed: int
    successes: int
    success_rate: float
    interval: tuple[float, float]
    collisions: int
    mean_true_return: float
    mean_last_reward: float
    """true reward of an episode's last step; for reach minus the distance in units of 0.1 m"""
    skipped_checkpoints: tuple[str, ...]
    """damaged ones that were passed over"""
    chosen_by: str
    """what made it this checkpoint: "last", or the criterion by which it is the best"""
    backend: str
    """on which it was evaluated; need not be the one it was trained on"""

    def describe(self) -> dict[str, Any]:
        """As JSON-ready values."""
        return asdict(self)


def evaluate_run(
    run_dir: Path,
    episodes: int,
    best: bool = False,
    overrides: Sequence[str] = (),
    heard: Callable[[int], object] = lambda done: None,
) -> RunEvaluation:
    """Run the policy of the last good checkpoint on the first `episodes` reporting seeds.

    With `best`, that of the best one by the criterion which its run's last checkpoint names.
    `overrides` change the saved configuration: whether there is a window, or on which backend.
    `heard` is told how many episodes are done.

    Raises:
        DataError: not a run, or one without a checkpoint yet, or without one judged the best; or
            another backend whose observations or actions are not those of the policy.
        SafetyStop: an action of the policy was refused, or somebody stopped a real arm; that
            episode is in the run folder.
        KeyboardInterrupt: Ctrl-C; a real arm has then ended its episode.
    """
    folder = open_run_folder(run_dir)
    trained = load_trained(folder, best)
    resolved = resolve(
        load_config(file=folder.config_path, overrides=overrides), load_plugins().provider
    )
    # Before anything is opened: a real arm is not to be touched for nothing.
    closed: Backend = make_backend(resolved)()
    if not (resolved.config.simulation.truth and isinstance(closed, HasTruth)):
        raise DataError("this backend knows no ground truth; success cannot be measured")
    trained.check_fit(closed.spec, resolved.config.backend.use)
    with contextlib.ExitStack() as opened:
        fleet = open_fleet(resolved)
        opened.callback(fleet.close)
        helm = None if fleet.spec.simulated else _open_helm(resolved, folder, fleet, opened)
        seeds = tuple(range(REPORTING_SEEDS[0], REPORTING_SEEDS[0] + episodes))
        store = EpisodeStore(run_dir, Darkroom(fleet.spec))
        number = sum(name.startswith("vx") for name in store.ids())

        def keep(recorded: Recorded) -> None:
            store.write(recorded.episode, recorded.truth)

        def go_on(done: int) -> None:
            if helm is not None and helm.interrupted():
                raise KeyboardInterrupt
            heard(done)

        examination = examine(fleet, trained.policy, seeds, f"vx{number:04d}", keep, helm, go_on)
    return RunEvaluation(
        run=str(run_dir),
        checkpoint=trained.checkpoint,
        episodes=episodes,
        first_seed=seeds[0],
        successes=examination.successes,
        success_rate=examination.successes / episodes,
        interval=wilson_interval(examination.successes, episodes),
        collisions=examination.collisions,
        mean_true_return=float(np.mean(examination.true_returns)),
        mean_last_reward=float(np.mean(examination.last_rewards)),
        skipped_checkpoints=trained.skipped,
        chosen_by=trained.chosen_by,
        backend=resolved.config.backend.use,
    )


def _open_helm(
    resolved: ResolvedRun, folder: RunFolder, fleet: Fleet, opened: contextlib.ExitStack
) -> Helm | None:
    """Let people watch a real arm, pause and stop it, and Ctrl-C end it between two episodes."""
    ledger = Ledger.open(folder.ledger)
    opened.callback(ledger.close)
    controls = open_controls(resolved.config.control, folder, fleet, ledger, phase="evaluation")
    if controls is None:
        return None
    opened.callback(controls.close)
    helm = controls.helm
    helm.on_touch = lambda: None  # what the run learned, and how, stays as it is
    helm.interrupted = opened.enter_context(catching_interrupt())
    return helm
