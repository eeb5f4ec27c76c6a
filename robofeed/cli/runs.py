"""`robofeed runs`: the runs in a folder, newest last."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from robofeed.data.errors import ConfigError


def command(
    folder: Annotated[Path, typer.Argument(help="Folder that holds the runs.")] = Path("runs"),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the runs in a folder."""
    if not folder.is_dir():
        raise ConfigError(
            f"there is no folder {folder}/ here. `robofeed train` makes it; "
            "or name the folder that holds your runs."
        )
    rows = [_row(record) for record in sorted(folder.glob("*/run.json"))]
    rows.sort(key=lambda row: str(row.get("created_at", "")))
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
    else:
        _print_table(rows, folder)


def _row(record: Path) -> dict[str, Any]:
    """What run.json says; a file that cannot be read is listed as such rather than hidden."""
    try:
        about = json.loads(record.read_text(encoding="utf-8"))
        if not isinstance(about, dict):
            raise ValueError("not an object")
    except (OSError, ValueError) as error:
        about = {"status": "unreadable", "detail": str(error)}
    about["name"] = record.parent.name
    about["path"] = str(record.parent)
    return about


def _print_table(rows: list[dict[str, Any]], folder: Path) -> None:
    from rich.console import Console
    from rich.table import Table

    if not rows:
        typer.echo(f"no runs in {folder}/ yet")
        return
    table = Table("task", "status", "seed", "started", "report")
    table.add_column("run", overflow="fold")
    for row in rows:
        table.add_row(
            str(row.get("task", "")),
            str(row.get("status", "")),
            str(row.get("seed", "")),
            str(row.get("created_at", ""))[:16].replace("T", " "),
            "yes" if (Path(row["path"]) / "report.html").is_file() else "-",
            row["path"],
        )
    Console().print(table)
