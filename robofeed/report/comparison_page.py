"""A comparison as a page, as CSV and as JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np

from robofeed.report import wording
from robofeed.report.comparison import Comparison, Group, RunResult
from robofeed.report.comparison_charts import comparison_panels, swatches
from robofeed.report.panel import Panel
from robofeed.report.template import fill


@dataclass(frozen=True, slots=True)
class ComparisonPage:
    """What the template shows."""

    title: str
    groups: Sequence[tuple[str, Group]]
    """each with its colour"""
    left_out: Sequence[str]
    panels: Sequence[Panel]
    version: str


def comparison_html(comparison: Comparison, rng: np.random.Generator) -> str:
    """Return the page: one file that loads nothing from elsewhere."""
    groups = comparison.groups
    runs = sum(len(group.runs) for group in groups)
    title = f"{wording.plural(runs, 'run')} in {wording.plural(len(groups), 'group')}"
    panels = comparison_panels(groups, rng)
    coloured = list(zip(swatches(groups), groups, strict=True))
    page = ComparisonPage(title, coloured, comparison.left_out, panels, version("robofeed"))
    return fill("comparison.html.jinja", page)


def comparison_csv(comparison: Comparison) -> str:
    """Return one line a run, its group's figures beside its own."""
    rows = [
        {**_group_row(group), **_run_row(run)} for group in comparison.groups for run in group.runs
    ]
    file = io.StringIO()
    writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()


def comparison_json(comparison: Comparison) -> dict[str, Any]:
    """Return the comparison as JSON-ready values."""
    return {
        "groups": [
            {**_group_row(group), "per_run": [_run_row(run) for run in group.runs]}
            for group in comparison.groups
        ],
        "left_out": list(comparison.left_out),
    }


def _group_row(group: Group) -> dict[str, Any]:
    low, high = group.interval or (None, None)
    return {
        "group": group.label,
        "runs": len(group.runs),
        "success_iqm": group.interquartile_mean,
        "success_iqm_low_95": low,
        "success_iqm_high_95": high,
        "success_median": group.median,
        "ground_truth_baseline": group.learns_from_truth,
    }


def _run_row(run: RunResult) -> dict[str, Any]:
    return {
        "run": run.name,
        "path": str(run.run_dir),
        "task": run.task,
        "seed": run.seed,
        "success_rate": run.success_rate,
        "success_low_95": run.interval[0],
        "success_high_95": run.interval[1],
        "successes": run.successes,
        "episodes": run.episodes,
        "collisions": run.collisions,
        "answers": run.answers,
        "demonstrations": run.demonstrations,
        "steps": run.steps,
        "wall_s": round(run.wall_s, 3),
        "stop_rule": run.stop_rule,
    }
