"""What the safety gates did over a run, and whether its seeds were kept apart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from robofeed.data.observation import Gate
from robofeed.report import wording
from robofeed.report.run_record import RunRecord


@dataclass(frozen=True, slots=True)
class EpisodeGates:
    """What is needed of a stored training episode: its seed and the gates of its steps."""

    seed: int | None
    gates: NDArray[np.uint16]
    """[T], bits of `Gate`"""


@dataclass(frozen=True, slots=True)
class GateBar:
    """Steps that one gate touched, and their share of all."""

    label: str
    steps: int
    share: float
    refusal: bool


@dataclass(frozen=True, slots=True)
class SafetySummary:
    """The safety section: a sentence, and the gates where the episodes could be read."""

    lead: str
    bars: Sequence[GateBar] = ()
    untouched: Sequence[str] = ()
    """gates that touched nothing"""
    missing: str = ""


def summarise_safety(record: RunRecord, episodes: Iterable[EpisodeGates]) -> SafetySummary:
    """Count refused actions from the events and gates from the stored `episodes`."""
    gates = [episode.gates for episode in episodes]
    steps = np.concatenate(gates) if gates else np.zeros(0, np.uint16)
    lead = _refused(record) + _clock(record)
    if steps.size == 0:
        return SafetySummary(lead, missing="no stored training episode, so no gates to count")
    touched = float((steps != 0).mean())
    lead += (
        f" A gate touched {wording.percent(touched, 1)} of {wording.count(len(steps))} training "
        f"steps in {wording.plural(len(gates), 'stored episode')}: most clip the action to what "
        "the arm may do, some refuse it and hold."
    )
    bars: list[GateBar] = []
    untouched: list[str] = []
    for gate in Gate:
        count = int(((steps & np.uint16(gate)) != 0).sum())
        label = (gate.name or "").replace("_", " ").lower().replace("ik ", "IK ")
        if count == 0:
            untouched.append(label)
            continue
        refusal = bool(gate & Gate.refusals())
        bars.append(GateBar(label, count, count / len(steps), refusal))
    return SafetySummary(lead, sorted(bars, key=lambda bar: -bar.steps), untouched)


def _refused(record: RunRecord) -> str:
    refused = sum(episode.refused for episode in record.training_episodes)
    if not record.training_episodes:
        return "No training episode is on record."
    if refused == 0:
        return "No action was refused in training."
    return f"{wording.plural(refused, 'action')} refused in training; the arm held instead."


def _clock(record: RunRecord) -> str:
    """How an arm that keeps real time kept it; nothing to say of a simulator."""
    timed = [each for each in record.training_episodes if each.overruns is not None]
    if not timed:
        return ""
    steps = wording.count(sum(each.length for each in timed))
    late = sum(each.overruns or 0 for each in timed)
    if not late:
        return f" None of its {steps} training steps came late."
    most_ms = max(each.most_late_ms for each in timed)
    return (
        f" {wording.count(late)} of {steps} training steps came late, at most by {most_ms:.0f} ms."
    )


@dataclass(frozen=True, slots=True)
class SeedCheck:
    """Whether the evaluation seeds were kept apart: `state` is yes, no or unknown."""

    state: str
    text: str


def check_seeds(record: RunRecord, episodes: Sequence[EpisodeGates]) -> SeedCheck:
    """Compare the headline's seeds with those of the stored training episodes and evaluations."""
    evaluation = record.headline
    if evaluation is None:
        return SeedCheck("unknown", "There are no evaluation seeds to check.")
    seeds = set(evaluation.seeds)
    trained = {episode.seed for episode in episodes if episode.seed is not None}
    during = {
        seed
        for event in record.evaluations
        # Evaluations on the way share their seeds; the reported one must not have them.
        if evaluation is record.final and event is not evaluation
        for seed in event.seeds
    }
    shared = seeds & (trained | during)
    if shared:
        return SeedCheck(
            "no",
            f"{len(shared)} of {len(seeds)} evaluation seeds were seen before "
            f"({wording.seeds(sorted(shared))}), so this figure flatters.",
        )
    if not trained:
        return SeedCheck(
            "unknown",
            "Whether these seeds were kept out of training is not checked: no seeds of training "
            "episodes are on record.",
        )
    return SeedCheck(
        "yes",
        f"Checked: none of its {len(seeds)} seeds is among the {len(trained):,} of stored training "
        "episodes" + (f" or the {len(during)} of earlier evaluations." if during else "."),
    )
