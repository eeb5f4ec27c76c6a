"""The hooks, nothing else. A plugin implements the ones it needs, marked with `hookimpl`.

Arguments are passed by keyword, and an implementation names only those it wants. The module that an
entry point of group `robofeed` names holds the implementations and imports nothing heavy: whatever
needs torch, pybullet, cv2 or a serial port is imported inside `Provider.create`.

    from robofeed import hookimpl

    @hookimpl
    def robofeed_backends():
        from my_arm.provider import PROVIDER
        return [PROVIDER]
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pluggy import HookimplMarker, HookspecMarker

if TYPE_CHECKING:
    from robofeed.events import (
        Corrected,
        EpisodeRecorded,
        Evaluated,
        FeedbackReceived,
        RewardFitted,
        RunFinished,
        RunStarted,
        Updated,
    )
    from robofeed.interfaces import Backend, Learner, Provider, Ranker, RewardModel

hookspec = HookspecMarker("robofeed")
hookimpl = HookimplMarker("robofeed")

# --- what a plugin offers: pure, no arguments, called once ----------------------------------------


@hookspec
def robofeed_backends() -> list[Provider[Backend]]:  # type: ignore[empty-body]
    """Arms and simulators, chosen by `[backend] use`."""


@hookspec
def robofeed_feedback_sources() -> list[Provider[Ranker]]:  # type: ignore[empty-body]
    """People, real or simulated, chosen by `[feedback] use`."""


@hookspec
def robofeed_reward_models() -> list[Provider[RewardModel]]:  # type: ignore[empty-body]
    """Models of what people prefer, chosen by `[reward] use`."""


@hookspec
def robofeed_learners() -> list[Provider[Learner]]:  # type: ignore[empty-body]
    """What improves the policy, chosen by `[learner] use`."""


# --- what a plugin may watch: between episodes, arm holding still; return values are ignored ------


@hookspec
def robofeed_run_started(event: RunStarted) -> None:
    """A run begins or resumes; `event.run_dir` is its folder."""


@hookspec
def robofeed_episode_recorded(event: EpisodeRecorded) -> None:
    """An episode is closed on disk and may be read."""


@hookspec
def robofeed_feedback_received(event: FeedbackReceived) -> None:
    """New records from people reached the learner."""


@hookspec
def robofeed_updated(event: Updated | RewardFitted | Evaluated | Corrected) -> None:
    """What is learned changed or was measured: an update, a reward fit, an evaluation, corrections.

    One hook for the four, told apart by the type of `event`.
    """


@hookspec
def robofeed_run_finished(event: RunFinished) -> None:
    """The run ended and its folder is complete. The last call an observer gets."""
