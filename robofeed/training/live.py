"""A trained policy acts on an arm under the eyes of a person, and nothing is learned."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from robofeed.act.collector import TRAINING_SEEDS
from robofeed.act.helm import LIVE
from robofeed.act.recording import Recorded
from robofeed.act.rollout import Rollout
from robofeed.config import RunConfig, resolve
from robofeed.data.episode_frames import Darkroom
from robofeed.data.errors import SafetyStop
from robofeed.data.observation import Ended
from robofeed.data.store import EpisodeStore
from robofeed.interfaces import Backend
from robofeed.plugins import PluginRegistry, load_plugins
from robofeed.training.arms import make_backend
from robofeed.training.controls import records_of
from robofeed.training.examples import CORRECTIONS
from robofeed.training.manned import Manned, manned
from robofeed.training.tally import Tally
from robofeed.training.trained import Trained


def live(
    config: RunConfig,
    trained: Trained,
    episodes: int | None,
    tally: Tally,
    *,
    seconds: float = 60.0,
    opened: Callable[[Path], Callable[[], bool]],
    registry: PluginRegistry | None = None,
) -> None:
    """Let a policy act in a new folder while somebody holds the controls; paused while nobody does.

    The arm begins paused. Every episode is kept; what a person steered in those that were not
    discarded is in the ledger as a `Correction`, for later runs to learn from (`prior.folder`).

    Args:
        config: Names the backend and its settings.
        trained: The policy; its mean actions.
        episodes: How many, discarded ones not counted; None = until told to end.
        tally: Told of each episode as it ends, so that it is right however the session ends.
        seconds: The longest episode, in place of the backend's own.
        opened: Called with the folder once somebody may take the controls; returns what says
            whether to end.
        registry: The plugins; loaded where there are none.

    Raises:
        DataError: the policy does not fit the backend, which was not opened.
        SafetyStop: somebody stopped the arm, or an action was refused; all is on disk.
        RobofeedError: an unusable configuration, an arm that cannot be used, a full disk.
    """
    registry = registry or load_plugins()
    closed: Backend = make_backend(resolve(config, registry.provider))()
    trained.check_fit(closed.spec, config.backend.use)
    with manned(
        config,
        f"{config.run.preset}-live",
        LIVE,
        seconds=seconds,
        opened=opened,
        registry=registry,
        about={"records": CORRECTIONS, "checkpoint": trained.checkpoint},
    ) as desk:
        tally.folder, tally.checkpoint = desk.folder.path, trained.checkpoint
        tally.backend = config.backend.use
        store = EpisodeStore(desk.folder.path, Darkroom(desk.fleet.spec))
        rng, number = np.random.default_rng(config.run.seed), 0
        try:
            while not desk.helm.interrupted() and tally.episodes != episodes:
                # Of training: what is corrected in them may be trained on.
                seed, name = int(rng.integers(*TRAINING_SEEDS)), f"l{number:06d}"
                rollout = Rollout(
                    desk.fleet, [seed], [name], lambda: trained.policy, None, helm=desk.helm
                )
                for recorded in _act(desk, rollout):
                    if len(recorded.episode):
                        number += 1
                        _keep(desk, store, recorded, tally)
        finally:
            tally.interrupted = desk.interrupted()


def _act(desk: Manned, rollout: Rollout) -> list[Recorded]:
    """One episode; none where the arm was held on its way to it, until somebody let it go on."""
    try:
        return rollout.run()
    except SafetyStop:
        way = desk.on_the_way
        if desk.helm.visit.stopped_by is not None or way is None or not way.held:
            raise
    desk.helm.await_start()
    desk.fleet.acknowledge()
    return []


def _keep(desk: Manned, store: EpisodeStore, recorded: Recorded, tally: Tally) -> None:
    episode, visit = recorded.episode, desk.helm.visit
    store.write(episode, recorded.truth)
    store.sync()
    tally.count(recorded, visit)
    desk.helm.kept = tally.episodes
    if not visit.discarded:
        for record in records_of(visit):
            desk.ledger.append(record)
    if visit.stopped_by is not None or episode.ended is Ended.FAULT:
        reason = episode.why or "stopped by a person"
        raise SafetyStop(
            f"{episode.id}, step {len(episode)}: {reason}. What was done until then is on disk"
        )
