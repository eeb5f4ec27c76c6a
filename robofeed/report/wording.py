"""Figures in words: one way to write a rate, a count and a duration in every report."""

from __future__ import annotations

import math
from collections.abc import Sequence

UNKNOWN = "\N{EN DASH}"
"""What stands where there is no figure."""


def percent(rate: float | None, decimals: int = 0) -> str:
    """Write a rate in [0, 1] as "97 %"."""
    if rate is None or not math.isfinite(rate):
        return UNKNOWN
    return f"{100 * rate:.{decimals}f} %"


def interval_percent(interval: tuple[float, float]) -> str:
    """Write an interval of rates as "91.5 to 99.0 %"."""
    if not all(map(math.isfinite, interval)):
        return UNKNOWN
    return f"{100 * interval[0]:.1f} to {100 * interval[1]:.1f} %"


def count(value: int | None) -> str:
    """Write a whole number with thin groups: "12,000"."""
    return UNKNOWN if value is None else f"{value:,}"


def number(value: float | None, digits: int = 3) -> str:
    """Write a measured number to so many significant digits."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    if value != 0 and not 1e-3 <= abs(value) < 1e6:
        return f"{value:.{digits - 1}e}"
    return f"{float(f'{value:.{digits}g}'):,.10g}"


def duration(seconds: float) -> str:
    """Write a time as "42 s", "4 min 12 s" or "2 h 05 min"."""
    if not math.isfinite(seconds):
        return UNKNOWN
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def plural(number_of: int, noun: str) -> str:
    """Write "1 episode", "2 episodes"."""
    return f"{number_of:,} {noun}{'' if number_of == 1 else 's'}"


def seeds(values: Sequence[int]) -> str:
    """Write seeds as runs of numbers: "0-19", "3, 7-9"."""
    ordered = sorted(set(values))
    parts: list[str] = []
    start = 0
    for place in range(1, len(ordered) + 1):
        if place < len(ordered) and ordered[place] == ordered[place - 1] + 1:
            continue
        first, last = ordered[start], ordered[place - 1]
        parts.append(str(first) if first == last else f"{first}-{last}")
        start = place
    shown = ", ".join(parts[:4])
    return f"{shown}, ..." if len(parts) > 4 else shown or UNKNOWN
