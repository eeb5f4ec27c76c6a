"""The arms of a run: how its backend is made, and in which processes it runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from robofeed.config import ResolvedRun
from robofeed.data.fleet import Fleet
from robofeed.observe.fleet import LocalFleet, ProcessFleet
from robofeed.plugins import load_plugins


@dataclass(frozen=True, slots=True)
class MakeBackend:
    """Makes the run's backend, here or in a worker process: plain values only."""

    provider: str
    settings: dict[str, Any]

    def __call__(self) -> Any:
        """Load the plugin and create the backend (not yet open)."""
        provider = load_plugins().provider("backend", self.provider)
        return provider.create(provider.config_type.model_validate(self.settings), None)


def make_backend(resolved: ResolvedRun) -> MakeBackend:
    """What makes the run's backend, closed."""
    settings = resolved.backend.settings.model_dump(mode="json", exclude_none=True)
    return MakeBackend(resolved.config.backend.use, settings)


def open_fleet(resolved: ResolvedRun) -> Fleet:
    """Open the run's arms: one simulator in this process, several in a process each.

    A real arm is always one, in a process that does nothing else: `simulation.processes` is about
    simulators.
    """
    factory = make_backend(resolved)
    simulation = resolved.config.simulation
    if not factory().spec.simulated:
        return ProcessFleet(factory, 1, with_truth=simulation.truth)
    if simulation.processes == 1:
        # One simulator needs no process of its own; its run is then reproducible to the byte.
        return LocalFleet(factory, with_truth=simulation.truth)
    return ProcessFleet(factory, simulation.processes, with_truth=simulation.truth)
