"""`robofeed report`: the page of a run, written again from its folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    run: Annotated[Path, typer.Argument(help="The run's folder, such as runs/reach-seed0.")],
    clips: Annotated[
        bool, typer.Option(help="Render clips that are not in the run folder yet.")
    ] = True,
) -> None:
    """Write the report page of a run, finished or not; the last line says where it is."""
    from robofeed.labelling.run_camera import camera_of
    from robofeed.report.writer import write_report

    camera = camera_of(run) if clips else None
    typer.echo(f"report: {write_report(run, camera, clips)}")
