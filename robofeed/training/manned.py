"""One arm with people at its controls: its folder, its control socket, and how that ends."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from robofeed.act.helm import Helm
from robofeed.act.on_the_way import OnTheWay
from robofeed.config import ResolvedRun, RunConfig, resolve
from robofeed.data.errors import ConfigError
from robofeed.data.ledger import Ledger
from robofeed.data.run_folder import RunFolder
from robofeed.observe.fleet import LocalFleet
from robofeed.plugins import PluginRegistry, load_plugins
from robofeed.training.arms import MakeBackend
from robofeed.training.controls import open_controls
from robofeed.training.interrupt import catching_interrupt
from robofeed.training.new_folder import begin_folder

STEERING = "steering"
"""Phase in which an arm is driven about, to no end that would be reached."""


@dataclass(frozen=True, slots=True)
class Manned:
    """What is open while people may take the controls."""

    folder: RunFolder
    fleet: LocalFleet
    ledger: Ledger
    helm: Helm
    on_the_way: OnTheWay | None
    """of a real arm"""
    interrupted: Callable[[], bool]
    """whether Ctrl-C or SIGTERM came"""


@contextlib.contextmanager
def manned(
    config: RunConfig,
    title: str,
    phase: str,
    *,
    seconds: float,
    opened: Callable[[Path], Callable[[], bool]],
    registry: PluginRegistry | None = None,
    about: Mapping[str, Any] | None = None,
) -> Iterator[Manned]:
    """Open one arm in a new folder for people to take the controls; all is closed afterwards.

    Args:
        config: Names the backend and its settings; nothing is learned.
        title: Of the folder, where the configuration gives it no name.
        phase: What those who watch are told that this is.
        seconds: The longest episode, in place of the backend's own.
        opened: Called with the folder once somebody may take the controls; returns what says
            whether to wait for them no longer.
        registry: The plugins; loaded where there are none.
        about: More to say in run.json.

    Raises:
        RobofeedError: an unusable configuration, an arm that cannot be used, a full disk.
    """
    registry = registry or load_plugins()
    resolved = resolve(config, registry.provider)
    if not config.control.socket:
        raise ConfigError(
            "control.socket = false leaves nobody a way to the controls: --set control.socket=true"
        )
    made = _long_episodes(resolved, seconds, until_success=phase != STEERING)
    fleet = LocalFleet(made, with_truth=config.simulation.truth)
    with contextlib.ExitStack() as stack:
        stack.callback(fleet.close)
        folder = begin_folder(resolved, registry, title, about)
        stack.push(partial(_ended, folder))
        ledger = Ledger.open(folder.ledger)
        stack.callback(ledger.close)
        controls = open_controls(config.control, folder, fleet, ledger, phase=phase)
        if controls is None:
            raise ConfigError(f"an arm of {config.backend.use} has no actions a person can steer")
        stack.callback(controls.close)
        interrupted = stack.enter_context(catching_interrupt())
        gone = opened(folder.path)
        controls.helm.interrupted = lambda: interrupted() or gone()
        yield Manned(folder, fleet, ledger, controls.helm, controls.on_the_way, interrupted)


def _ended(folder: RunFolder, kind: type[BaseException] | None, *_: object) -> None:
    folder.update_about(status="finished" if kind is None else "failed")


def _long_episodes(resolved: ResolvedRun, seconds: float, until_success: bool) -> MakeBackend:
    """The backend, with time for a person and an end at success where its settings know these."""
    settings: dict[str, Any] = resolved.backend.settings.model_dump(mode="json", exclude_none=True)
    made = MakeBackend(resolved.config.backend.use, settings)
    if "horizon" in settings:
        settings["horizon"] = max(1, round(seconds / made().spec.period_s))
    if "fixed_horizon" in settings:
        settings["fixed_horizon"] = not until_success
    return made
