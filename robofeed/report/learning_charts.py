"""How success and return grew: against steps, wall time and answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from robofeed.events import Evaluated
from robofeed.report import chart, wording
from robofeed.report.panel import Panel
from robofeed.report.run_record import RunRecord
from robofeed.report.statistics import rolling_quantiles

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

RETURN_WINDOW = 25
"""Episodes in the rolling median of the training return."""


def learning_panels(record: RunRecord) -> list[Panel]:
    """Success against steps, wall time and answers, and the training return."""
    return [
        _success_panel(record, "steps", "Success against steps", "environment steps", _steps),
        _success_panel(record, "wall", "Success against wall time", "", _minutes),
        _answers_panel(record),
        _return_panel(record),
    ]


def _steps(evaluation: Evaluated) -> float:
    return evaluation.steps


def _minutes(evaluation: Evaluated) -> float:
    return evaluation.wall_s / 60


def _answers(evaluation: Evaluated) -> float:
    return evaluation.answers


def _success_panel(
    record: RunRecord, key: str, title: str, label: str, place: Callable[[Evaluated], float]
) -> Panel:
    panel = Panel(
        title,
        "Share of evaluation episodes that succeeded; band: 95 % interval. "
        + ("Ring: the reported policy, on seeds of its own." if record.final else "Ring: latest."),
        evaluation_only=True,
    )
    if not record.evaluations:
        return panel.lacking("no evaluation has been recorded")

    def plot(figure: Figure) -> None:
        axes = figure.add_subplot()
        _draw_success(axes, record.evaluations, place)
        if key == "wall":
            axes.set_xlabel("minutes since the start")
            chart.thousands(axes.xaxis, whole=False)
        else:
            axes.set_xlabel(label)
            chart.thousands(axes.xaxis)
            _mark_first_answers(axes, record)

    return panel.showing(chart.draw(f"success-{key}", _told(record, title), plot))


def _answers_panel(record: RunRecord) -> Panel:
    panel = Panel(
        "Success against answers",
        "What each answer bought. Answers are questions about two clips answered, skips included.",
        evaluation_only=True,
    )
    if record.learns_from_truth:
        return panel.lacking("this baseline learns from ground truth; nobody was asked")
    if not record.evaluations:
        return panel.lacking("no evaluation has been recorded")
    if record.answers == 0:
        return panel.lacking("no answer has been recorded")

    def plot(figure: Figure) -> None:
        axes = figure.add_subplot()
        _draw_success(axes, record.evaluations, _answers)
        axes.set_xlabel("answers used")
        chart.thousands(axes.xaxis)

    return panel.showing(chart.draw("success-answers", _told(record, panel.title), plot))


def _draw_success(
    axes: Axes, evaluations: list[Evaluated], place: Callable[[Evaluated], float]
) -> None:
    """A line through the evaluations on the way, a ring with its interval for the last one.

    The final evaluation has seeds of its own, so no line leads to it.
    """
    last = evaluations[-1]
    on_the_way = [event for event in evaluations if event.moment != "final"]
    if on_the_way:
        along = [place(event) for event in on_the_way]
        low, high = np.transpose([event.interval for event in on_the_way])
        axes.fill_between(along, low, high, color=chart.SUCCESS, alpha=0.16, linewidth=0)
        rates = [event.success_rate for event in on_the_way]
        axes.plot(along, rates, color=chart.SUCCESS, marker="o", markersize=3.5, clip_on=False)
    at = place(last)
    if last.moment == "final":
        axes.plot([at, at], last.interval, color=chart.SUCCESS, linewidth=3, alpha=0.45)
    axes.plot(
        [at],
        [last.success_rate],
        color=chart.SUCCESS,
        marker="o",
        markersize=8,
        markerfacecolor=chart.SURFACE,
        markeredgecolor=chart.SUCCESS,
        markeredgewidth=2.2,
        clip_on=False,
    )
    axes.annotate(
        wording.percent(last.success_rate),
        (at, max(last.interval[1], last.success_rate)),
        xytext=(5, 7),
        textcoords="offset points",
        ha="right",
        va="bottom",
        color=chart.SUCCESS,
        fontsize=14,
        fontweight="bold",
    )
    chart.percent_axis(axes)
    axes.set_xlim(left=0)


def _mark_first_answers(axes: Axes, record: RunRecord) -> None:
    if record.learns_from_truth or not record.fits:
        return
    axes.axvline(record.fits[0].steps, color=chart.HUMAN, linewidth=1.2, linestyle=(0, (3, 3)))
    axes.annotate(
        "first answers",
        (record.fits[0].steps, 1.0),
        xytext=(4, 0),
        textcoords="offset points",
        va="top",
        color=chart.HUMAN,
        fontsize=10,
    )


def _return_panel(record: RunRecord) -> Panel:
    panel = Panel(
        "True return while training",
        f"Median of the last {RETURN_WINDOW} training episodes; band: their middle half. "
        "The learner never sees it.",
        evaluation_only=True,
    )
    if record.learns_from_truth:
        panel = Panel(
            panel.title,
            f"Median of the last {RETURN_WINDOW} training episodes; band: their middle half. "
            "This baseline learns from it.",
            evaluation_only=True,
        )
    judged = [
        (episode.steps, episode.true_return)
        for episode in record.training_episodes
        if episode.true_return is not None and np.isfinite(episode.true_return)
    ]
    if not judged:
        return panel.lacking("no training episode has a true return on record")
    steps, returns = np.transpose(judged)

    def plot(figure: Figure) -> None:
        axes = figure.add_subplot()
        low, middle, high = rolling_quantiles(returns, RETURN_WINDOW, [0.25, 0.5, 0.75])
        axes.fill_between(steps, low, high, color=chart.TRUTH, alpha=0.16, linewidth=0)
        axes.plot(steps, middle, color=chart.TRUTH)
        axes.set_xlabel("environment steps")
        axes.set_xlim(left=0)
        chart.thousands(axes.xaxis)
        _mark_first_answers_below(axes, record)

    told = f"True return of {len(judged)} training episodes against environment steps."
    return panel.showing(chart.draw("training-return", told, plot))


def _mark_first_answers_below(axes: Axes, record: RunRecord) -> None:
    if record.fits and not record.learns_from_truth:
        axes.axvline(record.fits[0].steps, color=chart.HUMAN, linewidth=1.2, linestyle=(0, (3, 3)))


def _told(record: RunRecord, title: str) -> str:
    rates = [wording.percent(evaluation.success_rate) for evaluation in record.evaluations]
    return f"{title}: from {rates[0]} to {rates[-1]} over {len(rates)} evaluations."
