"""`robofeed compare`: runs side by side, with how sure the difference is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from robofeed.report.comparison import Comparison


def command(
    runs: Annotated[list[Path], typer.Argument(help="Run folders.")],
    csv: Annotated[
        Path | None, typer.Option("--csv", help="Also write one line a run to this CSV file.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="The page to write; comparison.html beside the first run."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON; the page is written only with --out.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Seed of the bootstrap resampling.")] = 0,
) -> None:
    """Compare finished runs: success over seeds with 95 % interval, table, plots, CSV.

    Runs that differ in nothing but the seed form a group.
    """
    import numpy as np

    from robofeed.data.atomic_file import write_atomically
    from robofeed.report.comparison import compare_runs
    from robofeed.report.comparison_page import comparison_csv, comparison_html, comparison_json

    rng = np.random.default_rng(seed)
    comparison = compare_runs(runs, rng)
    for reason in comparison.left_out:
        typer.echo(f"left out: {reason}", err=True)
    if csv is not None:
        write_atomically(csv, comparison_csv(comparison))
    if out is None and not as_json:
        out = runs[0].absolute().parent / "comparison.html"
    if out is not None:
        write_atomically(out, comparison_html(comparison, rng))
    if as_json:
        typer.echo(json.dumps(comparison_json(comparison), indent=2))
        return
    _print_tables(comparison)
    if csv is not None:
        typer.echo(f"csv: {csv}")
    typer.echo(f"comparison: {out}")


def _print_tables(comparison: Comparison) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from robofeed.report import wording

    groups = Table("group", "runs", "success (IQM)", "95 % interval", "median")
    single = Table("run", "seed", "success", "answers", "demos", "steps", "time")
    for group in comparison.groups:
        groups.add_row(
            escape(group.label),
            str(len(group.runs)),
            wording.percent(group.interquartile_mean, 1),
            wording.interval_percent(group.interval) if group.interval else "one run",
            wording.percent(group.median, 1),
        )
        for run in group.runs:
            single.add_row(
                escape(run.name),
                "" if run.seed is None else str(run.seed),
                f"{run.successes}/{run.episodes}",
                wording.count(run.answers),
                wording.count(run.demonstrations),
                wording.count(run.steps),
                wording.duration(run.wall_s),
            )
        single.add_section()
    console = Console()
    console.print(single)
    console.print(groups)
    console.print("Success is true success of the final policy: evaluation only.", highlight=False)
