"""`robofeed report`: the page of a run, written again from its folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from robofeed.report.clips import Camera


def command(
    run: Annotated[Path, typer.Argument(help="The run's folder, such as runs/reach-seed0.")],
    clips: Annotated[
        bool, typer.Option(help="Render clips that are not in the run folder yet.")
    ] = True,
) -> None:
    """Write the report page of a run, finished or not; the last line says where it is."""
    from robofeed.report.writer import write_report

    camera = camera_of(run) if clips else no_camera("clips were not asked for (--no-clips)")
    typer.echo(f"report: {write_report(run, camera)}")


def no_camera(why_not: str) -> Camera:
    """A camera that cannot film, and says so on the page."""
    from robofeed.report.clips import Camera

    return Camera(None, why_not=why_not)


def camera_of(run_dir: Path) -> Camera:
    """Return what films the stored scenes of a run: its own backend, which need not be opened.

    A backend that is missing or broken costs the clips, not the report: the camera says why.
    """
    from robofeed.config import resolve
    from robofeed.data.errors import RobofeedError
    from robofeed.data.run_folder import RunFolder
    from robofeed.interfaces import Renders
    from robofeed.plugins import load_plugins
    from robofeed.report.clips import Camera
    from robofeed.run_file import load_config

    try:
        config = load_config(file=RunFolder(run_dir).config_path)
        chosen = resolve(config, load_plugins().provider).backend
        backend = chosen.provider.create(chosen.settings, None)
        period_s = backend.spec.period_s
    except RobofeedError as error:
        return no_camera(f"the backend of this run is not at hand: {error}")
    if not isinstance(backend, Renders):
        return no_camera(f"the backend {config.backend.use} cannot render stored scenes")
    return Camera(backend.render, period_s)
