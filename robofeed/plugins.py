"""Finding plugins by entry points, loading each behind a guard, looking providers up by name."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any, Literal

import pluggy

from robofeed import hookspecs
from robofeed.data.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from robofeed.events import Event
    from robofeed.interfaces import Provider

GROUP = "robofeed"
"""The entry-point group of all plugins, bundled or not."""

ALLOW_VARIABLE = "ROBOFEED_PLUGINS"
"""Environment variable that limits loading: entry points or distributions, comma-separated."""

API = 1
"""The plugin interface this robofeed speaks (`Provider.api`)."""

ProviderKind = Literal["backend", "feedback", "reward", "learner"]

_OFFERING_HOOKS: Mapping[ProviderKind, str] = {
    "backend": "robofeed_backends",
    "feedback": "robofeed_feedback_sources",
    "reward": "robofeed_reward_models",
    "learner": "robofeed_learners",
}
# By class name, so that finding plugins does not import numpy through the events' module.
_WATCHING_HOOKS: Mapping[str, str] = {
    "RunStarted": "robofeed_run_started",
    "EpisodeRecorded": "robofeed_episode_recorded",
    "FeedbackReceived": "robofeed_feedback_received",
    "Corrected": "robofeed_updated",
    "RewardFitted": "robofeed_updated",
    "Updated": "robofeed_updated",
    "Evaluated": "robofeed_updated",
    "RunFinished": "robofeed_run_finished",
}
# Bundled names and the folders of a checkout that bring them.
_BUNDLED: Mapping[tuple[ProviderKind, str], tuple[str, ...]] = {
    ("backend", "pybullet"): ("plugins/robofeed-pybullet", "sim_assets"),
}

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PluginRow:
    """One plugin as `robofeed plugins list` shows it. `error` is empty where all is well."""

    distribution: str
    version: str
    entry_point: str
    offers: tuple[str, ...]
    """such as "backend pybullet" or "watches updated" """
    error: str


@dataclass(frozen=True, slots=True)
class ObserverFailure:
    """An observer hook that raised; the run went on."""

    distribution: str
    hook: str
    error: str
    times: int


class PluginRegistry:
    """The plugins of one process: made by `load_plugins` and passed on, never global."""

    def __init__(self) -> None:
        self._manager = pluggy.PluginManager(GROUP)
        self._manager.add_hookspecs(hookspecs)
        self._rows: list[PluginRow] = []
        self._providers: dict[tuple[ProviderKind, str], list[tuple[str, Provider[Any]]]] = {}
        self._left_out: list[str] = []
        self._failures: dict[tuple[str, str], ObserverFailure] = {}

    def add(
        self, plugin: object, distribution: str, version: str = "", entry_point: str = ""
    ) -> None:
        """Register a loaded plugin and collect what it offers; what is wrong with it is listed."""
        name = f"{distribution}:{entry_point}"
        if self._manager.has_plugin(name) or self._manager.is_registered(plugin):
            self.add_broken(distribution, version, entry_point, ConfigError("registered twice"))
            return
        try:
            self._manager.register(plugin, name=name)
            self._refuse_unknown_hooks(plugin)
            offers, problems = self._collect(plugin, distribution)
        except Exception as error:
            # pluggy keeps a plugin whose hooks it refused.
            if self._manager.has_plugin(name):
                self._manager.unregister(name=name)
            self.add_broken(distribution, version, entry_point, error)
            return
        self._rows.append(
            PluginRow(distribution, version, entry_point, tuple(offers), "; ".join(problems))
        )

    def add_broken(
        self, distribution: str, version: str, entry_point: str, error: BaseException
    ) -> None:
        """Keep the error of a plugin that could not be loaded."""
        _log.debug("plugin %s could not be loaded", distribution, exc_info=error)
        text = f"{type(error).__name__}: {error}"
        self._rows.append(PluginRow(distribution, version, entry_point, (), text))

    def leave_out(self, distribution: str) -> None:
        """Note that an installed plugin was not loaded because the allow-list lacks it."""
        self._left_out.append(distribution)

    def names(self, kind: ProviderKind) -> tuple[str, ...]:
        """Names that `provider` knows for this kind, sorted."""
        return tuple(sorted(name for a_kind, name in self._providers if a_kind == kind))

    def provider(self, kind: ProviderKind, name: str) -> Provider[Any]:
        """Look a provider up.

        Raises:
            ConfigError: no plugin, or more than one, offers it.
        """
        offered = self._providers.get((kind, name), [])
        if not offered:
            raise ConfigError(self._why_missing(kind, name))
        if len(offered) > 1:
            raise ConfigError(self._duplicate(kind, name) + "; uninstall one of them")
        return offered[0][1]

    def listing(self) -> tuple[PluginRow, ...]:
        """Every plugin found, broken ones with their error, duplicates named in both rows."""
        rows = []
        for row in self._rows:
            clashes = [
                self._duplicate(kind, name)
                for (kind, name), offered in self._providers.items()
                if len(offered) > 1 and f"{kind} {name}" in row.offers
            ]
            error = "; ".join(filter(None, (row.error, *clashes)))
            rows.append(
                PluginRow(row.distribution, row.version, row.entry_point, row.offers, error)
            )
        return tuple(rows)

    def notify(self, event: Event) -> None:
        """Tell every observer. One that raises is logged and kept in `observer_failures`."""
        hook = _WATCHING_HOOKS[type(event).__name__]
        for plugin_name, plugin in self._manager.list_name_plugin():
            try:
                self._call(hook, plugin, event=event)
            except Exception as error:
                distribution = plugin_name.partition(":")[0]
                before = self._failures.get((distribution, hook))
                text = f"{type(error).__name__}: {error}"
                times = before.times + 1 if before else 1
                self._failures[distribution, hook] = ObserverFailure(
                    distribution, hook, text, times
                )
                if times == 1:
                    _log.error("observer %s of plugin %s failed: %s", hook, distribution, text)
                _log.debug("observer traceback", exc_info=error)

    @property
    def observer_failures(self) -> tuple[ObserverFailure, ...]:
        """Observers that raised so far, to be reported at the end of the run."""
        return tuple(self._failures.values())

    def _call(self, hook: str, plugin: object, **arguments: object) -> list[Any]:
        others = [other for other in self._manager.get_plugins() if other is not plugin]
        answers: list[Any] = self._manager.subset_hook_caller(hook, others)(**arguments)
        return answers

    def _refuse_unknown_hooks(self, plugin: object) -> None:
        for caller in self._manager.get_hookcallers(plugin) or []:
            if not caller.has_spec():
                known = [*_OFFERING_HOOKS.values(), *_WATCHING_HOOKS.values()]
                raise ConfigError(f"no hook {caller.name!r}{did_you_mean(caller.name, known)}")

    def _collect(self, plugin: object, distribution: str) -> tuple[list[str], list[str]]:
        """Gather all of a plugin's providers before any is taken, so that one fails as a whole."""
        from robofeed.interfaces import Provider

        gathered: list[tuple[ProviderKind, Provider[Any]]] = []
        problems: list[str] = []
        for kind, hook in _OFFERING_HOOKS.items():
            for provider in (one for answer in self._call(hook, plugin) for one in answer):
                if not isinstance(provider, Provider):
                    raise TypeError(f"{hook} gave {provider!r}, which is not a Provider")
                if provider.api != API:
                    problems.append(
                        f"{kind} {provider.name} is made for plugin interface {provider.api}, "
                        f"this robofeed speaks {API}"
                    )
                    continue
                gathered.append((kind, provider))
        for kind, provider in gathered:
            self._providers.setdefault((kind, provider.name), []).append((distribution, provider))
        hooks = {caller.name for caller in self._manager.get_hookcallers(plugin) or []}
        watched = sorted(hooks & set(_WATCHING_HOOKS.values()))
        offers = [f"{kind} {provider.name}" for kind, provider in gathered]
        offers += [f"watches {hook.removeprefix('robofeed_')}" for hook in watched]
        return offers, problems

    def _duplicate(self, kind: ProviderKind, name: str) -> str:
        owners = " and ".join(distribution for distribution, _ in self._providers[kind, name])
        return f"{kind} {name!r} is offered by {owners}"

    def _why_missing(self, kind: ProviderKind, name: str) -> str:
        said = f"no {kind} named {name!r}"
        folders = _BUNDLED.get((kind, name), ())
        distributions = {folder.rpartition("/")[2] for folder in folders} | {f"robofeed-{name}"}
        for row in self._rows:
            if row.error and (row.distribution in distributions or row.entry_point == name):
                return f"{said}: its plugin {row.distribution} has an error: {row.error}"
        for distribution in self._left_out:
            if distribution in distributions:
                return f"{said}: {ALLOW_VARIABLE} leaves {distribution} out"
        if folders:
            command = "pip install " + " ".join(f"-e {folder}" for folder in folders)
            return f"{said}: its plugin is not installed; in the robofeed checkout run: {command}"
        said += did_you_mean(name, self.names(kind))
        broken = ", ".join(row.distribution for row in self._rows if row.error)
        return f"{said} (plugins with errors: {broken})" if broken else said


