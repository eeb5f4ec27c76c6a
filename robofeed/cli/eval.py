"""`robofeed eval`: the success rate of a run's newest policy on fresh episodes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer


def command(
    run: Annotated[Path, typer.Argument(help="The run's folder.")],
    episodes: Annotated[int, typer.Option(min=1, help="Episodes to run.")] = 100,
    best: Annotated[
        bool, typer.Option("--best", help="The best checkpoint, chosen without true success.")
    ] = False,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="Change one key, such as backend.use: on another backend."),
    ] = None,
    gui: Annotated[bool, typer.Option("--gui", help="Show the simulator in a window.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Measure the success rate of a run's policy."""
    from rich.console import Console

    from robofeed.cli.overrides import IN_A_WINDOW
    from robofeed.training.evaluation import evaluate_run

    overrides = [*(IN_A_WINDOW if gui else ()), *(settings or [])]
    with Console(stderr=True).status("starting") as status:
        result = evaluate_run(
            run,
            episodes,
            best,
            overrides,
            heard=lambda done: status.update(f"evaluating: {done} of {episodes} episodes"),
        )
    if as_json:
        typer.echo(json.dumps(result.describe()))
        return
    low, high = result.interval
    typer.echo(
        f"success {result.success_rate:.2f} (95 % interval {low:.2f}-{high:.2f}, "
        f"{result.episodes} episodes, seeds from {result.first_seed}); "
        f"collisions in {result.collisions}; policy of checkpoint {result.checkpoint}, "
        f"chosen by: {result.chosen_by}; on {result.backend}"
    )
