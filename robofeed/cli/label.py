"""`robofeed label`: people answer questions about a run, in whichever front end is installed.

A front end is a typer command of another distribution under the entry-point group
`robofeed.label`; its name is the flag that chooses it, and all other arguments are handed to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import typer

from robofeed.cli.verbs import allowed, distribution_of, help_line
from robofeed.data.errors import ConfigError

GROUP = "robofeed.label"
PREFERRED = ("web", "terminal")
"""Which one opens where none is named, the first that is installed."""
_HELP = ("-h", "--help")


def command(context: typer.Context) -> None:
    """Answer questions about a run, going on or finished: in a browser or a terminal."""
    ends = front_ends()
    named = [word for word in context.args if word.removeprefix("--") in ends and word[:2] == "--"]
    rest = [word for word in context.args if word not in named]
    if not named and (not rest or rest[0] in _HELP):
        typer.echo(_overview(ends))
        return
    if len(set(named)) > 1:
        raise ConfigError(f"{' and '.join(sorted(set(named)))}: choose one of them")
    name = named[0].removeprefix("--") if named else _preferred(ends)
    app = typer.Typer(
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": list(_HELP)},
    )
    app.command()(_load(name, ends[name]))
    app(args=rest, prog_name=f"robofeed label --{name}")


def front_ends() -> Mapping[str, EntryPoint]:
    """The installed front ends by name, those that ROBOFEED_PLUGINS leaves out left out."""
    found: dict[str, EntryPoint] = {}
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        if not allowed(distribution_of(entry)):
            continue
        if entry.name in found:
            raise ConfigError(
                f"the front end {entry.name!r} is offered by {distribution_of(found[entry.name])} "
                f"and by {distribution_of(entry)}. Uninstall one of them."
            )
        found[entry.name] = entry
    return found


def _preferred(ends: Mapping[str, EntryPoint]) -> str:
    for name in (*PREFERRED, *ends):
        if name in ends:
            return name
    raise ConfigError(
        "no front end for people is installed. From the checkout: "
        "pip install -c constraints.txt -e . -e plugins/robofeed-web -e plugins/robofeed-clips"
    )


def _load(name: str, entry: EntryPoint) -> Any:
    try:
        return entry.load()
    except Exception as error:
        raise ConfigError(
            f"the front end {name!r} of {distribution_of(entry)} cannot be loaded: "
            f"{type(error).__name__}: {error}. Reinstall or remove {distribution_of(entry)}."
        ) from error


def _overview(ends: Mapping[str, EntryPoint]) -> str:
    lines = [
        "Usage: robofeed label [FRONT END] RUN [OPTIONS]",
        "",
        "  Answer questions about a run, going on or finished.",
        "",
        "Front ends:",
        *(f"  --{name:<12}{help_line(entry)}" for name, entry in ends.items()),
        *(() if ends else ("  none is installed",)),
        "",
        "`robofeed label --NAME --help` shows the options of one.",
    ]
    return "\n".join(lines)
