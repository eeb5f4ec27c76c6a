"""`robofeed plugins`: what is installed, what each plugin offers, which failed to load."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from robofeed.plugins import PluginRow

command = typer.Typer(no_args_is_help=True)


@command.callback()
def plugins() -> None:
    """Show installed plugins, what each offers and which failed to load."""


@command.command("list")
def list_plugins(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List every plugin with its distribution, version, what it offers and load errors.

    ROBOFEED_PLUGINS=a,b limits which plugins are loaded, by name, before any is imported.
    """
    from robofeed.plugins import load_plugins

    rows = load_plugins().listing()
    if as_json:
        typer.echo(json.dumps([asdict(row) for row in rows], indent=2))
    else:
        _print_table(rows)


def _print_table(rows: tuple[PluginRow, ...]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console()
    table = Table("distribution", "version", "offers")
    for row in rows:
        what = "\n".join(row.offers) if row.offers else "nothing"
        if row.error:
            what = f"[red]error: {escape(row.error)}[/red]" + (f"\n{what}" if row.offers else "")
        table.add_row(row.distribution, row.version, what)
    console.print(table)
    broken = sum(1 for row in rows if row.error)
    if broken:
        console.print(f"{broken} plugin(s) with errors; a run that names none of them is not hurt.")
