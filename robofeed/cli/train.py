"""`robofeed train`: from a preset or a run file to a trained policy and its report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from robofeed.cli.overrides import IN_A_WINDOW, shorthand, with_arm


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
    feedback: Annotated[str | None, typer.Option(help="Who is asked (feedback.use).")] = None,
    teacher: Annotated[
        str | None, typer.Option(help="Kind of simulated teacher: oracle, noisy, mistake ...")
    ] = None,
    reward: Annotated[
        str | None,
        typer.Option(help='What learns the reward; "truth" is the ground-truth baseline.'),
    ] = None,
    learner: Annotated[str | None, typer.Option(help="What improves the policy: sac, bc.")] = None,
    answers: Annotated[int | None, typer.Option(help="Answers that may be asked for.")] = None,
    steps: Annotated[int | None, typer.Option(help="Environment steps.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the run.")] = None,
    seeds: Annotated[
        str | None, typer.Option(help="Several runs, one a seed, such as 0-4 or 0,3,7.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder that holds the run folders.")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the run folder.")] = None,
    device: Annotated[str | None, typer.Option(help="Where to learn: auto, cpu, cuda.")] = None,
    gui: Annotated[bool, typer.Option("--gui", help="Show the simulator in a window.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the result as JSON on stdout, the rest on stderr.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress display.")] = False,
) -> None:
    """Train an arm on a task from preferences."""
    from robofeed.cli.course import follow, summary
    from robofeed.run_file import load_config
    from robofeed.training import train

    overrides = [
        *with_arm(arm, preset, config, settings or []),
        *shorthand(
            {
                "feedback.use": feedback,
                "feedback.teacher.kind": teacher,
                "reward.use": reward,
                "learner.use": learner,
                "schedule.answer_budget": answers,
                "stop.steps": steps,
                "run.seed": seed,
                "run.out": out,
                "run.name": name,
                "run.device": device,
            }
        ),
        *(IN_A_WINDOW if gui else ()),
        *(settings or []),
    ]
    if seeds is None:
        loaded = load_config(preset, file=config, overrides=overrides)
        result = follow(lambda listen: train(loaded, listen=listen), loaded, quiet, as_json)
        if as_json:
            typer.echo(json.dumps(summary(result)))
        return
    from robofeed.cli.several import train_seeds

    train_seeds(preset, config, overrides, seeds, quiet, as_json)
