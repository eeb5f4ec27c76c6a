"""The page of a run: one file that loads nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version

import numpy as np

from robofeed.data.batch import PersonWeight
from robofeed.events import Evaluated
from robofeed.report import wording
from robofeed.report.clips import Film
from robofeed.report.diagnostic_charts import diagnostic_panels
from robofeed.report.facts import (
    Fact,
    arm_and_task,
    cost_facts,
    set_up_facts,
    taught_by,
    version_facts,
)
from robofeed.report.feedback_summary import FeedbackSummary
from robofeed.report.learning_charts import learning_panels
from robofeed.report.panel import Panel
from robofeed.report.reward_charts import NO_MODEL, evaluation_spearman, reward_panels
from robofeed.report.run_record import RunRecord
from robofeed.report.safety_summary import (
    EpisodeGates,
    SafetySummary,
    SeedCheck,
    check_seeds,
    summarise_safety,
)


@dataclass(frozen=True, slots=True)
class EvaluationRow:
    """One line of the table of evaluations, in words."""

    moment: str
    step: str
    time: str
    answers: str
    success: str
    of: str
    interval: str
    true_return: str
    spearman: str
    collisions: str
    seeds: str
    final: bool


@dataclass(frozen=True, slots=True)
class Page:
    """What the template shows. Rates of the scale are in percent."""

    title: str
    kind: str
    name: str
    status: str
    subject: str
    by: str
    rate: str
    interval: str
    low: float
    high: float
    point: float
    claim: str
    truth_baseline: bool
    disjoint: SeedCheck
    notices: Sequence[str]
    cost: Sequence[Fact]
    set_up: Sequence[Fact]
    versions: Sequence[Fact]
    films: Sequence[Film]
    learning: Sequence[Panel]
    reward: Sequence[Panel]
    reward_lead: str
    diagnostics: Sequence[Panel]
    feedback: FeedbackSummary
    safety: SafetySummary
    evaluations: Sequence[EvaluationRow]
    config_text: str
    command: str
    version: str


def compose(
    record: RunRecord,
    films: Sequence[Film],
    feedback: FeedbackSummary,
    episodes: Sequence[EpisodeGates],
) -> Page:
    """Draw and word everything the page shows."""
    arm, task = arm_and_task(record)
    subject = f"{arm} learns {task or 'a task'}" if arm else record.run_dir.name
    kind = "run report"
    if record.learns_from_truth:
        subject, kind = f"{subject} from ground truth (baseline)", "ground-truth baseline report"
    headline = record.headline
    rate = headline.success_rate if headline else float("nan")
    low, high = headline.interval if headline else (0.0, 0.0)
    name = str(record.about.get("name", record.run_dir.name))
    return Page(
        title=f"{subject} · {name}" + (f" · {wording.percent(rate)}" if headline else ""),
        kind=kind,
        name=name,
        status=str(record.about.get("status", "unknown")),
        subject=subject,
        by=taught_by(record),
        rate=f"{100 * rate:.0f}" if headline else "",
        interval=wording.interval_percent((low, high)),
        low=100 * low,
        high=100 * high,
        point=100 * rate,
        claim=_claim(record),
        truth_baseline=record.learns_from_truth,
        disjoint=check_seeds(record, episodes),
        notices=_notices(record),
        cost=cost_facts(record, feedback.pairs),
        set_up=set_up_facts(record),
        versions=version_facts(record),
        films=films,
        learning=learning_panels(record),
        reward=reward_panels(record),
        reward_lead=_reward_lead(record),
        diagnostics=diagnostic_panels(record),
        feedback=feedback,
        safety=summarise_safety(record, episodes),
        evaluations=[_row(event, event is record.final) for event in record.evaluations],
        config_text=record.config_text,
        command="robofeed train --config config.toml",
        version=version("robofeed"),
    )


def _claim(record: RunRecord) -> str:
    event = record.headline
    if event is None:
        return "No evaluation has been recorded yet."
    count = f"{event.successes} of {wording.plural(len(event.seeds), 'evaluation episode')}"
    if record.final is None:
        return (
            f"{count} succeeded at the latest evaluation (step {event.steps:,}), not the final one."
        )
    return f"{count} succeeded with the policy that training ended with, acting without noise."


def _notices(record: RunRecord) -> list[str]:
    notices = list(record.missing)
    if record.finished is None:
        how = "failed" if record.about.get("status") == "failed" else "has not finished"
        notices.append(f"The run {how}: figures are those of its last recorded moment.")
    elif record.final is None:
        notices.append("There is no final evaluation: the headline is the latest one.")
    if record.superseded:
        notices.append(
            f"The run was resumed from a checkpoint; {wording.plural(record.superseded, 'event')} "
            "after that checkpoint were done again and are left out here."
        )
    return notices


def _reward_lead(record: RunRecord) -> str:
    if record.learns_from_truth:
        return f"None: {NO_MODEL}."
    if not record.fits:
        return "It has not been fitted."
    last = record.fits[-1].report
    return (
        f"After {wording.plural(len(record.fits), 'fit')}, the last to "
        f"{wording.plural(last.labels, 'ranking')}, it orders "
        f"{wording.percent(last.held_out_accuracy)} of the pairs in "
        f"{wording.plural(last.held_out_labels, 'held-out ranking')} as they were answered "
        f"(log loss {wording.number(last.held_out_log_loss)}, expected calibration error "
        f"{wording.number(last.calibration_error, 2)})." + _reliance(last.people)
    )


def _reliance(people: Sequence[PersonWeight]) -> str:
    """What each person's answers were found to count for; nothing where there is only one."""
    if not people:
        return ""
    told = (
        f"{each.person} {wording.percent(each.weight)} ({wording.plural(each.rankings, 'ranking')})"
        for each in people
    )
    return (
        " Judged by what the others taught, answers count as follows, 0 % being answers at "
        f"random: {', '.join(told)}."
    )


def _row(event: Evaluated, final: bool) -> EvaluationRow:
    rank = evaluation_spearman(event)
    returns = [value for value in event.true_returns if np.isfinite(value)]
    return EvaluationRow(
        moment=event.moment,
        step=wording.count(event.steps),
        time=wording.duration(event.wall_s),
        answers=wording.count(event.answers),
        success=wording.percent(event.success_rate),
        of=f"{event.successes}/{len(event.seeds)}",
        interval=wording.interval_percent(event.interval),
        true_return=wording.number(float(np.mean(returns))) if returns else wording.UNKNOWN,
        spearman=f"{rank:.2f}" if np.isfinite(rank) else wording.UNKNOWN,
        collisions=wording.count(event.collisions),
        seeds=wording.seeds(event.seeds),
        final=final,
    )
