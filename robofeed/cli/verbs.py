"""Which verbs there are, by name and one line of help, without importing any of them."""

from __future__ import annotations

import ast
import importlib
import os
from dataclasses import dataclass
from importlib.machinery import PathFinder
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from robofeed.data.errors import ConfigError

GROUP = "robofeed.commands"
"""Entry-point group for the verbs of other distributions: `name = "package.module:command"`."""

OWN_VERBS = {
    "train": "Train an arm on a task from preferences.",
    "resume": "Continue an interrupted run from its last checkpoint.",
    "eval": "Measure the success rate of a run's policy.",
    "live": "Let a run's policy act on an arm while a person watches, corrects and stops it.",
    "record": "Record demonstrations by a person at the controls.",
    "replay": "Play a recorded episode back: in the simulator, in a window, or as a film.",
    "label": "Answer questions about a run, going on or finished: in a browser or a terminal.",
    "report": "Write the report page of a run, finished or not; the last line says where it is.",
    "compare": "Compare finished runs: success over seeds with 95 % interval, table, plots, CSV.",
    "runs": "List the runs in a folder.",
    "feedback": "Read, export, check and forget what people said in a run.",
    "people": "Say who may look at a run, answer and drive; each gets a personal link.",
    "plugins": "Show installed plugins, what each offers and which failed to load.",
    "doctor": "Check this machine: Python, torch, simulator, disk, versions.",
}
"""Core's verbs in the order `--help` shows them; each is `robofeed.cli.<name>:command`."""


@dataclass(frozen=True, slots=True)
class Verb:
    """A verb of the command line. `target` is `module:attribute`, imported by `load` only."""

    name: str
    target: str
    help: str
    distribution: str

    def load(self) -> Any:
        """Import the verb: a function with typer annotations, or a `typer.Typer` group.

        Raises:
            ConfigError: another distribution's verb that cannot be imported.
        """
        module, _, attribute = self.target.partition(":")
        if self.distribution == "robofeed":
            return getattr(importlib.import_module(module), attribute)
        try:
            return getattr(importlib.import_module(module), attribute)
        except Exception as error:
            raise ConfigError(
                f"the verb {self.name!r} of {self.distribution} cannot be loaded: "
                f"{type(error).__name__}: {error}. Reinstall or remove {self.distribution}."
            ) from error


def find_verbs() -> dict[str, Verb]:
    """Return all verbs: core's own first, then those of other distributions by name.

    Where ROBOFEED_PLUGINS is set, verbs of distributions it does not list are left out.

    Raises:
        ConfigError: two distributions that offer a verb of one name.
    """
    verbs = {
        name: Verb(name, f"robofeed.cli.{name}:command", line, "robofeed")
        for name, line in OWN_VERBS.items()
    }
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        distribution = distribution_of(entry)
        if not allowed(distribution):
            continue
        if entry.name in verbs:
            raise ConfigError(
                f"the verb {entry.name!r} is offered by {verbs[entry.name].distribution} and by "
                f"{distribution}. Uninstall one of them."
            )
        verbs[entry.name] = Verb(entry.name, entry.value, help_line(entry), distribution)
    return verbs


def distribution_of(entry: EntryPoint) -> str:
    """Name of the distribution that an entry point belongs to."""
    return entry.dist.name if entry.dist else "an unknown distribution"


def allowed(distribution: str) -> bool:
    """Whether ROBOFEED_PLUGINS, where it is set, names the distribution or a plugin of it."""
    listed = os.environ.get("ROBOFEED_PLUGINS")
    if listed is None:
        return True
    plugins = entry_points(group="robofeed")
    names = {point.name for point in plugins if distribution_of(point) == distribution}
    wanted = {_comparable(name) for name in listed.split(",")}
    return bool(wanted & {_comparable(name) for name in {distribution, *names}})


def _comparable(name: str) -> str:
    return name.strip().lower().replace("_", "-")


def help_line(entry: EntryPoint) -> str:
    """The first line of the verb module's docstring, read from its source and not by import."""
    top, *inner = entry.module.split(".")
    spec = PathFinder.find_spec(top)
    if spec is not None and spec.origin is not None:
        package = Path(spec.origin)
        source = package if not inner else package.parent.joinpath(*inner).with_suffix(".py")
        if inner and not source.is_file():
            source = package.parent.joinpath(*inner, "__init__.py")
        if source.is_file():
            docstring = ast.get_docstring(ast.parse(source.read_text(encoding="utf-8")))
            if docstring:
                return docstring.splitlines()[0]
    return f"From {entry.dist.name}." if entry.dist else ""
