"""Drawing a chart as inline SVG whose colours follow the page, in light and in dark.

Charts are drawn by matplotlib in stand-in colours; each stand-in becomes a CSS variable of the page
(`page.css`), so that one drawing serves both themes. Text stays text, in the page's own font.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK: Final = "#010a01"
MUTED: Final = "#010a02"
LINE: Final = "#010a03"
SURFACE: Final = "#010a04"
SUCCESS: Final = "#010a05"
"""evaluation success: true success wherever it is drawn"""
HUMAN: Final = "#010a06"
"""what people, or the teachers that stand in for them, said"""
MODEL: Final = "#010a07"
"""the reward model"""
TRUTH: Final = "#010a08"
"""other ground truth: true returns"""
BAD: Final = "#010a09"

_VARIABLES: Final = {
    INK: "ink",
    MUTED: "muted",
    LINE: "line",
    SURFACE: "surface",
    SUCCESS: "success",
    HUMAN: "human",
    MODEL: "model",
    TRUTH: "truth",
    BAD: "bad",
}
SERIES: Final = (SUCCESS, HUMAN, MODEL, TRUTH, BAD, INK)
"""Colours of unrelated series, in order."""


def css_colour(colour: str) -> str:
    """How the page writes one of the colours above."""
    return f"var(--{_VARIABLES[colour]})"


WIDTH: Final = 460
HEIGHT: Final = 280
"""Size of a chart in CSS pixels at scale 1; it scales with its column."""

_SETTINGS: Final = {
    "axes.axisbelow": True,
    "axes.edgecolor": LINE,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.labelcolor": MUTED,
    "axes.labelsize": 11,
    "axes.linewidth": 1.0,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.facecolor": "none",
    "font.size": 11,
    "grid.color": LINE,
    "grid.linewidth": 0.8,
    "legend.fontsize": 10.5,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "lines.solid_capstyle": "round",
    "svg.fonttype": "none",
    "text.color": INK,
    "text.parse_math": False,
    "xtick.color": LINE,
    "xtick.labelcolor": MUTED,
    "xtick.labelsize": 10.5,
    "ytick.color": LINE,
    "ytick.labelcolor": MUTED,
    "ytick.labelsize": 10.5,
    "ytick.major.size": 0,
}


def draw(
    name: str,
    describe: str,
    plot: Callable[[Figure], None],
    width: int = WIDTH,
    height: int = HEIGHT,
) -> str:
    """Return what `plot` draws on an empty figure as an `<svg>` element to put into the page.

    `name` is unique in the page: it keeps the element ids of two charts apart and the same drawing
    the same bytes. `describe` says in words what is to be seen, for who cannot see it.
    """
    import matplotlib
    from matplotlib.figure import Figure

    settings: Any = {**_SETTINGS, "svg.hashsalt": name}
    with matplotlib.rc_context(settings):
        figure = Figure(figsize=(width / 72, height / 72), layout="constrained")
        plot(figure)
        drawn = io.StringIO()
        figure.savefig(
            drawn,
            format="svg",
            transparent=True,
            metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")),
        )
    return _inline(drawn.getvalue(), describe, width, height)


def _inline(document: str, describe: str, width: int, height: int) -> str:
    """Turn a whole SVG document into an element that takes its colours and font from the page."""
    body = document[document.index("<svg") :]
    body = re.sub(
        r"<svg[^>]*>",
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(describe)}">',
        body,
        count=1,
    )
    # The page has the rule this style sheet sets; left here, it would reach out of the chart.
    body = re.sub(r"<style[^>]*>.*?</style>", "", body, count=1, flags=re.DOTALL)
    body = re.sub(r'<g id="[^"]*"', "<g", body)
    body = re.sub(r"font-family: [^;\"]*;? ?", "", body)
    for colour in _VARIABLES:
        body = body.replace(colour, css_colour(colour))
    return re.sub(r"\s*\n\s*", "\n", body).strip()


def thousands(axis: Any, whole: bool = True) -> None:
    """Label an axis as 500, 2k, 10k, 1.5M; at whole numbers only, where it counts something."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axis.set_major_locator(MaxNLocator(nbins=6, integer=whole, steps=[1, 2, 2.5, 5, 10]))
    axis.set_major_formatter(FuncFormatter(lambda value, _: short_count(value)))


def short_count(value: float) -> str:
    """Write a count in few characters: 500, 2k, 12.5k, 1.5M."""
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}"


def percent_axis(axes: Axes, low: float = 0.0) -> None:
    """Make the y axis one of rates from `low` to 100 %, with room for a figure above."""
    from matplotlib.ticker import PercentFormatter

    axes.set_ylim(low - 0.03, 1.12)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))
    axes.set_yticks([tick / 100 for tick in (0, 25, 50, 75, 100) if tick / 100 >= low])
