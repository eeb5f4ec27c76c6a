"""When a run is done. Each rule says which it is, and whether it looked at true success."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Progress:
    """How far a run is: what stop rules and displays look at."""

    steps: int = 0
    updates: int = 0
    answers: int = 0
    wall_s: float = 0.0
    step_of_last_answer: int = 0
    success_rates: list[float] = field(default_factory=list)
    """true success of every evaluation during the run"""
    held_out_accuracies: list[float] = field(default_factory=list)
    """of every reward fit"""


@dataclass(frozen=True, slots=True)
class Fired:
    """A rule that ended the run."""

    rule: str
    detail: str
    uses_true_success: bool = False


StopRule = Callable[[Progress], Fired | None]


def step_budget(steps: int) -> StopRule:
    """Stop after so many environment steps, over all arms."""

    def rule(progress: Progress) -> Fired | None:
        if progress.steps < steps:
            return None
        return Fired("step budget", f"{progress.steps} of {steps} steps")

    return rule


def wall_time(seconds: float) -> StopRule:
    """Stop after so many seconds of training, resumed time included."""

    def rule(progress: Progress) -> Fired | None:
        if progress.wall_s < seconds:
            return None
        return Fired("wall time", f"{progress.wall_s:.0f} of {seconds:.0f} s")

    return rule


def label_budget(answers: int, settle_steps: int) -> StopRule:
    """Stop `settle_steps` after the last answer of the budget: time to learn from it."""

    def rule(progress: Progress) -> Fired | None:
        since = progress.steps - progress.step_of_last_answer
        if progress.answers < answers or since < settle_steps:
            return None
        return Fired("label budget", f"{progress.answers} answers, {since} steps after the last")

    return rule


def success_held(rate: float, evaluations: int) -> StopRule:
    """Stop when true success was at least `rate` in each of the last `evaluations`."""

    def rule(progress: Progress) -> Fired | None:
        last = progress.success_rates[-evaluations:]
        if len(last) < evaluations or min(last) < rate:
            return None
        detail = f"at least {rate:.2f} in {evaluations} evaluations in a row"
        return Fired("success rate held", detail, uses_true_success=True)

    return rule


def accuracy_plateau(fits: int, gain: float) -> StopRule:
    """Stop when the best held-out accuracy of the last `fits` fits is not `gain` above before."""

    def rule(progress: Progress) -> Fired | None:
        history = [value for value in progress.held_out_accuracies if value == value]
        if len(history) < 2 * fits:
            return None
        before, lately = max(history[:-fits]), max(history[-fits:])
        if lately - before > gain:
            return None
        detail = f"best of the last {fits} fits {lately:.3f}, before {before:.3f}"
        return Fired("held-out accuracy plateau", detail)

    return rule
