"""Success of several groups of runs, against what it cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from robofeed.report import chart, wording
from robofeed.report.comparison import Group, Point, RunResult
from robofeed.report.panel import Panel
from robofeed.report.statistics import bootstrap_interval, interquartile_mean

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_RESAMPLES = 500


def comparison_panels(groups: Sequence[Group], rng: np.random.Generator) -> list[Panel]:
    """Final success a group, and the ways there against answers, steps and wall time."""
    return [
        _final_panel(groups),
        _cost_panel(groups, "answers", "answers used", lambda point: point.answers, rng),
        _cost_panel(groups, "steps", "environment steps", lambda point: point.steps, rng),
        _cost_panel(groups, "wall time", "minutes", lambda point: point.wall_s / 60, rng),
    ]


def colour(index: int) -> str:
    """The colour of group `index`, the same in every chart; after six they begin again."""
    return chart.SERIES[index % len(chart.SERIES)]


def swatches(groups: Sequence[Group]) -> list[str]:
    """CSS colours of the groups: the table of groups is the legend of all charts."""
    return [chart.css_colour(colour(index)) for index in range(len(groups))]


def _final_panel(groups: Sequence[Group]) -> Panel:
    panel = Panel(
        "Final success",
        "Dot: interquartile mean over seeds; bar: its 95 % interval; small marks: single runs.",
        evaluation_only=True,
    )

    def plot(figure: Figure) -> None:
        from matplotlib.ticker import PercentFormatter

        axes = figure.add_subplot()
        for row, group in enumerate(groups):
            rates = [run.success_rate for run in group.runs]
            axes.plot(
                rates, [row] * len(rates), linestyle="none", marker="|", markersize=13,
                color=colour(row), alpha=0.55,
            )  # fmt: skip
            if group.interval is not None:
                axes.plot(group.interval, [row, row], color=colour(row), linewidth=5, alpha=0.3)
            axes.plot([group.interquartile_mean], [row], marker="o", markersize=9,
                      color=colour(row), clip_on=False)  # fmt: skip
            axes.annotate(
                f"{group.label}   {wording.percent(group.interquartile_mean)}", (0, row),
                xytext=(2, 11), textcoords="offset points", fontsize=11, color=colour(row),
            )  # fmt: skip
        axes.set_ylim(len(groups) - 0.4, -0.75)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.grid(True, axis="x")
        axes.set_xlim(-0.02, 1.02)
        axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))

    told = "; ".join(
        f"{group.label}: {wording.percent(group.interquartile_mean)}" for group in groups
    )
    height = 70 + 48 * len(groups)
    return panel.showing(chart.draw("final", f"Final success. {told}.", plot, height=height))


def _cost_panel(
    groups: Sequence[Group],
    cost: str,
    label: str,
    place: Callable[[Point], float],
    rng: np.random.Generator,
) -> Panel:
    panel = Panel(
        f"Success against {cost}",
        "Interquartile mean over seeds, with its 95 % interval.",
        evaluation_only=True,
    )
    drawn = list(enumerate(groups))
    if cost == "answers":
        # A baseline that asked nobody would stand as a heap of points above zero.
        drawn = [(row, group) for row, group in drawn if any(run.answers for run in group.runs)]
    if not drawn:
        return panel.lacking("nobody was asked in these runs")

    def plot(figure: Figure) -> None:
        axes = figure.add_subplot()
        for row, group in drawn:
            _draw_group(axes, group, place, colour(row), rng)
        chart.percent_axis(axes)
        axes.set_xlim(left=0)
        axes.set_xlabel(label)
        chart.thousands(axes.xaxis, whole=cost != "wall time")

    told = f"Success of {wording.plural(len(drawn), 'group')} of runs against {label}."
    return panel.showing(chart.draw(f"cost-{cost}", told, plot))


def _draw_group(
    axes: Axes,
    group: Group,
    place: Callable[[Point], float],
    drawn_in: str,
    rng: np.random.Generator,
) -> None:
    along, rates = _aligned(group.runs, place)
    middle = interquartile_mean(rates.T)
    if len(group.runs) > 1:
        bounds = [bootstrap_interval([column], rng, resamples=_RESAMPLES) for column in rates.T]
        low, high = np.transpose(bounds)
        axes.fill_between(along, low, high, color=drawn_in, alpha=0.14, linewidth=0)
    axes.plot(along, middle, color=drawn_in, marker="o", markersize=3.5, clip_on=False)


def _aligned(
    runs: Sequence[RunResult], place: Callable[[Point], float]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Success of each run at common places: [places], [runs, places].

    Between two evaluations a run is taken to move in a straight line; beyond the last of the run
    that ended first nothing is drawn. Of several evaluations at one place the latest counts.
    """
    curves = [{float(place(point)): point.success_rate for point in run.curve} for run in runs]
    start = max(min(curve) for curve in curves)
    stop = min(max(curve) for curve in curves)
    everywhere = np.array(sorted({at for curve in curves for at in curve}))
    along = everywhere[(everywhere >= start) & (everywhere <= stop)]
    if along.size == 0:
        along = np.array([stop])
    rates = [
        np.interp(along, sorted(curve), [curve[at] for at in sorted(curve)]) for curve in curves
    ]
    return along, np.stack(rates)
