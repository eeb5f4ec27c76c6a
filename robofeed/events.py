"""The events of a run: what observers are told and what `events.jsonl` in the run folder holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from robofeed.data.batch import FitReport

# Every event carries `wall_s` (seconds since the run started, resumed time included) and `steps`
# (environment steps so far over all arms).


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A run begins or resumes."""

    wall_s: float
    steps: int
    run_dir: str
    config: Mapping[str, Any]
    plugins: tuple[str, ...]
    resumed_from: str | None = None


@dataclass(frozen=True, slots=True)
class EpisodeRecorded:
    """An episode is on disk. `true_return` and `success` are ground truth, None without any."""

    wall_s: float
    steps: int
    episode_id: str
    length: int
    phase: str
    ended: str
    refused: int = 0
    """steps whose action was refused by the safety gates"""
    true_return: float | None = None
    success: bool | None = None
    overruns: int | None = None
    """steps that came late, of an arm that keeps real time; None for a simulator"""
    most_late_ms: float = 0.0
    """by so much came the latest of them"""


@dataclass(frozen=True, slots=True)
class FeedbackReceived:
    """New records reached the learner. `answers` counts answered questions about two clips."""

    wall_s: float
    steps: int
    answers: int
    rankings: int
    skips: int
    demonstrations: int
    new: int
    open_queries: int
    waiting: bool = False
    """the arms now hold still until some of the open queries are answered"""


@dataclass(frozen=True, slots=True)
class Corrected:
    """People steered the arm in an episode, which is on disk."""

    wall_s: float
    steps: int
    episode_id: str
    people: tuple[str, ...]
    """pseudonyms"""
    corrected_steps: int
    latencies_ms: tuple[float, ...]
    """of each key pressed: until the end of the step that obeyed it"""
    overruns: int
    """steps that came later than real time asks for"""


@dataclass(frozen=True, slots=True)
class RewardFitted:
    """The reward model was fitted and the replay relabelled."""

    wall_s: float
    steps: int
    answers: int
    report: FitReport


@dataclass(frozen=True, slots=True)
class Updated:
    """The learner did `updates` updates so far; rates are since the last such event."""

    wall_s: float
    steps: int
    updates: int
    answers: int
    phase: str
    steps_per_s: float
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Evaluated:
    """The present policy on fixed evaluation seeds. Uses true success: never steers training.

    `moment` is "start", "during" or "final"; the final one has the 100 reporting seeds.
    """

    wall_s: float
    steps: int
    answers: int
    moment: str
    policy_version: int
    seeds: tuple[int, ...]
    successes: int
    collisions: int
    success_rate: float
    interval: tuple[float, float]
    """95 % Wilson interval of the success rate"""
    true_returns: tuple[float, ...]
    predicted_returns: tuple[float, ...]
    """summed reward-model output of each; empty before the first fit and in the truth baseline"""
    episode_ids: tuple[str, ...]
    """evaluation episodes kept on disk for clips (a few of `seeds`)"""


@dataclass(frozen=True, slots=True)
class RunFinished:
    """The run ended by `stop_rule`; `uses_true_success` marks a rule that saw ground truth."""

    wall_s: float
    steps: int
    answers: int
    stop_rule: str
    detail: str
    uses_true_success: bool = False


Event = (
    RunStarted
    | EpisodeRecorded
    | FeedbackReceived
    | Corrected
    | RewardFitted
    | Updated
    | Evaluated
    | RunFinished
)
