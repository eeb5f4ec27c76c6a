"""Steering an arm by the page or by keys, nothing recorded: to move it, and to try its controls."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from robofeed.act.rollout import HoldingPolicy, Rollout
from robofeed.config import RunConfig
from robofeed.data.errors import SafetyStop
from robofeed.data.observation import Ended
from robofeed.plugins import PluginRegistry
from robofeed.training.manned import STEERING, manned

EPISODE_S = 600.0
"""An arm that starts where it is notices nothing of an episode's end."""


def steer(
    config: RunConfig,
    *,
    opened: Callable[[Path], Callable[[], bool]],
    registry: PluginRegistry | None = None,
) -> None:
    """Let people drive one arm through its control socket until told to end; keeps nothing.

    The same loop, gates and rules as recording: one person at a time holds the controls, and the
    arm holds still while nobody does, when they are silent for 250 ms, and after Stop.

    Args:
        config: Names the backend and its settings. The folder is a temporary one.
        opened: Called with that folder once somebody may take the controls; returns what says
            whether to end.
        registry: The plugins; loaded where there are none.

    Raises:
        SafetyStop: a person stopped the arm, or it holds by itself.
        RobofeedError: an unusable configuration, an arm that cannot be used.
    """
    with tempfile.TemporaryDirectory(prefix="robofeed-steering-") as out:
        table = config.run.model_copy(update={"out": out, "name": ""})
        here = config.model_copy(update={"run": table})
        with manned(
            here, "steering", STEERING, seconds=EPISODE_S, opened=opened, registry=registry
        ) as desk:
            policy = HoldingPolicy(desk.fleet)
            while not desk.helm.interrupted():
                rollout = Rollout(
                    desk.fleet, [None], ["steering"], lambda: policy, None, helm=desk.helm
                )
                # None where it is to end while somebody has a real arm paused.
                for recorded in rollout.run():
                    stopped = desk.helm.visit.stopped_by
                    if stopped is not None:
                        raise SafetyStop(f"stopped by {stopped.person} ({stopped.source})")
                    if recorded.episode.ended is Ended.FAULT:
                        raise SafetyStop(recorded.episode.reason)
