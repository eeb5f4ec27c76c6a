"""`robofeed record`: demonstrations by a person, for runs to learn from."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from robofeed.cli.at_the_controls import BY, KEYBOARD, at_the_controls
from robofeed.cli.overrides import shorthand, with_arm

if TYPE_CHECKING:
    from robofeed.training.recording import RecordingResult


def command(
    preset: Annotated[
        str | None, typer.Argument(help="A preset: reach, push, obstacles, pick_place.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--config", help="A run file (TOML) instead of a preset.")
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="Change one key: table.key=value.")
    ] = None,
    arm: Annotated[
        str | None,
        typer.Option(help="The backend's arm; simulated: so101, panda, kuka_iiwa, xarm6."),
    ] = None,
    demonstrations: Annotated[int, typer.Option(min=1, help="How many to record.")] = 10,
    seconds: Annotated[float, typer.Option(min=1.0, help="The longest one, in seconds.")] = 60.0,
    by: Annotated[str, typer.Option(help=BY)] = KEYBOARD,
    person: Annotated[str, typer.Option(help="Pseudonym they are kept under.")] = "operator",
    seed: Annotated[int | None, typer.Option(help="Seed of the scenes.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder that holds the run folders.")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the folder.")] = None,
    gui: Annotated[bool, typer.Option("--gui", help="Show the simulator in a window.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Record demonstrations by a person at the controls."""
    from robofeed.cli.failure import INTERRUPTED
    from robofeed.cli.overrides import IN_A_WINDOW
    from robofeed.run_file import load_config
    from robofeed.training.recording import record

    overrides = [
        *with_arm(arm, preset, config, settings or []),
        *shorthand(
            {
                "run.seed": seed,
                "run.out": out,
                "run.name": name,
            }
        ),
        *(IN_A_WINDOW if gui else ()),
        *(settings or []),
    ]
    loaded = load_config(preset, file=config, overrides=overrides)
    with at_the_controls(by, person) as opened:
        result = record(loaded, demonstrations, seconds=seconds, opened=opened)
    if as_json:
        typer.echo(json.dumps({"folder": str(result.folder), "kept": result.kept}))
    else:
        typer.echo(summary(result))
    if result.interrupted:
        raise typer.Exit(INTERRUPTED)


def summary(result: RecordingResult) -> str:
    """What was recorded, how fast keys were obeyed, and how to use it."""
    lines = [f"{result.kept} demonstrations of {result.episodes} episodes in {result.folder}"]
    if result.latencies_ms:
        lines.append(
            f"key to motion: median {statistics.median(result.latencies_ms):.0f} ms of "
            f"{len(result.latencies_ms)} keys (one period and 20 ms: "
            f"{1e3 * result.period_s + 20:.0f} ms)"
        )
    if result.kept:
        lines.append(f"to learn from them: --set prior.folder={result.folder}")
    return "\n".join(lines)
