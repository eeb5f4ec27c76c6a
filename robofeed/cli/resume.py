"""`robofeed resume`: go on with an interrupted run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer


def command(
    run: Annotated[Path, typer.Argument(help="The run's folder.")],
    inexact: Annotated[
        bool,
        typer.Option(
            "--inexact",
            help="Give new numbers to episodes and questions: on another machine than before.",
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress display.")] = False,
) -> None:
    """Continue an interrupted run from its last checkpoint."""
    from robofeed.cli.course import follow, summary
    from robofeed.data.run_folder import open_run_folder
    from robofeed.run_file import load_config
    from robofeed.training import resume

    folder = open_run_folder(run)
    config = load_config(file=folder.config_path)
    result = follow(
        lambda listen: resume(run, exact=not inexact, listen=listen), config, quiet, as_json
    )
    if as_json:
        typer.echo(json.dumps(summary(result)))
