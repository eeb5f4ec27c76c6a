"""Feedback in a terminal: the source `terminal` of a run, and `robofeed label RUN --terminal`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from robofeed import hookimpl

if TYPE_CHECKING:
    from robofeed.interfaces import BuildContext, Provider, Ranker
    from robofeed_clips.config import TerminalConfig


@hookimpl
def robofeed_feedback_sources() -> list[Provider[Ranker]]:
    """The source `terminal`."""
    from robofeed.interfaces import Provider
    from robofeed_clips.config import TerminalConfig

    summary = "a person answers by keys, over SSH too"
    return [Provider("terminal", TerminalConfig, _terminal, summary, takes_terminal=True)]


def _terminal(config: TerminalConfig, context: BuildContext) -> Ranker:
    from robofeed_clips.source import TerminalSource

    return TerminalSource(config, context.run_dir)