def load_plugins(allow: Sequence[str] | None = None) -> PluginRegistry:
    """Find, load and register the installed plugins, core's own first.

    `allow` names the plugins to load, by entry point or distribution; the others are not even
    imported. None means the list in ROBOFEED_PLUGINS, or all where that is not set. Core's own
    are always loaded.

    Raises:
        ConfigError: `allow` names a plugin that is not installed.
    """
    found = _find()
    if allow is None:
        listed = os.environ.get(ALLOW_VARIABLE)
        allow = None if listed is None else [name.strip() for name in listed.split(",")]
    wanted = None if allow is None else {_normal(name) for name in allow if name}
    if wanted is not None:
        known = {_normal(name) for point in found for name in (point.name, _distribution(point)[0])}
        for name in sorted(wanted - known):
            raise ConfigError(f"plugin {name!r} is not installed{did_you_mean(name, known)}")
    registry = PluginRegistry()
    for point in found:
        distribution, version = _distribution(point)
        names = {_normal(point.name), _normal(distribution)}
        if wanted is not None and distribution != "robofeed" and not names & wanted:
            registry.leave_out(distribution)
            continue
        try:
            plugin = point.load()
        # A plugin that exits while it is imported must not end the program.
        except (Exception, SystemExit) as error:
            registry.add_broken(distribution, version, point.name, error)
        else:
            registry.add(plugin, distribution, version, point.name)
    return registry


def _find() -> list[EntryPoint]:
    """All entry points, core's first, then by name; core's is there even without metadata."""
    found: Iterable[EntryPoint] = entry_points(group=GROUP)
    others = [point for point in found if point.value != "robofeed.builtin"]
    own = [point for point in found if point.value == "robofeed.builtin"]
    # A checkout on PYTHONPATH, not installed, has no entry points.
    own = own or [EntryPoint("builtin", "robofeed.builtin", GROUP)]
    return own[:1] + sorted(others, key=lambda point: (_distribution(point)[0], point.name))


def _distribution(point: EntryPoint) -> tuple[str, str]:
    if point.dist is None:
        return "robofeed", ""
    return point.dist.name, point.dist.version


def _normal(name: str) -> str:
    """A distribution name as the packaging rules compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()
