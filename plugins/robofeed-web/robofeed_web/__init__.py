"""Feedback in a browser: the source `web` of a run, and the page behind `robofeed label`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from robofeed import hookimpl

if TYPE_CHECKING:
    from robofeed.interfaces import BuildContext, Provider, Ranker
    from robofeed_web.config import WebConfig


@hookimpl
def robofeed_feedback_sources() -> list[Provider[Ranker]]:
    """The source `web`."""
    from robofeed.interfaces import Provider
    from robofeed_web.config import WebConfig

    return [Provider("web", WebConfig, _web, "people answer in a browser")]


def _web(config: WebConfig, context: BuildContext) -> Ranker:
    from robofeed_web.source import WebSource

    return WebSource(config, context.run_dir)
