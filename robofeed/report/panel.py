"""A panel of the page: a picture or table with its title, or the reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Panel:
    """What stands in one card of the page. `svg` and `missing` exclude each other."""

    title: str
    note: str = ""
    evaluation_only: bool = False
    """it shows true success or true return, which only evaluation may see"""
    svg: str = ""
    missing: str = ""

    def showing(self, svg: str) -> Panel:
        """The panel with its picture."""
        return replace(self, svg=svg)

    def lacking(self, reason: str) -> Panel:
        """The panel without a picture, saying why."""
        return replace(self, missing=reason)
