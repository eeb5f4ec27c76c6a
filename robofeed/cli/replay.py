"""`robofeed replay`: an episode again, in the simulator, in its window, or as a film."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Annotated

import typer


def command(
    episode: Annotated[
        Path, typer.Argument(help="RUN/EPISODE or its file, such as runs/demo/d000003.")
    ],
    gui: Annotated[
        bool, typer.Option("--gui", help="In the simulator's window, at real time.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="Write a film: FILE.mp4.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Play a recorded episode back: in the simulator, in a window, or as a film."""
    from robofeed.training.replay import film, find_episode, reexecute

    found = find_episode(episode)
    if out is not None:
        clip = film(found)
        shutil.copyfile(clip.path, out)
        said = {"episode": found.episode.id, "film": str(out), "frames": clip.frames}
        missing = f", of which {len(clip.missing)} could not be drawn" if clip.missing else ""
        text = f"{out}: {clip.frames} pictures, one a step{missing}"
    else:
        replayed = reexecute(found, gui)
        said = {
            "episode": found.episode.id,
            "steps": replayed.steps,
            "same": replayed.same,
            "largest_difference": replayed.largest_difference,
        }
        text = replayed.describe()
    typer.echo(json.dumps(said) if as_json else text)
