"""`robofeed live`: a run's policy on an arm, and a person who watches, corrects and stops it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from robofeed.cli.at_the_controls import BY, KEYBOARD, at_the_controls

if TYPE_CHECKING:
    from robofeed.training.tally import Tally


def command(
    run: Annotated[Path, typer.Argument(help="The folder of the run whose policy acts.")],
    episodes: Annotated[
        int | None, typer.Option(min=1, help="Episodes to run; without it until you leave.")
    ] = None,
    best: Annotated[
        bool, typer.Option("--best", help="The best checkpoint, chosen without true success.")
    ] = False,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="Change one key, such as backend.use: on another backend."),
    ] = None,
    seconds: Annotated[
        float, typer.Option(min=1.0, help="The longest episode, in seconds.")
    ] = 60.0,
    by: Annotated[str, typer.Option(help=BY)] = KEYBOARD,
    person: Annotated[str, typer.Option(help="Pseudonym that is kept.")] = "operator",
    seed: Annotated[int | None, typer.Option(help="Seed of the scenes.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the new run folder; else beside RUN.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the new folder.")] = None,
    gui: Annotated[bool, typer.Option("--gui", help="Show the simulator in a window.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Let a run's policy act on an arm while a person watches, corrects and stops it."""
    from robofeed.cli.failure import INTERRUPTED
    from robofeed.cli.overrides import IN_A_WINDOW, shorthand
    from robofeed.data.run_folder import open_run_folder
    from robofeed.run_file import load_config
    from robofeed.training.live import live
    from robofeed.training.tally import Tally
    from robofeed.training.trained import load_trained

    folder = open_run_folder(run)
    places = {"run.out": out or folder.path.parent, "run.name": name, "run.seed": seed}
    overrides = [*shorthand(places), *(IN_A_WINDOW if gui else ()), *(settings or [])]
    config = load_config(file=folder.config_path, overrides=overrides)
    trained = load_trained(folder, best)
    tally = Tally()
    try:
        with at_the_controls(by, person) as opened:
            live(config, trained, episodes, tally, seconds=seconds, opened=opened)
    finally:
        # However it ended: what was done until then is kept.
        if tally.folder is not None:
            typer.echo(json.dumps(tally.describe()) if as_json else summary(tally))
    if tally.interrupted:
        raise typer.Exit(INTERRUPTED)


def summary(tally: Tally) -> str:
    """How the episodes ended, what a person did in them, and where they are."""
    from robofeed.report.wording import plural

    if not tally.episodes:
        return f"no episode: nothing is kept but {tally.folder}"
    if tally.success_rate is None:
        success = "none judged"
    else:
        low, high = tally.interval
        of = "" if tally.judged == tally.episodes else f"{tally.judged} judged, "
        success = f"success {tally.success_rate:.2f} ({of}95 % interval {low:.2f}-{high:.2f})"
    episodes = plural(tally.episodes, "episode")
    discarded = f", {tally.discarded} more discarded" if tally.discarded else ""
    share = f"{100 * tally.corrected_share:.1f} %"
    lines = [
        f"{episodes}{discarded}: {success}; "
        f"{tally.corrected} of {tally.steps} steps corrected ({share}), "
        f"{tally.interventions_an_episode:.2f} interventions an episode",
        f"policy of checkpoint {tally.checkpoint}, on {tally.backend}; kept in {tally.folder}",
    ]
    if tally.corrected:
        lines[-1] += f"; to learn from the corrections: --set prior.folder={tally.folder}"
    return "\n".join(lines)
