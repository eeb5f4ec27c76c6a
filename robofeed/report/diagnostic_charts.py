"""Small curves of what the learner reports about itself."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from robofeed.report import chart
from robofeed.report.panel import Panel
from robofeed.report.run_record import RunRecord

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_CURVES = 18
"""Beyond so many metrics a page helps nobody; TensorBoard shows all."""


def diagnostic_panels(record: RunRecord) -> list[Panel]:
    """A small chart a metric, speed first, in the order the learner reports them."""
    series: dict[str, list[tuple[float, float]]] = {}
    for event in record.updates:
        own = {"steps a second": event.steps_per_s, **event.metrics}
        for name, value in own.items():
            if math.isfinite(value):
                series.setdefault(name, []).append((event.steps, value))
    drawable = {name: points for name, points in series.items() if len(points) >= 2}
    return [_panel(name, points) for name, points in list(drawable.items())[:MOST_CURVES]]


def _panel(name: str, points: list[tuple[float, float]]) -> Panel:
    steps, values = np.transpose(points)

    def plot(figure: Figure) -> None:
        axes = figure.add_subplot()
        axes.plot(steps, values, color=chart.INK, linewidth=1.4)
        axes.set_xlim(left=0)
        chart.thousands(axes.xaxis)
        axes.locator_params(axis="y", nbins=4)

    title = name.replace("_", " ").replace("/", " · ")
    told = f"{title} against environment steps, last {values[-1]:.3g}."
    return Panel(title).showing(chart.draw(f"diagnostic-{name}", told, plot, 320, 170))
