"""What a run's events say of it so far: the figures a display shows."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from typing import Any

from robofeed.events import (
    EpisodeRecorded,
    Evaluated,
    Event,
    FeedbackReceived,
    RewardFitted,
    RunFinished,
    RunStarted,
    Updated,
)

_RATE_WINDOW_S = 30.0
"""Speeds are over so much of the latest past: old speed says little where phases differ."""


class RunStatus:
    """Takes events in order; its attributes are the newest figures, None where there is none."""

    def __init__(self, total_steps: int | None, answers_budget: int) -> None:
        self.total_steps = total_steps
        self.answers_budget = answers_budget
        self.title = ""
        self.learns_from_truth = False
        self.phase = "starting"
        self.wall_s = 0.0
        self.steps = 0
        self.updates: int | None = None
        self.updates_per_s: float | None = None
        self.answers = 0
        self.open_queries = 0
        self.waiting = False
        self.fits = 0
        self.held_out_accuracy: float | None = None
        self.calibration_error: float | None = None
        self.success_rate: float | None = None
        self.success_interval = (0.0, 1.0)
        self.success_history: tuple[float, ...] = ()
        self.timed_steps = 0
        """steps of this session by an arm that keeps real time"""
        self.late_steps = 0
        self.most_late_ms = 0.0
        self.finished: RunFinished | None = None
        self._stop: Mapping[str, Any] = {}
        self._pace: deque[tuple[float, int]] = deque([(0.0, 0)])
        self._last_update = (0.0, 0)

    def take(self, event: Event) -> None:
        """Take one event."""
        self.wall_s, self.steps = event.wall_s, event.steps
        if isinstance(event, RunStarted):
            self._start(event)
        elif isinstance(event, Updated):
            self._update(event)
        elif isinstance(event, EpisodeRecorded):
            if event.overruns is not None:
                self.timed_steps += event.length
                self.late_steps += event.overruns
                self.most_late_ms = max(self.most_late_ms, event.most_late_ms)
        elif isinstance(event, FeedbackReceived):
            self.answers, self.open_queries = event.answers, event.open_queries
            self.waiting = event.waiting
        elif isinstance(event, RewardFitted):
            self.fits += 1
            self.answers = event.answers
            self.held_out_accuracy = _number(event.report.held_out_accuracy)
            self.calibration_error = _number(event.report.calibration_error)
        elif isinstance(event, Evaluated):
            self.success_rate, self.success_interval = event.success_rate, event.interval
            self.success_history = (*self.success_history, event.success_rate)
        elif isinstance(event, RunFinished):
            self.finished, self.phase = event, "finished"
            self.answers = event.answers
        self._pace.append((event.wall_s, event.steps))
        while len(self._pace) > 2 and event.wall_s - self._pace[0][0] > _RATE_WINDOW_S:
            self._pace.popleft()

    @property
    def doing(self) -> str:
        """The phase, or what the run waits for."""
        return "waiting for answers" if self.waiting and self.finished is None else self.phase

    @property
    def steps_per_s(self) -> float | None:
        """Environment steps a second of late, learning and evaluating included."""
        first, last = self._pace[0], self._pace[-1]
        passed_s, steps = last[0] - first[0], last[1] - first[1]
        return steps / passed_s if passed_s > 0 and steps > 0 else None

    @property
    def eta_s(self) -> float | None:
        """Seconds until the step or the time budget is used up, None where it cannot be told."""
        left: list[float] = []
        rate = self.steps_per_s
        if self.total_steps is not None and rate:
            left.append((self.total_steps - self.steps) / rate)
        limit_s = self._stop.get("wall_s")
        if isinstance(limit_s, int | float):
            left.append(limit_s - self.wall_s)
        return max(min(left), 0.0) if left and self.finished is None else None

    @property
    def stop_rules(self) -> list[str]:
        """The rules that may end the run, in words; those that see true success say so."""
        rules = []
        steps = self._stop.get("steps", self.total_steps)
        if isinstance(steps, int):
            rules.append(f"{steps:,} steps")
        if isinstance(wall_s := self._stop.get("wall_s"), int | float):
            rules.append(f"{wall_s:g} s")
        if isinstance(answers := self._stop.get("answers"), int):
            rules.append(f"{answers:,} answers")
        if isinstance(fits := self._stop.get("plateau_fits"), int):
            rules.append(f"no better held-out accuracy over {fits} fits")
        if isinstance(rate := self._stop.get("success_rate"), int | float):
            times = self._stop.get("over_evaluations", 1)
            rules.append(f"success {100 * rate:g} % held {times} times (evaluation only)")
        return rules

    def _start(self, event: RunStarted) -> None:
        config = event.config
        backend = _table(config, "backend")
        settings = _table(backend, str(backend.get("use", "")))
        run = _table(config, "run")
        reward = _table(config, "reward").get("use")
        self.learns_from_truth = reward == "truth"
        parts = [
            str(settings.get("task", "")),
            str(settings.get("arm", backend.get("use", ""))),
            "GROUND-TRUTH BASELINE" if self.learns_from_truth else "",
            f"seed {run['seed']}" if "seed" in run else "",
            "resumed" if event.resumed_from is not None else "",
        ]
        self.title = ", ".join(part for part in parts if part)
        self._stop = _table(config, "stop")
        # What was done before a resumption says nothing about the speed of now.
        self._pace = deque([(event.wall_s, event.steps)])
        self._last_update = (event.wall_s, self.updates or 0)

    def _update(self, event: Updated) -> None:
        then_s, before = self._last_update
        if event.wall_s > then_s and event.updates >= before:
            self.updates_per_s = (event.updates - before) / (event.wall_s - then_s)
        self._last_update = (event.wall_s, event.updates)
        self.updates, self.phase = event.updates, event.phase
        self.answers = max(self.answers, event.answers)


def _table(values: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    inner = values.get(key)
    return inner if isinstance(inner, Mapping) else {}


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
