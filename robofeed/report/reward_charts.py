"""How far the reward model can be trusted: accuracy, calibration, agreement with true return."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from robofeed.data.intervals import wilson_interval
from robofeed.events import Evaluated, RewardFitted
from robofeed.report import chart, wording
from robofeed.report.panel import Panel
from robofeed.report.run_record import RunRecord
from robofeed.report.statistics import spearman

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NO_MODEL = "this baseline learns from ground truth and has no reward model"


def reward_panels(record: RunRecord) -> list[Panel]:
    """Held-out accuracy, calibration, predicted against true return, agreement over time."""
    return [
        _accuracy_panel(record),
        _calibration_panel(record),
        _scatter_panel(record),
        _agreement_panel(record),
    ]


def _accuracy_panel(record: RunRecord) -> Panel:
    panel = Panel(
        "Preference accuracy",
        "Pairs ordered as in rankings held out from training; the 95 % interval counts each "
        "ranking once. Dashed: in those it learned from.",
    )
    if record.learns_from_truth:
        return panel.lacking(NO_MODEL)
    if not record.fits:
        return panel.lacking("the reward model has not been fitted")
    held_out = [fit for fit in record.fits if math.isfinite(fit.report.held_out_accuracy)]

    def plot(figure: Figure) -> None:
        axes = figure.add_subplot()
        axes.axhline(0.5, color=chart.MUTED, linewidth=1, linestyle=(0, (1, 3)))
        axes.annotate(
            "guessing", (1, 0.5), xycoords=("axes fraction", "data"), xytext=(0, -3),
            textcoords="offset points", ha="right", va="top", color=chart.MUTED, fontsize=10,
        )  # fmt: skip
        axes.plot(
            [fit.answers for fit in record.fits],
            [fit.report.train_accuracy for fit in record.fits],
            color=chart.MODEL, linewidth=1.3, linestyle=(0, (4, 3)), alpha=0.8,
        )  # fmt: skip
        if held_out:
            answers = [fit.answers for fit in held_out]
            low, high = np.transpose([_accuracy_interval(fit) for fit in held_out])
            axes.fill_between(answers, low, high, color=chart.MODEL, alpha=0.16, linewidth=0)
            axes.plot(
                answers,
                [fit.report.held_out_accuracy for fit in held_out],
                color=chart.MODEL, marker="o", markersize=3.5, clip_on=False,
            )  # fmt: skip
        chart.percent_axis(axes, low=0.25)
        axes.set_xlim(left=0)
        axes.set_xlabel("answers used")
        chart.thousands(axes.xaxis)

    last = record.fits[-1].report
    told = (
        f"Held-out preference accuracy over {len(record.fits)} fits; the last is "
        f"{wording.percent(last.held_out_accuracy)} on {last.held_out_labels} labels."
    )
    if not held_out:
        panel = Panel(
            panel.title,
            "Dashed: pairs ordered as in the rankings it learned from; too few to hold any out.",
        )
    return panel.showing(chart.draw("accuracy", told, plot))


def _accuracy_interval(fit: RewardFitted) -> tuple[float, float]:
    labels = fit.report.held_out_labels
    return wilson_interval(round(fit.report.held_out_accuracy * labels), labels)


def _calibration_panel(record: RunRecord) -> Panel:
    panel = Panel(
        "Calibration",
        "How often a clip was preferred, against how probable the model thought that. Held-out "
        "pairs; dot size: pairs in the bin.",
    )
    if record.learns_from_truth:
        return panel.lacking(NO_MODEL)
    fits = [fit for fit in record.fits if _bins(fit)]
    if not fits:
        return panel.lacking("no fit had enough held-out pairs to tell")
    report = fits[-1].report
    bins = _bins(fits[-1])

    def plot(figure: Figure) -> None:
        from matplotlib.ticker import PercentFormatter

        axes = figure.add_subplot()
        floor = 0.5 if all(predicted >= 0.5 for predicted, _, _ in bins) else 0.0
        axes.plot([floor, 1], [floor, 1], color=chart.MUTED, linewidth=1, linestyle=(0, (1, 3)))
        most = max(count for _, _, count in bins)
        for predicted, came_true, count in bins:
            low, high = wilson_interval(round(came_true * count), count)
            axes.plot(
                [predicted, predicted], [low, high], color=chart.MODEL, linewidth=1.2, alpha=0.5
            )
            axes.scatter(
                predicted, came_true, s=18 + 130 * count / most, color=chart.MODEL,
                edgecolor=chart.SURFACE, linewidth=1.2, zorder=3, clip_on=False,
            )  # fmt: skip
        axes.annotate(
            f"ECE {wording.number(report.calibration_error, 2)}\n"
            f"temperature {wording.number(report.temperature)}",
            (0.03, 0.97), xycoords="axes fraction", va="top", fontsize=12, fontweight="bold",
            color=chart.MODEL, linespacing=1.5,
        )  # fmt: skip
        axes.set_xlim(floor - 0.02, 1.02)
        axes.set_ylim(-0.03, 1.04)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))
        axes.set_yticks([0, 0.25, 0.5, 0.75, 1.0])
        axes.set_xlabel("predicted probability")

    told = (
        f"Reliability diagram of the last fit: expected calibration error "
        f"{wording.number(report.calibration_error, 2)} after temperature "
        f"{wording.number(report.temperature)}."
    )
    return panel.showing(chart.draw("calibration", told, plot))


def _bins(fit: RewardFitted) -> list[tuple[float, float, int]]:
    return [
        (predicted, came_true, count)
        for predicted, came_true, count in fit.report.reliability
        if count > 0 and math.isfinite(predicted) and math.isfinite(came_true)
    ]


def _scatter_panel(record: RunRecord) -> Panel:
    evaluation = record.headline
    which = "last" if record.final is None else "final"
    panel = Panel(
        "Predicted against true return",
        f"Each dot is an episode of the {which} evaluation. What the policy was trained to "
        "maximise, against what was meant.",
        evaluation_only=True,
    )
    if record.learns_from_truth:
        return panel.lacking(NO_MODEL)
    pairs = _return_pairs(evaluation) if evaluation else []
    if len(pairs) < 3:
        return panel.lacking(f"the {which} evaluation has no predicted returns")
    predicted, true = np.transpose(pairs)
    rank = spearman(predicted, true)

    def plot(figure: Figure) -> None:
        axes = figure.add_subplot()
        axes.scatter(true, predicted, s=26, color=chart.MODEL, alpha=0.55, linewidth=0)
        axes.annotate(
            f"Spearman {rank:.2f}", (0.03, 0.97), xycoords="axes fraction",
            va="top", fontsize=12, fontweight="bold", color=chart.MODEL,
        )  # fmt: skip
        axes.margins(0.06, 0.12)
        axes.set_xlabel("true return")
        axes.set_ylabel("predicted return")

    told = (
        f"Predicted against true return of {len(pairs)} episodes, Spearman's rank correlation "
        f"{rank:.2f}."
    )
    return panel.showing(chart.draw("returns", told, plot))


def _agreement_panel(record: RunRecord) -> Panel:
    panel = Panel(
        "Rank agreement over the run",
        "Spearman's correlation of predicted and true return within each evaluation. As a policy "
        "becomes good everywhere there is less order left to agree on.",
        evaluation_only=True,
    )
    if record.learns_from_truth:
        return panel.lacking(NO_MODEL)
    ranks = [(event, evaluation_spearman(event)) for event in record.evaluations]
    ranks = [(event, rank) for event, rank in ranks if math.isfinite(rank)]
    if not ranks:
        return panel.lacking("no evaluation has predicted returns")
    agreement = np.array([rank for _, rank in ranks])

    def plot(figure: Figure) -> None:
        axes = figure.add_subplot()
        axes.axhline(0, color=chart.MUTED, linewidth=1, linestyle=(0, (1, 3)))
        on_the_way = [(event.steps, rank) for event, rank in ranks if event.moment != "final"]
        if on_the_way:
            axes.plot(
                *np.transpose(on_the_way), color=chart.MODEL, marker="o", markersize=3.5,
                clip_on=False,
            )  # fmt: skip
        for event, rank in ranks:
            if event.moment == "final":
                axes.plot(
                    [event.steps], [rank], color=chart.MODEL, marker="o", markersize=8,
                    markerfacecolor=chart.SURFACE, markeredgecolor=chart.MODEL,
                    markeredgewidth=2.2, clip_on=False,
                )  # fmt: skip
        axes.set_ylim(min(-0.05, float(agreement.min()) - 0.05), 1.04)
        axes.set_xlim(left=0)
        axes.set_xlabel("environment steps")
        chart.thousands(axes.xaxis)

    told = f"Spearman's correlation over {len(ranks)} evaluations, last {agreement[-1]:.2f}."
    return panel.showing(chart.draw("agreement", told, plot))


def evaluation_spearman(evaluation: Evaluated) -> float:
    """Rank correlation of predicted and true return within an evaluation, NaN where unknown."""
    pairs = _return_pairs(evaluation)
    return spearman(*np.transpose(pairs)) if len(pairs) >= 3 else float("nan")


def _return_pairs(evaluation: Evaluated) -> list[tuple[float, float]]:
    both = zip(evaluation.predicted_returns, evaluation.true_returns, strict=False)
    return [(first, second) for first, second in both if math.isfinite(first + second)]
