"""Filling a page's template: everything that comes from a run is escaped, and nothing is loaded."""

from __future__ import annotations

from importlib import resources
from typing import Any

from robofeed.report import wording


def fill(name: str, page: Any) -> str:
    """Return the HTML of template `name` (in this package) for `page`, style included."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("robofeed.report", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(percent=wording.percent, duration=wording.duration)
    css = resources.files("robofeed.report").joinpath("page.css").read_text(encoding="utf-8")
    return environment.get_template(name).render(page=page, css=css)
