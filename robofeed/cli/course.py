"""The course of a run on the command line: display, report, result, exit code."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from pathlib import Path

import typer

from robofeed.cli.failure import INTERRUPTED
from robofeed.config import RunConfig
from robofeed.training import RunResult
from robofeed.training.session import Listener

Start = Callable[[Listener], RunResult]


def follow(start: Start, config: RunConfig, quiet: bool, as_json: bool) -> RunResult:
    """Run `start` under a progress display, write the report, and print where it is, last.

    With `as_json` every line goes to stderr: stdout is for the caller's JSON.

    Raises:
        typer.Exit: with code 130 where the run was interrupted; it is saved.
    """
    from robofeed.cli.progress import Progress

    quiet = quiet or _is_taken(config)
    progress = Progress(config.stop.steps, config.schedule.answer_budget)
    with contextlib.nullcontext() if quiet else progress:
        result = start((lambda event: None) if quiet else progress.on_event)
    for failure in result.observer_failures:
        typer.echo(f"warning: observer {failure}", err=True)
    if result.interrupted:
        # The page takes seconds to make; whoever pressed Ctrl-C wants out.
        _say(f"interrupted and saved; go on with: robofeed resume {result.run_dir}", as_json)
        raise typer.Exit(INTERRUPTED)
    _say(headline(result), as_json)
    if result.open_queries:
        _say(
            f"{result.open_queries} questions were never answered: nothing was learnt from them",
            as_json,
        )
    _say(f"report: {write_page(result.run_dir)}", as_json)
    return result


def _is_taken(config: RunConfig) -> bool:
    """Whether the terminal belongs to the person who is asked."""
    from robofeed.plugins import load_plugins

    return load_plugins().provider("feedback", config.feedback.use).takes_terminal


def _say(line: str, as_json: bool) -> None:
    """On stdout, or on stderr where that belongs to JSON."""
    typer.echo(line, err=as_json)
    sys.stdout.flush()


def write_page(run_dir: Path) -> Path:
    """Write the report of a run, with clips where its backend can render."""
    from robofeed.labelling.run_camera import camera_of
    from robofeed.report.writer import write_report

    return write_report(run_dir, camera_of(run_dir))


def summary(result: RunResult) -> dict[str, object]:
    """The result as JSON-ready values."""
    final = result.final
    return {
        "run": str(result.run_dir),
        "stop_rule": result.stop_rule,
        "open_queries": result.open_queries,
        "interrupted": result.interrupted,
        "success_rate": None if final is None else final.success_rate,
        "interval": None if final is None else list(final.interval),
        "episodes": None if final is None else len(final.seeds),
        "collisions": None if final is None else final.collisions,
        "answers": None if final is None else final.answers,
        "steps": None if final is None else final.steps,
        "wall_s": None if final is None else round(final.wall_s, 1),
    }


def headline(result: RunResult) -> str:
    """One line: how good, how sure, from how many answers, why it ended."""
    final = result.final
    if final is None:
        return f"stopped by: {result.stop_rule}"
    low, high = final.interval
    return (
        f"success {final.success_rate:.2f} (95 % interval {low:.2f}-{high:.2f}, "
        f"{len(final.seeds)} unseen episodes) after {final.answers} answers and {final.steps} "
        f"steps in {final.wall_s:.0f} s; stopped by: {result.stop_rule}"
    )
