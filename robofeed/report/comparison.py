"""Several runs side by side: grouped by configuration, seeds apart, with how sure that makes us."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from robofeed.data.errors import DataError
from robofeed.events import Evaluated
from robofeed.report.facts import arm_and_task, demonstrations
from robofeed.report.run_record import RunRecord, read_run
from robofeed.report.statistics import bootstrap_interval, interquartile_mean

_NOT_CONFIGURATION = frozenset({"run.name", "run.out", "run.preset", "run.seed"})
"""Keys that say which run this is, not how it was set up."""
_PROVIDERS = ("backend", "feedback", "reward", "learner")


@dataclass(frozen=True, slots=True)
class Point:
    """An evaluation on the way: true success against what it had cost by then."""

    steps: int
    answers: int
    wall_s: float
    success_rate: float


@dataclass(frozen=True, slots=True)
class RunResult:
    """One finished run. Its success rate is that of the final evaluation, a true success rate."""

    name: str
    run_dir: Path
    seed: int | None
    task: str
    successes: int
    episodes: int
    success_rate: float
    interval: tuple[float, float]
    collisions: int
    answers: int
    demonstrations: int
    steps: int
    wall_s: float
    stop_rule: str
    learns_from_truth: bool
    curve: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Runs of one configuration. `interval` is None for one run, which tells nothing of others."""

    label: str
    runs: tuple[RunResult, ...]
    interquartile_mean: float
    interval: tuple[float, float] | None
    median: float

    @property
    def learns_from_truth(self) -> bool:
        """Whether it is a ground-truth baseline."""
        return self.runs[0].learns_from_truth


@dataclass(frozen=True, slots=True)
class Comparison:
    """Groups in the order their first run was given, and the runs that could not be compared."""

    groups: tuple[Group, ...]
    left_out: tuple[str, ...]


def compare_runs(run_dirs: Sequence[Path], rng: np.random.Generator) -> Comparison:
    """Group finished runs by configuration and aggregate their final success rates.

    Raises:
        DataError: a folder that is no run folder.
        DataError: no run among them has a final evaluation.
    """
    given = dict.fromkeys(run_dirs)
    # `runs/*` takes an earlier comparison.html along.
    files = [path for path in given if path.is_file()]
    records = [read_run(run_dir) for run_dir in given if run_dir not in files]
    left_out = [f"{path}: it is a file" for path in files] + [
        f"{record.run_dir}: it has no final evaluation (status: "
        f"{record.about.get('status', 'unknown')})"
        for record in records
        if record.final is None
    ]
    finals = [(record, record.final) for record in records if record.final is not None]
    if not finals:
        raise DataError(
            "no run to compare has a final evaluation: "
            + "; ".join(left_out)
            + ". Let them finish "
            "(`robofeed resume RUN`) or measure one with `robofeed eval RUN`"
        )
    results = [_result(record, final) for record, final in finals]
    sets_up = [_configuration(record) for record, _ in finals]
    by_set_up: dict[str, list[int]] = {}
    for index, set_up in enumerate(sets_up):
        by_set_up.setdefault(json.dumps(set_up, sort_keys=True, default=str), []).append(index)
    labels = _labels([sets_up[indices[0]] for indices in by_set_up.values()])
    groups = tuple(
        _group(label, [results[index] for index in indices], rng)
        for label, indices in zip(labels, by_set_up.values(), strict=True)
    )
    return Comparison(groups, tuple(left_out))


def _group(label: str, runs: Sequence[RunResult], rng: np.random.Generator) -> Group:
    label = label or runs[0].task or "all runs"
    if runs[0].learns_from_truth:
        label += " (ground-truth baseline)"
    rates = [run.success_rate for run in runs]
    # One configuration is one task, so there is a single stratum.
    return Group(
        label,
        tuple(runs),
        float(interquartile_mean(rates)),
        bootstrap_interval([rates], rng) if len(rates) > 1 else None,
        float(np.median(rates)),
    )


def _result(record: RunRecord, final: Evaluated) -> RunResult:
    seed = record.about.get("seed", record.setting("run", "seed"))
    return RunResult(
        name=str(record.about.get("name", record.run_dir.name)),
        run_dir=record.run_dir,
        seed=seed if isinstance(seed, int) else None,
        task=" ".join(part for part in arm_and_task(record) if part),
        successes=final.successes,
        episodes=len(final.seeds),
        success_rate=final.success_rate,
        interval=final.interval,
        collisions=final.collisions,
        answers=record.answers,
        demonstrations=demonstrations(record),
        steps=record.steps,
        wall_s=record.wall_s,
        stop_rule=record.finished.stop_rule if record.finished else "",
        learns_from_truth=record.learns_from_truth,
        curve=tuple(
            Point(event.steps, event.answers, event.wall_s, event.success_rate)
            for event in record.evaluations
        ),
    )


def _configuration(record: RunRecord) -> dict[str, Any]:
    """The settings that count, flat: tables of providers that are not in use do not."""
    counted: dict[str, Any] = {}
    for table, values in record.config.items():
        if table in _PROVIDERS and isinstance(values, Mapping):
            use, own = record.provider(table)
            values = {"use": use, use: own}
        counted.update(_flat(table, values))
    return {key: value for key, value in counted.items() if key not in _NOT_CONFIGURATION}


def _flat(path: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        return {path: value}
    flat: dict[str, Any] = {}
    for key, inner in value.items():
        flat.update(_flat(f"{path}.{key}", inner))
    return flat


def _labels(sets_up: Sequence[Mapping[str, Any]]) -> list[str]:
    """Name each group by the settings in which the groups differ; empty where there is but one."""
    keys = sorted({key for set_up in sets_up for key in set_up})
    differing = [key for key in keys if len({str(set_up.get(key)) for set_up in sets_up}) > 1]
    ends = [key.rsplit(".", 1)[-1] for key in differing]
    names = [
        end if ends.count(end) == 1 and end != "use" else key
        for key, end in zip(differing, ends, strict=True)
    ]
    return [
        ", ".join(
            f"{name}={set_up[key]}"
            for name, key in zip(names, differing, strict=True)
            if key in set_up
        )
        for set_up in sets_up
    ]
